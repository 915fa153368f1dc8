//! Live checks: where the installed mesh contradicts the defaults.

use std::{fmt::Write as _, sync::Arc};

use expect_test::{Expect, expect};
use serde_json::{Value as Json, json};
use terraform_provider_mesh::{
    diagnostics::{Diagnostics, Path},
    mesh::checks::Findings,
    query::{QueryError, QueryResults},
    resources::global_defaults::GlobalDefaults,
    schema::model::Model,
};

use crate::golden::{hcl, mesh};

type Config = GlobalDefaults;

/// A mesh in which nothing contradicts.
const SOUND: &str = r#"
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

fn map(name: &str, mesh: &str) -> Json {
    json!({ "kind": "ConfigMap", "metadata": { "name": name, "namespace": "istio-system" }, "data": { "mesh": mesh } })
}

/// What the checks of `text` find where the root namespace has these ConfigMaps.
fn told(text: &str, maps: &[Json]) -> String {
    let config = Config::decode(&hcl::resource(text, Config::schema()), &Path::root(), &mut Diagnostics::default());
    let answer = |want: &terraform_provider_mesh::mesh::checks::LiveQuery| {
        (want.query.clone(), Ok(maps.iter().cloned().map(Arc::new).collect()))
    };
    let found: QueryResults = GlobalDefaults::live_queries(&mesh()).iter().map(answer).collect();
    let mut findings = Findings::default();
    config.live_checks(&mesh(), &found, &mut findings);
    let mut lines = String::new();
    for finding in findings {
        assert!(finding.summary.chars().count() <= 60, "too long: {}", finding.summary);
        writeln!(lines, "{} at {}: {}\n  {}", finding.code, finding.at, finding.summary, finding.detail).unwrap();
    }
    lines
}

fn check(text: &str, mesh: &str, expect: &Expect) {
    expect.assert_eq(&told(text, &[map("istio", mesh)]));
}

#[test]
fn nothing_contradicts() {
    check(TEXT, SOUND, &expect![[""]]);
    check(TEXT, &SOUND.replace("TLSV1_3", "TLS_AUTO").replace("{mode: REGISTRY_ONLY}", "{}"), &expect![[""]]);
}

/// As it is installed where nobody changed anything.
#[test]
fn everything_contradicts() {
    check(
        TEXT,
        "meshMTLS: {minProtocolVersion: TLSV1_1}",
        &expect![[r#"
        mesh-export at : What isn't exported is seen by all
          In ConfigMap istio, defaultServiceExportTo, defaultVirtualServiceExportTo, defaultDestinationRuleExportTo isn't ["."]: what nobody exports is seen in every namespace. What this provider writes says who sees it; for everything else, set it to ["."] where Istio is installed. (mesh-export)
        mesh-tls at : The mesh accepts old TLS
          In ConfigMap istio, meshMTLS.minProtocolVersion is TLSV1_1, below TLS 1.2. Set it to TLSV1_2 or TLSV1_3 where Istio is installed. (mesh-tls)
        mesh-outbound at sidecar: The installed mesh lets every call out
          In ConfigMap istio, outboundTrafficPolicy is ALLOW_ANY: it holds for every Sidecar that doesn't say otherwise, whatever these defaults say. Set mode: REGISTRY_ONLY where Istio is installed. (mesh-outbound)
        missing-provider at external_authorization.provider: The mesh doesn't know this provider
          ConfigMap istio defines none of its kind, not opa: every request that it would be asked about is refused. Correct provider, or have it added to extensionProviders where Istio is installed. (missing-provider)
        missing-provider at telemetry.tracing.provider: The mesh doesn't know this provider
          ConfigMap istio defines envoy, prometheus, stackdriver, not otel: nothing is told. Correct provider, or have it added to extensionProviders where Istio is installed. (missing-provider)
    "#]],
    );
}

#[test]
fn a_provider_that_is_no_authorizer() {
    let text = TEXT.replace("\"opa\"", "\"otel\"");
    check(
        &text,
        SOUND,
        &expect![[r#"
        missing-provider at external_authorization.provider: The mesh doesn't know this provider
          ConfigMap istio defines opa, not otel: every request that it would be asked about is refused. Correct provider, or have it added to extensionProviders where Istio is installed. (missing-provider)
    "#]],
    );
}

/// Whoever lets calls out doesn't mind.
#[test]
fn calls_may_leave() {
    let text = "outbound_traffic_policy = \"allow_any\"\nsidecar {}";
    check(text, &SOUND.replace("REGISTRY_ONLY", "ALLOW_ANY"), &expect![[""]]);
    check("mtls {}", &SOUND.replace("REGISTRY_ONLY", "ALLOW_ANY"), &expect![[""]]);
    let text = "outbound_traffic_policy = \"registry_only\"";
    assert!(
        told(text, &[map("istio", &SOUND.replace("REGISTRY_ONLY", "ALLOW_ANY"))])
            .contains("mesh-outbound at outbound_traffic_policy")
    );
}

/// Each revision is installed by itself.
#[test]
fn each_revision_is_judged() {
    let others = [map("theirs", "{}"), json!({ "metadata": { "name": "istio-ca-root-cert" } })];
    assert_eq!(told("mtls {}", &others), "");
    let maps = [map("istio", SOUND), map("istio-canary", &SOUND.replace("defaultServiceExportTo: [\".\"]\n", ""))];
    let told = told("mtls {}", &maps);
    assert!(told.contains("ConfigMap istio-canary, defaultServiceExportTo isn't"), "{told}");
    assert_eq!(told.matches("mesh-export at").count(), 1, "{told}");
}

#[test]
fn what_cannot_be_seen_is_not_judged() {
    let config = Config::decode(&hcl::resource(TEXT, Config::schema()), &Path::root(), &mut Diagnostics::default());
    let wants = GlobalDefaults::live_queries(&mesh());
    let found: QueryResults = wants.iter().map(|want| (want.query.clone(), Err(QueryError::Forbidden))).collect();
    let mut findings = Findings::default();
    config.live_checks(&mesh(), &found, &mut findings);
    assert_eq!(findings.into_iter().count(), 0);
}
