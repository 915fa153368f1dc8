//! Live checks of a service. Each test changes one thing in a cluster that agrees with the arguments.

mod authorization;
mod calls;
mod conflicts;
mod defaults;
mod namespace_allow;
mod outbound;
mod references;
mod route_targets;
mod service;
mod workload;

use std::{collections::BTreeSet, sync::Arc};

use expect_test::Expect;
use serde_json::Value as Json;
use terraform_provider_mesh::{
    mesh::checks::{Code, Findings, Level, Levels},
    object::kind,
    query::QueryResults,
    resources::service::Service,
};

use super::payments;
use crate::golden::{
    live::{self, objects, query_result},
    mesh, registry_only_mesh,
};

/// A cluster in which the checks of `payments` in `pci` find nothing.
const HEALTHY: &str = "
kind: Namespace
metadata: {name: pci, labels: {istio-injection: enabled}}
---
kind: Pod
metadata: {name: payments-1, namespace: pci, labels: {app: payments, version: v1}}
spec:
  serviceAccountName: payments
  containers: [{name: app, ports: [{name: web, containerPort: 8080}]}, {name: istio-proxy, securityContext: {runAsUser: 1337}}]
---
kind: Service
metadata: {name: payments, namespace: pci}
spec: {selector: {app: payments}, ports: [{name: http, port: 8080}]}
---
kind: ServiceAccount
metadata: {name: payments, namespace: pci}
";

/// The arguments of `payments` with further `arguments`, which must be valid.
fn config(arguments: &str) -> Service {
    live::config::<Service>(&payments(arguments))
}

/// The findings for `payments` with `arguments`, in a cluster with these objects, whose user has no right to read the kinds
/// `forbidden`.
fn findings(arguments: &str, live_objects: &str, forbidden: &[&str]) -> String {
    live::findings::<Service>(&payments(arguments), live_objects, forbidden)
}

/// Compares the findings for `payments` with `arguments`, in a mesh that states `registry_only` and a cluster with these objects.
fn check_registry_only(arguments: &str, live_objects: &str, expect: &Expect) {
    expect.assert_eq(&registry_only_findings(arguments, live_objects, &[]));
}

/// The findings of [`findings`], in a mesh that states `registry_only`.
fn registry_only_findings(arguments: &str, live_objects: &str, forbidden: &[&str]) -> String {
    live::findings_in::<Service>(&registry_only_mesh(), &payments(arguments), live_objects, forbidden)
}

/// Compares the findings for `payments` with `arguments`, in a cluster with these objects.
fn check(arguments: &str, live_objects: &str, expect: &Expect) {
    expect.assert_eq(&findings(arguments, live_objects, &[]));
}

/// The healthy cluster with another text in place of `from`.
fn replacing(from: &str, to: &str) -> String {
    assert!(HEALTHY.contains(from), "{from} isn't there");
    HEALTHY.replace(from, to)
}

/// The healthy cluster with more objects.
fn with_objects(more: &str) -> String {
    format!("{HEALTHY}---\n{more}")
}

#[test]
fn consistent_cluster_has_no_findings() {
    for arguments in ["", "service = \"managed\"", "calls = []", "authorization_mode = \"off\"\nresiliency = \"low\""] {
        // The live Service has no annotation, so every namespace sees it. With `access = "mesh"` that doesn't change.
        let findings = findings(&format!("access = \"mesh\"\n{arguments}"), HEALTHY, &[]);
        assert_eq!(findings, "", "{arguments}");
    }
}

#[test]
fn forbidden_queries_skip_the_checks() {
    let kinds: Vec<&str> = [kind::MANAGED, kind::READ_ONLY].concat().iter().map(|kind| kind.kind).collect();
    assert_eq!(findings("calls = [\"shop/catalog\", \"api.stripe.com\"]", "", &kinds), "");
}

#[test]
fn missing_namespace_skips_the_checks() {
    assert_eq!(findings("calls = [\"shop/catalog\"]", "", &[]), "");
}

#[test]
fn codes_are_those_of_istioctl_or_words() {
    let mut seen = BTreeSet::new();
    for code in Code::ALL {
        let word = code.as_str();
        let is_of_istioctl =
            word.strip_prefix("IST").is_some_and(|number| number.len() == 4 && number.parse::<u16>().is_ok());
        let is_of_words = word.split('-').all(|part| !part.is_empty() && part.bytes().all(|c| c.is_ascii_lowercase()));
        assert!(is_of_istioctl || is_of_words && word.contains('-'), "{word}");
        assert!(code.description().ends_with('.') && seen.insert(word), "{word}");
    }
}

#[test]
fn configured_level_replaces_the_default() {
    let levels = Levels([(Code::Ambient, Level::Warn), (Code::NoWorkload, Level::Off)].into());
    let levels = [Code::Ambient, Code::NoWorkload, Code::PodMissingProxy].map(|code| levels.of(code));
    assert_eq!(levels, [Level::Warn, Level::Off, Level::Warn]);
    assert_eq!(Levels::default().of(Code::Ambient), Level::Error);
}

/// All variants of a document in which one value, at any depth, is of another type or out of range.
fn malformed_variants(document: &Json) -> Vec<Json> {
    let replacements = [
        Json::Null,
        Json::Bool(true),
        Json::from(-1),
        Json::from("*"),
        Json::Array(vec![Json::Null]),
        serde_json::json!({"": {}}),
    ];
    let mut variants: Vec<Json> = replacements.to_vec();
    match document {
        Json::Object(members) => {
            for (key, value) in members {
                variants.extend(malformed_variants(value).into_iter().map(|variant| {
                    let mut whole = members.clone();
                    whole.insert(key.clone(), variant);
                    Json::Object(whole)
                }));
            }
        }
        Json::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                variants.extend(malformed_variants(item).into_iter().map(|variant| {
                    let mut whole = items.clone();
                    whole[n] = variant;
                    Json::Array(whole)
                }));
            }
        }
        _ => {}
    }
    variants
}

#[test]
fn malformed_live_objects_are_no_fault() {
    let more = "
kind: VirtualService
metadata: {name: theirs, namespace: pci}
spec: {gateways: [mesh], hosts: [payments]}
---
kind: DestinationRule
metadata: {name: theirs, namespace: pci, annotations: {terraform-provider-mesh/resource: mesh_service/pci/x, terraform-provider-mesh/arguments: '{}'}}
spec: {host: payments}
---
kind: Sidecar
metadata: {name: theirs, namespace: pci}
spec: {workloadSelector: {labels: {app: payments}}}
---
kind: Service
metadata: {name: ledger, namespace: pci, annotations: {networking.istio.io/exportTo: '.'}}
spec: {selector: {app: ledger}, ports: [{port: 8080, targetPort: web, appProtocol: http}]}
---
kind: AuthorizationPolicy
metadata: {name: ledger, namespace: pci}
spec: {selector: {matchLabels: {app: ledger}}, action: ALLOW, rules: [{from: [{source: {principals: [a], notNamespaces: [b]}}]}]}
---
kind: AuthorizationPolicy
metadata: {name: theirs, namespace: istio-system}
spec: {selector: {matchLabels: {app: payments}}, rules: [{from: [{source: {namespaces: [a]}}], to: [{operation: {ports: ['8080']}}]}]}
---
kind: ServiceEntry
metadata: {name: stripe, namespace: istio-system}
spec: {hosts: [api.stripe.com], exportTo: ['.']}
";
    let objects = objects(&with_objects(more));
    let config = config("calls = [\"ledger\", \"api.stripe.com\"]");
    let rendered = config.render(&mesh());
    for object in &objects {
        for variant in malformed_variants(object) {
            let queries = Service::live_queries(&config, &mesh(), &rendered).into_iter().map(|live| live.query);
            // The variant is in the results where the object was, also if its kind or its name is malformed.
            let malformed = |live: Arc<Json>| if *live == *object { Arc::new(variant.clone()) } else { live };
            let results: QueryResults = queries
                .map(|query| {
                    let result = query_result(&query, &objects, &[]);
                    (query, result.map(|live| live.into_iter().map(malformed).collect()))
                })
                .collect();
            Service::live_checks(&config, &mesh(), &rendered, &results, &mut Findings::default());
        }
    }
}
