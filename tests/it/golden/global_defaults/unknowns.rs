//! Values that are unknown at plan. Only the objects that need a value are unknown.

use expect_test::expect;
use terraform_provider_mesh::resources::global_defaults::GlobalDefaults;

use crate::golden::check_unknown;

#[test]
fn one_argument_at_a_time() {
    let texts = [
        "mtls = unknown",
        "mtls { mode = unknown }",
        "authorization = unknown",
        "authorization { mode = unknown }",
        "sidecar = unknown",
        "sidecar { egress_hosts = unknown }",
        r#"sidecar { egress_hosts = ["./*", unknown] }"#,
        "outbound_traffic_policy = unknown",
        "outbound_traffic_policy = unknown\nsidecar {}",
        "resiliency = unknown",
        "request_timeout = unknown",
        "request_timeout = unknown\nresiliency = \"low\"",
        "retries = unknown",
        "retries { attempts = unknown }",
        "authorization {\nmode = \"enforce\"\nallow = unknown\n}",
        "authorization {\nmode = \"enforce\"\nallow { from = unknown }\n}",
        "gateway_access = unknown\nauthorization { mode = \"enforce\" }",
        "gateway_access {\nnamespace = \"x\"\nselector = { a = unknown }\nports = [1]\n}\nauthorization { mode = \"enforce\" }",
        "gateway_access {\nnamespace = \"x\"\nselector = { a = \"b\" }\nports = unknown\n}\nauthorization { mode = \"enforce\" }",
        "jwt = unknown",
        "jwt { issuer = unknown }",
        "jwt {\nissuer = \"https://x\"\nselector = { a = unknown }\n}",
        "require_end_user = unknown",
        "require_end_user { except_ports = unknown }\njwt { issuer = \"https://x\" }",
        "external_authorization { provider = unknown }",
        "telemetry = unknown",
        "telemetry {\ntracing = unknown\n}",
        "telemetry {\naccess_logging { filter = unknown }\n}",
        "guardrails = unknown",
        "guardrails { root_only = unknown }",
        "guardrails { team_rules = unknown }",
        "guardrails { workload_rules = unknown }",
        "guardrails {\nworkload_rules = true\nnamespace_selector = { a = \"b\" }\npod_annotations = unknown\n}",
        "guardrails {\nteam_rules = true\ningress_hosts = unknown\n}",
        "guardrails {\nteam_rules = true\naction = unknown\n}",
        "guardrails {\nteam_rules = true\ncontact = unknown\n}",
        "labels = unknown\nmtls {}",
        "deletion_protection = unknown\nmtls {}",
    ];
    let shown = texts.map(|text| text.replace('\n', ", "));
    let texts: Vec<_> = shown.iter().zip(texts).map(|(shown, text)| (shown.as_str(), text.to_owned())).collect();
    check_unknown::<GlobalDefaults>(
        &texts,
        &expect![[r#"
            mtls = unknown: which objects there are
            mtls { mode = unknown }: PeerAuthentication
            authorization = unknown: which objects there are
            authorization { mode = unknown }: which objects there are
            sidecar = unknown: which objects there are
            sidecar { egress_hosts = unknown }: Sidecar
            sidecar { egress_hosts = ["./*", unknown] }: Sidecar
            outbound_traffic_policy = unknown: which objects there are
            outbound_traffic_policy = unknown, sidecar {}: Sidecar
            resiliency = unknown: which objects there are
            request_timeout = unknown: which objects there are
            request_timeout = unknown, resiliency = "low": EnvoyFilter
            retries = unknown: which objects there are
            retries { attempts = unknown }: EnvoyFilter
            authorization {, mode = "enforce", allow = unknown, }: AuthorizationPolicy
            authorization {, mode = "enforce", allow { from = unknown }, }: AuthorizationPolicy
            gateway_access = unknown, authorization { mode = "enforce" }: which objects there are
            gateway_access {, namespace = "x", selector = { a = unknown }, ports = [1], }, authorization { mode = "enforce" }: which objects there are
            gateway_access {, namespace = "x", selector = { a = "b" }, ports = unknown, }, authorization { mode = "enforce" }: AuthorizationPolicy
            jwt = unknown: which objects there are
            jwt { issuer = unknown }: RequestAuthentication
            jwt {, issuer = "https://x", selector = { a = unknown }, }: which objects there are
            require_end_user = unknown: which objects there are
            require_end_user { except_ports = unknown }, jwt { issuer = "https://x" }: AuthorizationPolicy
            external_authorization { provider = unknown }: AuthorizationPolicy
            telemetry = unknown: which objects there are
            telemetry {, tracing = unknown, }: Telemetry
            telemetry {, access_logging { filter = unknown }, }: Telemetry
            guardrails = unknown: which objects there are
            guardrails { root_only = unknown }: which objects there are
            guardrails { team_rules = unknown }: which objects there are
            guardrails { workload_rules = unknown }: which objects there are
            guardrails {, workload_rules = true, namespace_selector = { a = "b" }, pod_annotations = unknown, }: ValidatingAdmissionPolicy
            guardrails {, team_rules = true, ingress_hosts = unknown, }: ValidatingAdmissionPolicy
            guardrails {, team_rules = true, action = unknown, }: ValidatingAdmissionPolicyBinding
            guardrails {, team_rules = true, contact = unknown, }: ValidatingAdmissionPolicy
            labels = unknown, mtls {}: PeerAuthentication
            deletion_protection = unknown, mtls {}: nothing
        "#]],
    );
}
