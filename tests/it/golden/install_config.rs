//! `mesh_install_config`: its documents and its diagnostics, by calls of the data source.

use std::fmt::Write as _;

use expect_test::{expect, expect_file};
use terraform_provider_mesh::{diagnostics::Diagnostics, plugin::interface::Call, provider::provider, schema::Value};
use tokio_util::sync::CancellationToken;

use super::hcl;

/// The outputs of a configuration, or its diagnostics.
fn outputs(arguments: &str) -> Result<Value, String> {
    let provider = provider();
    let source = &provider.data_sources["mesh_install_config"];
    let config = hcl::resource(arguments, source.schema());
    let mut out = Diagnostics::default();
    source.validate(&config, &mut out);
    out.no_errors().map_err(|_| out.to_string())?;
    assert_eq!(out.to_string(), "");
    let call = Call { context: None, stop: CancellationToken::new(), deferred: false, replaced_private: Vec::new() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    Ok(runtime.block_on(source.read(call, config, &mut out)).unwrap())
}

fn text(value: &Value) -> &str {
    let Value::String(text) = value else { panic!("{value:?}") };
    text
}

fn documents(values: &Value) -> String {
    let mut page = String::new();
    writeln!(page, "# mesh_config_yaml\n{}", text(values.member("mesh_config_yaml"))).unwrap();
    let Value::Map(charts) = values.member("helm_values") else { panic!("no map") };
    for (chart, values) in charts {
        writeln!(page, "# helm_values[{chart:?}]\n{}", text(values)).unwrap();
    }
    writeln!(page, "# istio_operator_yaml\n{}", text(values.member("istio_operator_yaml"))).unwrap();
    page
}

/// The documents of a configuration, those of older versions of Istio, and the facts for the provider block.
fn rendered(arguments: &str) -> String {
    let values = outputs(arguments).unwrap();
    let mut page = documents(&values);
    let Value::Map(versions) = values.member("rendered") else { panic!("no map") };
    for (version, values) in versions {
        writeln!(page, "## rendered[{version:?}]\n{}", documents(values)).unwrap();
    }
    writeln!(page, "# installed\n{}", hcl::plan_notation(values.member("installed"))).unwrap();
    page
}

/// `meshConfig` of a configuration.
fn mesh_config(arguments: &str) -> serde_json::Value {
    serde_saphyr::from_str(text(outputs(arguments).unwrap().member("mesh_config_yaml"))).unwrap()
}

#[test]
fn defaults_are_best_practices() {
    expect_file!["install_config/defaults.txt"].assert_eq(&rendered(""));
}

/// All arguments that don't exclude each other.
const ALL_ARGUMENTS: &str = r#"
        outbound_traffic_policy             = "allow_any"
        default_export_to                   = ["*"]
        trust_domain                        = "prod.example.com"
        trust_domain_aliases                = ["cluster.local"]
        dns_capture                         = false
        path_normalization                  = "decode_and_merge_slashes"
        hold_application_until_proxy_starts = false
        root_namespace                      = "mesh-system"
        tls {
          min_version         = "1.2"
          gateway_min_version = "1.3"
          cipher_suites       = ["ECDHE-ECDSA-AES256-GCM-SHA384"]
          ecdh_curves         = ["P-256", "X25519MLKEM768"]
        }
        default_retries {
          attempts = 3
          on       = ["connect-failure", "503"]
        }
        discovery_namespaces { labels = { mesh = "yes" } }
        discovery_namespaces { labels = { team = "pci" } }
        locality {
          failover {
            from = "us-east"
            to   = "us-west"
          }
        }
        access_log {
          path = "/var/log/access"
          fields = { who = "%DOWNSTREAM_PEER_URI_SAN%" }
        }
        extension_provider {
          name = "authz-http"
          ext_authz_http {
            service                        = "authz.istio-system.svc.cluster.local"
            port                           = 8000
            path_prefix                    = "/check"
            timeout                        = "500ms"
            fail_open                      = true
            status_on_error                = 503
            headers_in_check               = ["cookie"]
            additional_headers_in_check    = { "x-mesh" = "prod" }
            headers_to_upstream_on_allow   = ["x-user"]
            headers_to_downstream_on_deny  = ["set-cookie"]
            headers_to_downstream_on_allow = ["x-checked"]
            request_body {
              max_bytes     = 8192
              allow_partial = true
            }
          }
        }
        extension_provider {
          name = "authz-grpc"
          ext_authz_grpc {
            service = "authz/authz.istio-system.svc.cluster.local"
            port    = 9000
            request_body {
              max_bytes = 8192
              as_bytes  = true
            }
          }
        }
        extension_provider {
          name = "otel"
          opentelemetry {
            service   = "otel.observability.svc.cluster.local"
            port      = 4318
            http_path = "/v1/traces"
          }
        }
        extension_provider {
          name = "zipkin"
          zipkin {
            service = "zipkin.observability.svc.cluster.local"
            port    = 9411
            path    = "/api"
          }
        }
        extension_provider {
          name = "logs"
          access_log_opentelemetry {
            service  = "otel.observability.svc.cluster.local"
            port     = 4317
            log_name = "mesh"
          }
        }
        extension_provider {
          name = "logs-http"
          access_log_http {
            service = "als.observability.svc.cluster.local"
            port    = 9001
          }
        }
        extension_provider {
          name = "logs-tcp"
          access_log_tcp {
            service = "als.observability.svc.cluster.local"
            port    = 9001
          }
        }
        extension_provider {
          name       = "metrics"
          prometheus = true
        }
    "#;

#[test]
fn every_argument_is_rendered() {
    expect_file!["install_config/all.txt"].assert_eq(&rendered(ALL_ARGUMENTS));
}

/// Istio before 1.31 ignores the policy 140-3 with a line in a log.
#[test]
fn older_versions_have_fips_140_2() {
    expect_file!["install_config/fips.txt"].assert_eq(&rendered("tls {\n  fips = \"140-3\"\n}\n"));
}

#[test]
fn hidden_services_are_refused_where_unknown_hosts_are_called() {
    assert_eq!(mesh_config("")["defaultServiceExportTo"], serde_json::json!(["."]));
    let open = mesh_config("outbound_traffic_policy = \"allow_any\"");
    assert_eq!(open["defaultServiceExportTo"], serde_json::json!(["*"]));
    let narrow = "outbound_traffic_policy = \"allow_any\"\ndefault_export_to = [\".\"]";
    expect![[r#"
        error at default_export_to: Hidden services would be called in clear text
          With outbound_traffic_policy = "allow_any", a call of a service that is hidden from its caller leaves as clear text and without identity, whatever mutual TLS the mesh has. Write default_export_to = ["*"], or outbound_traffic_policy = "registry_only".
    "#]]
    .assert_eq(&outputs(narrow).unwrap_err());
}

#[test]
fn retries_can_be_off_and_repeat_nothing_by_default() {
    assert_eq!(mesh_config("").get("defaultHttpRetryPolicy"), None);
    let policy =
        |block: &str| mesh_config(&format!("default_retries {{\n{block}\n}}\n"))["defaultHttpRetryPolicy"].clone();
    assert_eq!(policy("attempts = 0"), serde_json::json!({ "attempts": 0 }));
    let conditions = policy("attempts = 2")["retryOn"].as_str().unwrap().to_owned();
    expect!["connect-failure,refused-stream,reset-before-request"].assert_eq(&conditions);
}

#[test]
fn each_kind_has_its_own_default_of_exports() {
    let config =
        mesh_config("default_service_export_to = [\"*\"]\ndefault_destination_rule_export_to = [\".\", \"platform\"]");
    assert_eq!(config["defaultServiceExportTo"], serde_json::json!(["*"]));
    assert_eq!(config["defaultVirtualServiceExportTo"], serde_json::json!(["."]));
    assert_eq!(config["defaultDestinationRuleExportTo"], serde_json::json!([".", "platform"]));
    let open = mesh_config("outbound_traffic_policy = \"allow_any\"\ndefault_virtual_service_export_to = [\".\"]");
    assert_eq!(open["defaultVirtualServiceExportTo"], serde_json::json!(["."]));
    let errors = outputs(
        "outbound_traffic_policy = \"allow_any\"\ndefault_export_to = [\"*\"]\ndefault_service_export_to = [\".\"]",
    )
    .unwrap_err();
    assert!(errors.contains("error at default_service_export_to: Hidden services"), "{errors}");
}

/// A proxy refuses every listener whose `http_uri` has no timeout, and Istio has no default.
#[test]
fn spans_over_http_have_a_timeout() {
    let provider = |arguments: &str| {
        let service = "service = \"otel.shop.svc.cluster.local\"\nport = 4318";
        let block =
            format!("extension_provider {{\nname = \"otel\"\nopentelemetry {{\n{service}\n{arguments}\n}}\n}}\n");
        outputs(&block)
            .map(|values| serde_saphyr::from_str::<serde_json::Value>(text(values.member("mesh_config_yaml"))).unwrap())
    };
    let http = |arguments: &str| provider(arguments).unwrap()["extensionProviders"][0]["opentelemetry"]["http"].clone();
    assert_eq!(http("http_path = \"/v1\""), serde_json::json!({ "path": "/v1", "timeout": "1s" }));
    assert_eq!(http("http_path = \"/v1\"\ntimeout = \"3s\"")["timeout"], "3s");
    assert_eq!(http(""), serde_json::Value::Null);
    assert!(provider("timeout = \"3s\"").unwrap_err().contains("timeout without http_path"));
}

/// istiod looks providers of telemetry up without regard to case, Istio's own ones first, and knows authorizers by labels alone.
#[test]
fn names_of_providers_are_found() {
    let errors = outputs(
        "extension_provider {\nname = \"Envoy\"\nprometheus = true\n}\n\
         extension_provider {\nname = \"traces\"\nprometheus = true\n}\n\
         extension_provider {\nname = \"Traces\"\nprometheus = true\n}\n\
         extension_provider {\nname = \"authz.http\"\next_authz_http {\nservice = \"a.b\"\nport = 80\n}\n}\n",
    )
    .unwrap_err();
    expect![[r#"
        error at extension_provider[0].name: Istio has an extension provider of this name
          Telemetry looks names up without regard to case, so "Envoy" is Istio's own provider "envoy". Write another name, or that one to replace it.
        error at extension_provider[2].name: Two extension providers of one name
          istiod takes the last one of two named "Traces". It looks providers of telemetry up without regard to case, and takes the first. Write another name.
        error at extension_provider[3].name: Invalid name of an authorizer
          Lowercase letters, digits and dashes; starts and ends with a letter or digit; 63 characters at most: istiod refuses all requests that "authz.http" should authorize.
    "#]].assert_eq(&errors);
}

#[test]
fn a_text_format_ends_its_lines() {
    let config = mesh_config("access_log {\n  text = \"%REQ(:METHOD)% %RESPONSE_CODE%\"\n}\n");
    assert_eq!(config["accessLogEncoding"], "TEXT");
    assert_eq!(config["accessLogFormat"], "%REQ(:METHOD)% %RESPONSE_CODE%\n");
}

/// All of them are values that istiod or a proxy would drop, or by which it would drop others.
#[test]
fn mistakes_are_reported_all_at_once() {
    let mistakes = r#"
        default_export_to    = ["*", "pci", "Bad_Name"]
        trust_domain         = "Prod"
        trust_domain_aliases = ["a/b"]
        path_normalization   = "DECODE"
        tls {
          min_version   = "1.1"
          fips          = "140-3"
          cipher_suites = ["TLS_AES_128_GCM_SHA256"]
          ecdh_curves   = ["P-224"]
        }
        default_retries {
          attempts = 0
          on       = ["503"]
        }
        discovery_namespaces { labels = { mesh = "a b" } }
        locality {
          enabled = false
          failover {
            from = "us-east"
            to   = "us-east"
          }
          failover_priority = ["topology.kubernetes.io/region"]
        }
        access_log {
          text   = "%BOGUS%"
          fields = { method = "%REQ(:METHOD%", path = "%REQ(:PATH)%" }
        }
        extension_provider {
          name = "authz"
        }
        extension_provider {
          name       = "authz"
          prometheus = true
          ext_authz_grpc {
            service         = "authz"
            port            = 0
            status_on_error = 200
          }
        }
    "#;
    expect![[r#"
        error at default_export_to: Invalid default_export_to
          `.`, `*` or the name of a namespace. Got ["*", "Bad_Name", "pci"].
        error at trust_domain: Invalid trust_domain
          Lowercase letters, digits, dashes and dots; each part between dots starts and ends with a letter or digit and has at most 63 characters; 253 characters at most. Got "Prod".
        error at trust_domain_aliases: Invalid trust_domain_aliases
          Lowercase letters, digits, dashes and dots; each part between dots starts and ends with a letter or digit and has at most 63 characters; 253 characters at most. Got ["a/b"].
        error at path_normalization: Invalid path_normalization
          "DECODE" isn't one of "none", "base", "merge_slashes", "decode_and_merge_slashes".
        error at tls.min_version: Invalid tls.min_version
          "1.1" isn't one of "1.2", "1.3".
        error at tls.cipher_suites: Invalid tls.cipher_suites
          "TLS_AES_128_GCM_SHA256" is a suite of TLS 1.3, which can't be configured: proxies accept all of them. Remove it. (IST0133)
        error at tls.ecdh_curves: Invalid tls.ecdh_curves
          "P-224" isn't a curve that both Istio and Envoy accept. Write some of P-256, P-384, P-521, X25519, X25519MLKEM768.
        error at extension_provider[1].ext_authz_grpc.service: Invalid extension_provider[1].ext_authz_grpc.service
          A fully qualified host, or `namespace/host`; istiod doesn't complete short names, and doesn't find them. Got "authz".
        error at extension_provider[1].ext_authz_grpc.port: Invalid extension_provider[1].ext_authz_grpc.port
          1 to 65535. Got 0.
        error at extension_provider[1].ext_authz_grpc.status_on_error: Invalid extension_provider[1].ext_authz_grpc.status_on_error
          A status code of an error that Envoy knows, 400 to 511. Got 200.
        error at default_retries.on: Conditions of retries that are off
          With attempts = 0 nothing is retried. Remove on, or write another number.
        error at tls.cipher_suites: cipher_suites beside fips
          Proxies apply the policy of FIPS 140-3 last, and it overrides cipher_suites. Remove one of them.
        error at tls.ecdh_curves: ecdh_curves beside fips
          Proxies apply the policy of FIPS 140-3 last, and it overrides ecdh_curves. Remove one of them.
        error at locality.failover_priority: failover and failover_priority
          istiod refuses the whole configuration with both, and keeps its last one. Write one of them.
        error at locality.enabled: Failover without an effect
          With enabled = false there is no failover. Remove enabled, or the failover block.
        error at locality.failover[0].to: Failover to the same region
          istiod refuses it. Write another region.
        error at access_log.text: fields and text
          A line is JSON with fields, or a text. Write one of them.
        error at access_log.text: Invalid format of an access log
          "%BOGUS%": %BOGUS% isn't an operator that is accepted: one of BYTES_RECEIVED, BYTES_SENT, CONNECTION_ID, CONNECTION_TERMINATION_DETAILS, DOWNSTREAM_DIRECT_REMOTE_ADDRESS, DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT, DOWNSTREAM_LOCAL_ADDRESS, DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT, DOWNSTREAM_LOCAL_PORT, DOWNSTREAM_LOCAL_SUBJECT, DOWNSTREAM_LOCAL_URI_SAN, DOWNSTREAM_PEER_CERT_V_END, DOWNSTREAM_PEER_CERT_V_START, DOWNSTREAM_PEER_ISSUER, DOWNSTREAM_PEER_SERIAL, DOWNSTREAM_PEER_SUBJECT, DOWNSTREAM_PEER_URI_SAN, DOWNSTREAM_REMOTE_ADDRESS, DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT, DOWNSTREAM_TLS_CIPHER, DOWNSTREAM_TLS_VERSION, DOWNSTREAM_TRANSPORT_FAILURE_REASON, DURATION, DYNAMIC_METADATA, ENVIRONMENT, FILTER_STATE, GRPC_STATUS, HOSTNAME, PROTOCOL, REQ, REQUESTED_SERVER_NAME, REQUEST_DURATION, REQUEST_TX_DURATION, RESP, RESPONSE_CODE, RESPONSE_CODE_DETAILS, RESPONSE_DURATION, RESPONSE_FLAGS, RESPONSE_TX_DURATION, ROUTE_NAME, START_TIME, STREAM_ID, TRACE_ID, TRAILER, UPSTREAM_CLUSTER, UPSTREAM_HOST, UPSTREAM_LOCAL_ADDRESS, UPSTREAM_PEER_URI_SAN, UPSTREAM_REMOTE_ADDRESS, UPSTREAM_REQUEST_ATTEMPT_COUNT, UPSTREAM_TLS_CIPHER, UPSTREAM_TLS_VERSION, UPSTREAM_TRANSPORT_FAILURE_REASON. Proxies would refuse every listener. A percent sign itself is written %%.
        error at access_log.fields["method"]: Invalid format of an access log
          "%REQ(:METHOD%": %REQ( has no closing parenthesis. Proxies would refuse every listener. A percent sign itself is written %%.
        error at extension_provider[0]: Extension provider needs exactly one kind
          istiod ignores it otherwise. Write exactly one of ext_authz_http, ext_authz_grpc, opentelemetry, zipkin, access_log_opentelemetry, access_log_http, access_log_tcp and prometheus.
        error at extension_provider[1]: Extension provider needs exactly one kind
          istiod ignores it otherwise. Write exactly one of ext_authz_http, ext_authz_grpc, opentelemetry, zipkin, access_log_opentelemetry, access_log_http, access_log_tcp and prometheus.
        error at extension_provider[1].name: Two extension providers of one name
          istiod takes the last one of two named "authz". It looks providers of telemetry up without regard to case, and takes the first. Write another name.
        error at discovery_namespaces[0].labels["mesh"]: Invalid label value
          "a b": letters, digits, dashes, underscores and dots; starts and ends with a letter or digit; 63 characters at most.
    "#]]
    .assert_eq(&outputs(mistakes).unwrap_err());
    expect![[r#"
        error at default_export_to: "*" combined with other values
          "*" are all namespaces. Write it alone, or remove it.
        error at trust_domain_aliases: The trust domain is its own alias
          "cluster.local" is the trust domain. Write the ones that its identities had before, or have elsewhere.
    "#]]
    .assert_eq(
        &outputs("trust_domain_aliases = [\"cluster.local\"]\ndefault_export_to = [\"*\", \"pci\"]").unwrap_err(),
    );
}

#[test]
fn unknown_arguments_cause_no_errors() {
    let provider = provider();
    let source = &provider.data_sources["mesh_install_config"];
    let arguments = "
        outbound_traffic_policy = \"allow_any\"
        default_export_to       = unknown
        trust_domain            = unknown
        trust_domain_aliases    = [\"cluster.local\"]
        extension_provider      = unknown
        tls {
          fips        = unknown
          min_version = \"1.2\"
        }
        default_retries {
          attempts = unknown
          on       = [\"503\"]
        }
    ";
    let mut out = Diagnostics::default();
    source.validate(&hcl::resource(arguments, source.schema()), &mut out);
    assert_eq!(out.to_string(), "");
}
