//! Values that come at apply: each leaves only that unknown which needs it.

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
        "authorization { mode = \"enforce\"\n allow = unknown }",
        "authorization { mode = \"enforce\"\n allow { from = unknown } }",
        "gateway_access = unknown\nauthorization { mode = \"enforce\" }",
        "gateway_access { namespace = \"x\"\n selector = { a = unknown }\n ports = [1] }\nauthorization { mode = \"enforce\" }",
        "gateway_access { namespace = \"x\"\n selector = { a = \"b\" }\n ports = unknown }\nauthorization { mode = \"enforce\" }",
        "jwt = unknown",
        "jwt { issuer = unknown }",
        "jwt { issuer = \"https://x\"\n selector = { a = unknown } }",
        "require_end_user = unknown",
        "require_end_user { except_ports = unknown }\njwt { issuer = \"https://x\" }",
        "external_authorization { provider = unknown }",
        "telemetry = unknown",
        "telemetry { tracing = unknown }",
        "telemetry { access_logging { filter = unknown } }",
        "guardrails = unknown",
        "guardrails { root_only = unknown }",
        "guardrails { team_rules = unknown }",
        "guardrails { team_rules = true\n action = unknown }",
        "guardrails { team_rules = true\n contact = unknown }",
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
        "#]],
    );
}
