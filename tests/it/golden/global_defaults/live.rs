//! Live checks: contradictions between the defaults and the installed mesh.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use serde_json::{Value as Json, json};
use terraform_provider_mesh::{
    diagnostics::{Diagnostics, Path},
    mesh::{Mesh, checks::Findings},
    object::{Key, kind},
    query::{Query, QueryError, QueryResults},
    resources::global_defaults::GlobalDefaults,
    schema::model::Model,
};

use crate::golden::{hcl, live::query_result, mesh};

type Config = GlobalDefaults;

/// A mesh configuration that agrees with the defaults.
const CONSISTENT: &str = r#"
defaultServiceExportTo: ["."]
defaultVirtualServiceExportTo: ["."]
defaultDestinationRuleExportTo: ["."]
outboundTrafficPolicy: {mode: REGISTRY_ONLY}
meshMTLS: {minProtocolVersion: TLSV1_3}
extensionProviders:
- {name: opa, envoyExtAuthzGrpc: {service: opa.istio-system.svc.cluster.local, port: 9000}}
- {name: otel, opentelemetry: {service: otel.istio-system.svc.cluster.local, port: 4317}}
"#;

const TEXT: &str = r#"
    sidecar {}
    external_authorization {
      provider = "opa"
    }
    telemetry {
      tracing {
        provider = "otel"
      }
      access_logging {}
      metrics {}
    }
"#;

fn config_map(name: &str, mesh: &str) -> Json {
    json!({ "kind": "ConfigMap", "metadata": { "name": name, "namespace": "istio-system" }, "data": { "mesh": mesh } })
}

/// A mesh with the revisions `default` and `canary`.
fn two_revisions() -> Mesh {
    Mesh { revisions: ["default".to_owned(), "canary".to_owned()].into(), ..mesh() }
}

/// The findings for the configuration `text`, if the root namespace has these ConfigMaps.
fn findings(text: &str, maps: &[Json]) -> String {
    let config = Config::decode(&hcl::resource(text, Config::schema()), &Path::root(), &mut Diagnostics::default());
    let mesh = two_revisions();
    let queries = config.live_queries(&mesh).into_iter().map(|live| live.query);
    let results: QueryResults = queries.map(|query| (query.clone(), query_result(&query, maps, &[]))).collect();
    let mut findings = Findings::default();
    config.live_checks(&mesh, &config.render(&mesh), &results, &mut findings);
    let mut lines = String::new();
    for finding in findings {
        assert!(finding.summary.chars().count() <= 60, "too long: {}", finding.summary);
        writeln!(lines, "{} at {}: {}\n  {}", finding.code, finding.at, finding.summary, finding.detail).unwrap();
    }
    lines
}

fn check(text: &str, mesh: &str, expect: &Expect) {
    expect.assert_eq(&findings(text, &[config_map("istio", mesh)]));
}

#[test]
fn consistent_mesh() {
    check(TEXT, CONSISTENT, &expect![[""]]);
    check(TEXT, &CONSISTENT.replace("TLSV1_3", "TLS_AUTO").replace("{mode: REGISTRY_ONLY}", "{}"), &expect![[""]]);
}

/// An installation with the defaults of Istio.
#[test]
fn default_installation() {
    check(
        TEXT,
        "meshMTLS: {minProtocolVersion: TLSV1_1}",
        &expect![[r#"
            mesh-export at : What isn't exported is seen by all
              In ConfigMap istio, defaultServiceExportTo, defaultVirtualServiceExportTo, defaultDestinationRuleExportTo isn't ["."]: objects without exportTo are visible in every namespace. What this provider writes says who sees it; for everything else, set it to ["."] where Istio is installed. (mesh-export)
            mesh-tls at : The mesh accepts old TLS
              In ConfigMap istio, meshMTLS.minProtocolVersion is TLSV1_1, below TLS 1.2. Set it to TLSV1_2 or TLSV1_3 where Istio is installed. (mesh-tls)
            mesh-outbound at sidecar: The installed mesh lets every call out
              In ConfigMap istio, outboundTrafficPolicy is ALLOW_ANY: it holds for every Sidecar that doesn't say otherwise, whatever these defaults say. Set mode: REGISTRY_ONLY where Istio is installed. (mesh-outbound)
            missing-provider at external_authorization.provider: Unknown extension provider
              ConfigMap istio defines none of its kind, not opa: every request that it would be asked about is refused. Correct provider, or have it added to extensionProviders where Istio is installed. (missing-provider)
            missing-provider at telemetry[0].tracing.provider: Unknown extension provider
              ConfigMap istio defines envoy, prometheus, stackdriver, not otel: nothing is reported. Correct provider, or have it added to extensionProviders where Istio is installed. (missing-provider)
        "#]],
    );
}

#[test]
fn provider_that_is_no_authorizer() {
    let text = TEXT.replace("\"opa\"", "\"otel\"");
    check(
        &text,
        CONSISTENT,
        &expect![[r#"
        missing-provider at external_authorization.provider: Unknown extension provider
          ConfigMap istio defines opa, not otel: every request that it would be asked about is refused. Correct provider, or have it added to extensionProviders where Istio is installed. (missing-provider)
    "#]],
    );
}

/// The mesh may allow any outbound traffic, unless the defaults restrict it.
#[test]
fn outbound_traffic_policies() {
    let text = "outbound_traffic_policy = \"allow_any\"\nsidecar {}";
    check(text, &CONSISTENT.replace("REGISTRY_ONLY", "ALLOW_ANY"), &expect![[""]]);
    check("mtls {}", &CONSISTENT.replace("REGISTRY_ONLY", "ALLOW_ANY"), &expect![[""]]);
    let text = "outbound_traffic_policy = \"registry_only\"";
    assert!(
        findings(text, &[config_map("istio", &CONSISTENT.replace("REGISTRY_ONLY", "ALLOW_ANY"))])
            .contains("mesh-outbound at outbound_traffic_policy")
    );
}

/// Each revision of Istio has a ConfigMap of its own.
#[test]
fn each_revision_is_checked() {
    let names = ["istio-canary", "istio"];
    let text = "mtls {}\noutbound_traffic_policy = \"registry_only\"";
    let config = Config::decode(&hcl::resource(text, Config::schema()), &Path::root(), &mut Diagnostics::default());
    let queries: Vec<Query> = config.live_queries(&two_revisions()).into_iter().map(|live| live.query).collect();
    let by_name = names.map(|name| Query::Get(Key::new(&kind::CONFIG_MAP, "istio-system", name)));
    assert_eq!(queries, by_name, "no other ConfigMap is read");
    assert_eq!(findings("mtls {}", &[config_map("theirs", "{}"), config_map("istio-stable", "{}")]), "");
    let maps = [
        config_map("istio", CONSISTENT),
        config_map("istio-canary", &CONSISTENT.replace("defaultServiceExportTo: [\".\"]\n", "")),
    ];
    let findings = findings("mtls {}", &maps);
    assert!(findings.contains("ConfigMap istio-canary, defaultServiceExportTo isn't"), "{findings}");
    assert_eq!(findings.matches("mesh-export at").count(), 1, "{findings}");
}

#[test]
fn unreadable_config_maps_are_skipped() {
    let config = Config::decode(&hcl::resource(TEXT, Config::schema()), &Path::root(), &mut Diagnostics::default());
    let queries = config.live_queries(&mesh());
    let results: QueryResults = queries.iter().map(|live| (live.query.clone(), Err(QueryError::Forbidden))).collect();
    let mut findings = Findings::default();
    config.live_checks(&mesh(), &config.render(&mesh()), &results, &mut findings);
    assert_eq!(findings.into_iter().count(), 0);
}

/// Retries that the EnvoyFilter doesn't reach, and locality load balancing that the DestinationRule switches off.
#[test]
fn retries_and_locality_of_the_installation() {
    let private =
        "defaultServiceExportTo: [.]\ndefaultVirtualServiceExportTo: [.]\ndefaultDestinationRuleExportTo: [.]";
    check(
        "resiliency = \"none\"",
        private,
        &expect![[r#"
        mesh-retries at resiliency: The installed mesh still retries requests
          These defaults switch retries off for callers with a sidecar. Gateways, and routes of VirtualServices that don't set retries, go by defaultHttpRetryPolicy in ConfigMap istio, and Istio retries twice by default. Set defaultHttpRetryPolicy: { attempts: 0 } where Istio is installed. (mesh-retries)
    "#]],
    );
    let retries = "retries {\n  attempts = 0\n}";
    assert!(findings(retries, &[config_map("istio", private)]).contains("mesh-retries at retries"));
    for text in [retries, "resiliency = \"none\""] {
        check(text, &format!("{private}\ndefaultHttpRetryPolicy: {{attempts: 0}}"), &expect![""]);
    }
    let locality = format!("{private}\nlocalityLbSetting: {{distribute: [{{from: a/*, to: {{'a/*': 100}}}}]}}");
    check(
        "resiliency = \"low\"",
        &locality,
        &expect![[r#"
        hidden-locality at : Locality load balancing is switched off here
          Outlier detection alone would switch locality load balancing on, so it is written as off, and localityLbSetting.distribute in ConfigMap istio has no effect on callers. Write load_balancing { locality = "inherit" } to keep it, or "off" to say that this is meant. (hidden-locality)
    "#]],
    );
    check("resiliency = \"low\"", private, &expect![""]);
    check("resiliency = \"low\"\nload_balancing {\n  locality = \"inherit\"\n}", &locality, &expect![""]);
}

/// Services that are hidden from namespaces turn from unreachable to reachable in clear text.
#[test]
fn narrow_exports() {
    let sidecar = |mode: &str| {
        json!({ "kind": "Sidecar", "metadata": { "name": "default", "namespace": "istio-system" },
            "spec": { "outboundTrafficPolicy": { "mode": mode } } })
    };
    let export = |kind: &str, namespaces: &[&str]| json!({ "kind": kind, "metadata": { "name": "cart", "namespace": "shop" }, "spec": { "exportTo": namespaces } });
    let rule = export("DestinationRule", &["."]);
    let leaves = findings("outbound_traffic_policy = \"allow_any\"", &[sidecar("REGISTRY_ONLY"), rule.clone()]);
    expect![[r#"
        narrow-exports at outbound_traffic_policy: Calls of hidden services turn into clear text
          These are hidden from namespaces: DestinationRule shop/cart. Today proxies refuse calls of hosts that they don't see. After this apply they would forward such calls unchanged: as clear text, without identity, with the credentials in their headers. First set installed { outbound_traffic_policy = "allow_any" } in the provider block of every configuration of this mesh, remove export_to there, and apply these configurations. Then apply this change. (narrow-exports)
    "#]].assert_eq(&leaves);
    assert_eq!(findings("mtls {}", &[sidecar("REGISTRY_ONLY"), rule.clone()]), leaves, "the Sidecar goes");
    let installed = [config_map("istio", CONSISTENT), config_map("istio-canary", CONSISTENT)];
    let mut objects = vec![sidecar("REGISTRY_ONLY"), rule.clone()];
    objects.extend(installed);
    assert_eq!(findings("mtls {}", &objects), "", "meshConfig refuses these calls as well");
    assert_eq!(findings("mtls {}", &[sidecar("ALLOW_ANY"), rule]), "", "they leave in clear text today");
    let open = export("DestinationRule", &["*"]);
    assert_eq!(findings("mtls {}", &[sidecar("REGISTRY_ONLY"), open]), "");
    let mut gateway_route = export("VirtualService", &["."]);
    gateway_route["spec"]["gateways"] = json!(["istio-ingress/public"]);
    assert_eq!(findings("mtls {}", &[sidecar("REGISTRY_ONLY"), gateway_route]), "");
}

/// Policies of the mesh: paths, an authorizer that the Sidecar doesn't list or that isn't the only one, and a gateway.
#[test]
fn policies_of_the_mesh() {
    let text = "authorization {\n mode = \"enforce\"\n}\nsidecar {\n egress_hosts = [\"./*\"]\n}\nexternal_authorization {\n provider = \
                \"opa\"\n paths = [\"/admin/*\"]\n}";
    let gateway = json!({
        "kind": "Gateway", "metadata": { "name": "public", "namespace": "ingress" }, "spec": { "selector": { "app": "g" } },
    });
    let other = json!({
        "kind": "AuthorizationPolicy", "metadata": { "name": "ask", "namespace": "shop" },
        "spec": { "action": "CUSTOM", "provider": { "name": "other" }, "rules": [{}] },
    });
    let way_in = json!({
        "kind": "AuthorizationPolicy", "metadata": { "name": "in", "namespace": "ingress" },
        "spec": { "selector": { "matchLabels": { "app": "g" } }, "rules": [{}] },
    });
    expect![[r#"
        path-normalization at : Rules on paths can be passed by other forms of a path
          Rules name /admin/*, and pathNormalization in ConfigMap istio isn't DECODE_AND_MERGE_SLASHES: requests for //a, /%2fa, /b/..%2fa or /%5ca aren't seen as /a, though many applications answer them so. Set meshConfig.pathNormalization.normalization to DECODE_AND_MERGE_SLASHES, which also changes the paths that applications receive, or refuse such paths in the application. Upper and lower case and ;parameters stay different in any case. (path-normalization)
        unlisted-authorizer at external_authorization: The Sidecar doesn't list the external authorizer
          Proxies know only what their Sidecar lists, and opa.istio-system.svc.cluster.local of the authorizer opa isn't there: every request that it would be asked about is refused (403), and it is never asked. Write platform_hosts = ["istio-system/opa.istio-system.svc.cluster.local"] in the provider block, or list it here. (unlisted-authorizer)
        closed-gateway at authorization.mode: No policy admits clients to a gateway
          Requests that no policy allows are refused at gateways as well, and none allows clients of Gateway ingress/public: all of them would get 403. Admit them first: authorization_mode = "enforce" of a mesh_gateway, or gateway_access of mesh_global_defaults. If its policy comes in the same run, apply that first. (closed-gateway)
        second-authorizer at external_authorization: Two external authorizers for the same pods
          AuthorizationPolicy shop/ask (other) uses another external authorizer than opa. Where both policies apply to the same pods, Istio refuses every request that one of the authorizers would check. Remove one of the two, or exclude these pods by selector here, and then set checks = { "second-authorizer" = "off" } in the provider block. (second-authorizer)
    "#]].assert_eq(&findings(text, &[config_map("istio", CONSISTENT), gateway.clone(), other]));
    let normalized = format!("{CONSISTENT}pathNormalization: {{normalization: DECODE_AND_MERGE_SLASHES}}\n");
    let listed = text.replace("\"./*\"", "\"./*\", \"istio-system/*\"");
    assert_eq!(findings(&listed, &[config_map("istio", &normalized), gateway.clone(), way_in]), "");
    // A mesh_external_service admits callers to its egress gateway itself.
    let mut egress = gateway.clone();
    egress["metadata"]["annotations"] =
        json!({ "terraform-provider-mesh/resource": "mesh_external_service/istio-system/api" });
    assert_eq!(findings(&listed, &[config_map("istio", &normalized), egress]), "");
    let access = "gateway_access {\n namespace = \"ingress\"\n selector = { app = \"g\" }\n ports = [8080]\n}";
    assert_eq!(findings(&format!("{listed}\n{access}"), &[config_map("istio", &normalized), gateway]), "");
}
