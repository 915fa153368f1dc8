//! Where settings show: paths in the configuration of proxies, and the values there.

use serde_json::{Value as Json, json};

/// A setting and the place where it shows.
pub(super) struct Row {
    /// The configuration that has it: those of `install_config_objects`, or one that shows in what istioctl generates.
    pub(super) configuration: usize,
    /// Arguments of the data source.
    pub(super) arguments: &'static str,
    /// The field of `meshConfig`, or the value of the charts.
    pub(super) field: &'static str,
    /// `sidecar`, `gateway`, `istiod` or `manifests`.
    pub(super) place: &'static str,
    /// Names of fields and of elements of lists, with slashes between them. `*` stands for one, `**` for any number.
    pub(super) path: &'static str,
}

impl Row {
    /// The row's line in the file of what was observed.
    pub(super) fn line(&self, default: &str, set: &str) -> String {
        let Self { arguments, field, place, path, .. } = self;
        format!("{arguments} ¦ {field} ¦ {place} ¦ {path} ¦ {default} ¦ {set}\n")
    }
}

const fn row(
    configuration: usize,
    arguments: &'static str,
    field: &'static str,
    place: &'static str,
    path: &'static str,
) -> Row {
    Row { configuration, arguments, field, place, path }
}

/// Every argument has a row; tests of the documentation hold that.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row(0, "outbound_traffic_policy", "outboundTrafficPolicy.mode", "sidecar", "listeners/virtualOutbound/filter_chains/virtualOutbound-catchall-tcp/**/cluster"),
    row(0, "default_export_to, default_service_export_to", "defaultServiceExportTo", "sidecar", "clusters/outbound|80||hidden.elsewhere.svc.cluster.local/name"),
    row(0, "default_export_to, default_virtual_service_export_to", "defaultVirtualServiceExportTo", "sidecar", "routes/80/virtual_hosts/visible.elsewhere.svc.cluster.local:80/routes/*/name"),
    row(0, "default_export_to, default_destination_rule_export_to", "defaultDestinationRuleExportTo", "sidecar", "clusters/outbound|80||visible.elsewhere.svc.cluster.local/connect_timeout"),
    row(0, "trust_domain", "trustDomain", "sidecar", "listeners/virtualInbound/**/policies/ns[shop]-policy[callers]-rule[1]/**/principal_name/exact"),
    row(0, "trust_domain_aliases", "trustDomainAliases", "sidecar", "listeners/virtualInbound/**/policies/ns[shop]-policy[callers]-rule[0]/**/principal_name/exact"),
    row(0, "path_normalization", "pathNormalization.normalization", "sidecar", "listeners/virtualInbound/**/path_with_escaped_slashes_action"),
    row(0, "tls.min_version", "meshMTLS.minProtocolVersion", "sidecar", "listeners/virtualInbound/**/tls_params/tls_minimum_protocol_version"),
    row(0, "tls.gateway_min_version", "tlsDefaults.minProtocolVersion", "gateway", "listeners/0.0.0.0_443/**/tls_params/tls_minimum_protocol_version"),
    row(0, "tls.cipher_suites", "tlsDefaults.cipherSuites", "gateway", "listeners/0.0.0.0_443/**/tls_params/cipher_suites/*"),
    row(0, "tls.cipher_suites", "tlsDefaults.cipherSuites", "sidecar", "clusters/outbound|80||external.example.com/**/tls_params/cipher_suites/*"),
    row(0, "tls.ecdh_curves", "tlsDefaults.ecdhCurves", "gateway", "listeners/0.0.0.0_443/**/tls_params/ecdh_curves/*"),
    row(0, "tls.ecdh_curves", "tlsDefaults.ecdhCurves", "sidecar", "clusters/outbound|80||external.example.com/**/tls_params/ecdh_curves/*"),
    row(0, "default_retries.attempts", "defaultHttpRetryPolicy.attempts", "sidecar", "routes/80/virtual_hosts/web.shop.svc.cluster.local:80/**/retry_policy/num_retries"),
    row(0, "default_retries.on", "defaultHttpRetryPolicy.retryOn", "gateway", "routes/https.443.https.public.ingress/**/retry_policy/retry_on"),
    row(0, "discovery_namespaces.labels", "discoverySelectors", "sidecar", "clusters/outbound|80||service.undiscovered.svc.cluster.local/name"),
    row(0, "locality.failover.from, locality.failover.to", "localityLbSetting.failover", "sidecar", "endpoints/outbound|80||regions.example.com/us-east/priority"),
    row(0, "access_log.path", "accessLogFile", "gateway", "listeners/0.0.0.0_443/filter_chains/**/envoy.access_loggers.file/typed_config/path"),
    row(0, "access_log.fields", "accessLogFormat, accessLogEncoding", "gateway", "listeners/0.0.0.0_443/filter_chains/**/json_format/caller"),
    row(0, "extension_provider.name", "extensionProviders[].name", "sidecar", "listeners/virtualInbound/**/envoy.filters.http.ext_authz/**/string_match/prefix"),
    row(0, "extension_provider.ext_authz_http.service, extension_provider.ext_authz_http.port", "envoyExtAuthzHttp.service, .port", "sidecar", "listeners/virtualInbound/**/envoy.filters.http.ext_authz/**/server_uri/cluster"),
    row(0, "extension_provider.ext_authz_http.path_prefix", "envoyExtAuthzHttp.pathPrefix", "sidecar", "listeners/virtualInbound/**/envoy.filters.http.ext_authz/**/path_prefix"),
    row(0, "extension_provider.ext_authz_http.timeout", "envoyExtAuthzHttp.timeout", "sidecar", "listeners/virtualInbound/**/envoy.filters.http.ext_authz/**/server_uri/timeout"),
    row(0, "extension_provider.ext_authz_http.fail_open", "envoyExtAuthzHttp.failOpen", "sidecar", "listeners/virtualInbound/**/envoy.filters.http.ext_authz/**/failure_mode_allow"),
    row(0, "extension_provider.ext_authz_http.status_on_error", "envoyExtAuthzHttp.statusOnError", "sidecar", "listeners/virtualInbound/**/envoy.filters.http.ext_authz/**/status_on_error/code"),
    row(0, "extension_provider.ext_authz_http.headers_in_check", "envoyExtAuthzHttp.includeRequestHeadersInCheck", "sidecar", "listeners/virtualInbound/**/envoy.filters.http.ext_authz/**/allowed_headers/patterns/*/exact"),
    row(0, "extension_provider.ext_authz_http.additional_headers_in_check", "envoyExtAuthzHttp.includeAdditionalHeadersInCheck", "sidecar", "listeners/virtualInbound/**/envoy.filters.http.ext_authz/**/headers_to_add/*/value"),
    row(0, "extension_provider.ext_authz_http.headers_to_upstream_on_allow", "envoyExtAuthzHttp.headersToUpstreamOnAllow", "sidecar", "listeners/virtualInbound/**/envoy.filters.http.ext_authz/**/allowed_upstream_headers/patterns/*/exact"),
    row(0, "extension_provider.ext_authz_http.headers_to_downstream_on_deny", "envoyExtAuthzHttp.headersToDownstreamOnDeny", "sidecar", "listeners/virtualInbound/**/envoy.filters.http.ext_authz/**/allowed_client_headers/patterns/*/exact"),
    row(0, "extension_provider.ext_authz_http.headers_to_downstream_on_allow", "envoyExtAuthzHttp.headersToDownstreamOnAllow", "sidecar", "listeners/virtualInbound/**/envoy.filters.http.ext_authz/**/allowed_client_headers_on_success/patterns/*/exact"),
    row(0, "extension_provider.ext_authz_http.request_body.max_bytes", "envoyExtAuthzHttp.includeRequestBodyInCheck.maxRequestBytes", "sidecar", "listeners/virtualInbound/**/envoy.filters.http.ext_authz/**/with_request_body/max_request_bytes"),
    row(0, "extension_provider.ext_authz_http.request_body.allow_partial", "envoyExtAuthzHttp.includeRequestBodyInCheck.allowPartialMessage", "sidecar", "listeners/virtualInbound/**/envoy.filters.http.ext_authz/**/with_request_body/allow_partial_message"),
    row(0, "extension_provider.ext_authz_grpc.service, extension_provider.ext_authz_grpc.port", "envoyExtAuthzGrpc.service, .port", "gateway", "listeners/0.0.0.0_443/**/envoy.filters.http.ext_authz/**/grpc_service/envoy_grpc/cluster_name"),
    row(0, "extension_provider.ext_authz_grpc.timeout", "envoyExtAuthzGrpc.timeout", "gateway", "listeners/0.0.0.0_443/**/envoy.filters.http.ext_authz/**/grpc_service/timeout"),
    row(0, "extension_provider.ext_authz_grpc.fail_open", "envoyExtAuthzGrpc.failOpen", "gateway", "listeners/0.0.0.0_443/**/envoy.filters.http.ext_authz/**/failure_mode_allow"),
    row(0, "extension_provider.ext_authz_grpc.status_on_error", "envoyExtAuthzGrpc.statusOnError", "gateway", "listeners/0.0.0.0_443/**/envoy.filters.http.ext_authz/**/status_on_error/code"),
    row(0, "extension_provider.ext_authz_grpc.request_body.max_bytes", "envoyExtAuthzGrpc.includeRequestBodyInCheck.maxRequestBytes", "gateway", "listeners/0.0.0.0_443/**/envoy.filters.http.ext_authz/**/with_request_body/max_request_bytes"),
    row(0, "extension_provider.ext_authz_grpc.request_body.allow_partial", "envoyExtAuthzGrpc.includeRequestBodyInCheck.allowPartialMessage", "gateway", "listeners/0.0.0.0_443/**/envoy.filters.http.ext_authz/**/with_request_body/allow_partial_message"),
    row(0, "extension_provider.ext_authz_grpc.request_body.as_bytes", "envoyExtAuthzGrpc.includeRequestBodyInCheck.packAsBytes", "gateway", "listeners/0.0.0.0_443/**/envoy.filters.http.ext_authz/**/with_request_body/pack_as_bytes"),
    row(0, "extension_provider.opentelemetry.service, extension_provider.opentelemetry.port", "opentelemetry.service, .port", "sidecar", "listeners/virtualInbound/**/tracing/provider/**/http_uri/cluster"),
    row(0, "extension_provider.opentelemetry.http_path", "opentelemetry.http.path", "sidecar", "listeners/virtualInbound/**/tracing/provider/**/http_uri/uri"),
    row(0, "extension_provider.opentelemetry.timeout", "opentelemetry.http.timeout", "sidecar", "listeners/virtualInbound/**/tracing/provider/**/http_uri/timeout"),
    row(0, "extension_provider.zipkin.service, extension_provider.zipkin.port", "zipkin.service, .port", "gateway", "listeners/0.0.0.0_443/**/tracing/provider/**/http_uri/cluster"),
    row(0, "extension_provider.zipkin.path", "zipkin.path", "gateway", "listeners/0.0.0.0_443/**/tracing/provider/**/http_uri/uri"),
    row(0, "extension_provider.access_log_opentelemetry.service, extension_provider.access_log_opentelemetry.port", "envoyOtelAls.service, .port", "sidecar", "listeners/virtualInbound/**/envoy.access_loggers.open_telemetry/**/cluster_name"),
    row(0, "extension_provider.access_log_opentelemetry.log_name", "envoyOtelAls.logName", "sidecar", "listeners/virtualInbound/**/envoy.access_loggers.open_telemetry/**/log_name"),
    row(0, "extension_provider.access_log_http.service, extension_provider.access_log_http.port", "envoyHttpAls.service, .port", "sidecar", "listeners/virtualInbound/**/envoy.access_loggers.http_grpc/**/cluster_name"),
    row(0, "extension_provider.access_log_http.log_name", "envoyHttpAls.logName", "sidecar", "listeners/virtualInbound/**/envoy.access_loggers.http_grpc/**/log_name"),
    row(0, "extension_provider.access_log_tcp.service, extension_provider.access_log_tcp.port", "envoyTcpAls.service, .port", "sidecar", "listeners/virtualOutbound/**/envoy.tcp_grpc_access_log/**/cluster_name"),
    row(0, "extension_provider.access_log_tcp.log_name", "envoyTcpAls.logName", "sidecar", "listeners/virtualOutbound/**/envoy.tcp_grpc_access_log/**/log_name"),
    row(0, "extension_provider.prometheus", "prometheus", "istiod", "extensionProviders/metrics/prometheus"),
    row(1, "root_namespace", "rootNamespace", "sidecar", "listeners/virtualInbound/**/url_path/path/exact"),
    row(1, "tls.cipher_suites", "meshMTLS.cipherSuites", "sidecar", "listeners/virtualInbound/**/tls_params/cipher_suites/*"),
    row(1, "locality.failover_priority", "localityLbSetting.failoverPriority", "sidecar", "endpoints/outbound|80||regions.example.com/us-east/priority"),
    row(1, "access_log.text", "accessLogFormat, accessLogEncoding", "gateway", "listeners/0.0.0.0_443/filter_chains/**/text_format_source/inline_string"),
    row(2, "locality.enabled", "localityLbSetting.enabled", "sidecar", "endpoints/outbound|80||regions.example.com/us-east/priority"),
    row(3, "dns_capture", "defaultConfig.proxyMetadata.ISTIO_META_DNS_CAPTURE", "manifests", "ConfigMap/istio/data/mesh/defaultConfig/proxyMetadata/ISTIO_META_DNS_CAPTURE"),
    row(3, "hold_application_until_proxy_starts", "defaultConfig.holdApplicationUntilProxyStarts", "manifests", "ConfigMap/istio/data/mesh/defaultConfig/holdApplicationUntilProxyStarts"),
    row(4, "tls.fips", "pilot.env.COMPLIANCE_POLICY", "manifests", "Deployment/istiod/spec/template/spec/containers/discovery/env/COMPLIANCE_POLICY/value"),
    row(5, "root_namespace", "global.istioNamespace", "manifests", "Deployment/istiod/metadata/namespace"),
];

/// The places where settings show.
pub(super) struct Views {
    sidecar: Json,
    gateway: Json,
    istiod: Json,
}

impl Views {
    /// The views of two proxies' configurations, and of the `meshConfig` that istiod has.
    pub(super) fn of(sidecar: &Json, gateway: &Json, istiod: &Json) -> Self {
        Self { sidecar: proxy(sidecar), gateway: proxy(gateway), istiod: istiod.clone() }
    }

    /// The values of a row, with commas between them.
    pub(super) fn value(&self, row: &Row) -> String {
        let view = match row.place {
            "sidecar" => &self.sidecar,
            "gateway" => &self.gateway,
            _ => &self.istiod,
        };
        values(view, row.path)
    }
}

/// Listeners, clusters and routes of a proxy by their names, and of its endpoints the localities by their regions.
pub(super) fn proxy(dump: &Json) -> Json {
    let mut view = json!({ "listeners": {}, "clusters": {}, "routes": {}, "endpoints": {} });
    for section in dump["configs"].as_array().into_iter().flatten() {
        let items = |name: &str| section[name].as_array().cloned().unwrap_or_default();
        for item in items("dynamic_listeners") {
            view["listeners"][text(&item["name"])] = item["active_state"]["listener"].clone();
        }
        for item in items("dynamic_active_clusters") {
            view["clusters"][text(&item["cluster"]["name"])] = item["cluster"].clone();
        }
        for item in items("dynamic_route_configs") {
            view["routes"][text(&item["route_config"]["name"])] = item["route_config"].clone();
        }
        for item in items("dynamic_endpoint_configs") {
            let cluster = text(&item["endpoint_config"]["cluster_name"]);
            for locality in item["endpoint_config"]["endpoints"].as_array().into_iter().flatten() {
                let priority = locality["priority"].as_u64().unwrap_or_default();
                view["endpoints"][&cluster][text(&locality["locality"]["region"])] = json!({ "priority": priority });
            }
        }
    }
    view
}

fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The values at a path, each once.
pub(super) fn values(view: &Json, path: &str) -> String {
    let mut found = Vec::new();
    collect(view, &path.split('/').collect::<Vec<_>>(), &mut found);
    found.sort();
    found.dedup();
    found.join(", ")
}

fn collect(value: &Json, path: &[&str], found: &mut Vec<String>) {
    let Some((segment, rest)) = path.split_first() else {
        return found.push(value.as_str().map_or_else(|| value.to_string(), |text| text.trim().to_owned()));
    };
    if *segment == "**" {
        collect(value, rest, found);
    }
    let children: Vec<(String, &Json)> = match value {
        Json::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Json::Array(items) => items.iter().map(|item| (text(&item["name"]), item)).collect(),
        _ => Vec::new(),
    };
    for (name, child) in children {
        match *segment {
            "**" => collect(child, path, found),
            "*" => collect(child, rest, found),
            _ if name == *segment => collect(child, rest, found),
            _ => {}
        }
    }
}

/// Whether istiod has each field of a configuration, which may be part of what it has. The error is the first difference.
pub(super) fn is_in_effect(written: &Json, in_effect: &Json) -> Result<(), String> {
    match (written, in_effect) {
        (Json::Object(fields), Json::Object(live)) => {
            fields.iter().try_for_each(|(name, value)| match (value.as_str(), live.get(name)) {
                // The default of an enumeration is left out.
                (Some("REGISTRY_ONLY" | "TEXT"), None) => Ok(()),
                (_, live) => {
                    is_in_effect(value, live.unwrap_or(&Json::Null)).map_err(|error| format!("{name}.{error}"))
                }
            })
        }
        (Json::Array(items), Json::Array(live)) => items.iter().try_for_each(|item| {
            let found = live.iter().any(|live| is_in_effect(item, live).is_ok());
            if found { Ok(()) } else { Err(format!("{item} isn't among {live:?}")) }
        }),
        _ if written == in_effect
            || milliseconds(written).is_some_and(|time| Some(time) == milliseconds(in_effect)) =>
        {
            Ok(())
        }
        _ => Err(format!("{written} is {in_effect}")),
    }
}

/// A duration such as `500ms` or `0.500s`.
fn milliseconds(value: &Json) -> Option<f64> {
    let text = value.as_str()?;
    match text.strip_suffix("ms") {
        Some(number) => number.parse().ok(),
        None => text.strip_suffix('s')?.parse::<f64>().ok().map(|seconds| seconds * 1000.0),
    }
}
