//! Live checks: facts of a cluster in, findings out. Each test starts from a cluster in which nothing is wrong.

mod calls;
mod outside;
mod service;
mod strangers;
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
    live::{self, answer, documents},
    mesh,
};

/// A cluster in which nothing is wrong with `payments` in `pci`.
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

/// The configuration of `payments` with `arguments`, which is sound.
fn config(arguments: &str) -> Service {
    live::config::<Service>(&payments(arguments))
}

/// What the checks of a service say in a cluster of these objects.
fn told(arguments: &str, facts: &str, hidden: &[&str]) -> String {
    live::told::<Service>(&payments(arguments), facts, hidden)
}

/// Compares what is told of `payments` with `arguments`, in a cluster of `facts`.
fn check(arguments: &str, facts: &str, expect: &Expect) {
    expect.assert_eq(&told(arguments, facts, &[]));
}

/// The healthy cluster with one thing another way.
fn with(right: &str, wrong: &str) -> String {
    assert!(HEALTHY.contains(right), "{right} isn't there");
    HEALTHY.replace(right, wrong)
}

/// The healthy cluster with more in it.
fn and(more: &str) -> String {
    format!("{HEALTHY}---\n{more}")
}

#[test]
fn nothing_is_told_where_nothing_is_wrong() {
    for arguments in ["", "service = \"managed\"", "calls = []", "authorization_mode = \"off\""] {
        // The live Service says nothing of who sees it, so everybody does: only what is enforced narrows that.
        let told = told(&format!("access = \"mesh\"\n{arguments}"), HEALTHY, &[]);
        assert_eq!(told, "", "{arguments}");
    }
}

#[test]
fn where_nothing_can_be_seen_nothing_is_told() {
    let kinds: Vec<&str> = [kind::MANAGED, kind::READ_ONLY].concat().iter().map(|kind| kind.kind).collect();
    assert_eq!(told("calls = [\"shop/catalog\", \"api.stripe.com\"]", "", &kinds), "");
}

#[test]
fn in_a_namespace_that_is_not_there_nothing_is_told() {
    assert_eq!(told("calls = [\"shop/catalog\"]", "", &[]), "");
}

#[test]
fn codes_are_named_as_istioctl_does_or_as_words() {
    let mut seen = BTreeSet::new();
    for code in Code::ALL {
        let word = code.as_str();
        let theirs = word.strip_prefix("IST").is_some_and(|number| number.len() == 4 && number.parse::<u16>().is_ok());
        let ours = word.split('-').all(|part| !part.is_empty() && part.bytes().all(|c| c.is_ascii_lowercase()));
        assert!(theirs || ours && word.contains('-'), "{word}");
        assert!(code.description().ends_with('.') && seen.insert(word), "{word}");
    }
}

#[test]
fn a_level_is_what_is_written_or_the_usual_one() {
    let levels = Levels([(Code::Ambient, Level::Warn), (Code::NoWorkload, Level::Off)].into());
    let found = [Code::Ambient, Code::NoWorkload, Code::PodMissingProxy].map(|code| levels.of(code));
    assert_eq!(found, [Level::Warn, Level::Off, Level::Warn]);
    assert_eq!(Levels::default().of(Code::Ambient), Level::Error);
}

/// A document with one of its parts another way, for each part and each way.
fn oddities(document: &Json) -> Vec<Json> {
    let ways = [
        Json::Null,
        Json::Bool(true),
        Json::from(-1),
        Json::from("*"),
        Json::Array(vec![Json::Null]),
        serde_json::json!({"": {}}),
    ];
    let mut found: Vec<Json> = ways.to_vec();
    match document {
        Json::Object(members) => {
            for (key, value) in members {
                found.extend(oddities(value).into_iter().map(|odd| {
                    let mut whole = members.clone();
                    whole.insert(key.clone(), odd);
                    Json::Object(whole)
                }));
            }
        }
        Json::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                found.extend(oddities(item).into_iter().map(|odd| {
                    let mut whole = items.clone();
                    whole[n] = odd;
                    Json::Array(whole)
                }));
            }
        }
        _ => {}
    }
    found
}

#[test]
fn facts_of_any_shape_are_met() {
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
kind: ServiceEntry
metadata: {name: stripe, namespace: istio-system}
spec: {hosts: [api.stripe.com], exportTo: ['.']}
";
    let objects = documents(&and(more));
    let config = config("calls = [\"ledger\", \"api.stripe.com\"]");
    for n in 0..objects.len() {
        for odd in oddities(&objects[n]) {
            // It is found as what it was, whatever it is now.
            let queries =
                Service::live_queries(&config, &mesh(), &config.render(&mesh())).into_iter().map(|want| want.query);
            let found: QueryResults = queries
                .map(|query| {
                    let answered = answer(&query, &objects, &[]).map(|live| {
                        let turned = |live: Arc<Json>| if *live == objects[n] { Arc::new(odd.clone()) } else { live };
                        live.into_iter().map(turned).collect()
                    });
                    (query, answered)
                })
                .collect();
            Service::live_checks(&config, &mesh(), &config.render(&mesh()), &found, &mut Findings::default());
        }
    }
}
