//! `mesh_access`: what is made of the policies in a cluster.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use terraform_provider_mesh::{
    diagnostics::{Diagnostics, Path},
    mesh::workload_access::WorkloadAccess,
    query::QueryResults,
    schema::{Value, model::Model},
};

use super::{
    hcl,
    live::{objects, query_result},
    mesh,
};

const SERVICE: &str = "namespace = \"pci\"\nservice = \"payments\"";

const CLUSTER: &str = "
kind: Service
metadata: {name: payments, namespace: pci}
spec: {selector: {app: payments}}
---
kind: Pod
metadata: {name: payments-1, namespace: pci, labels: {app: payments, version: v1, tier: backend}}
---
kind: Pod
metadata: {name: payments-2, namespace: pci, labels: {app: payments, version: v2, tier: backend}}
---
";

/// Writes a line for each value, and for each list.
pub(super) fn lines(text: &mut String, name: &str, value: &Value) {
    match value {
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(|item| format!("{item:?}")).collect();
            writeln!(text, "{name}: {}", items.join(", ")).unwrap();
        }
        Value::Map(members) => {
            for (key, value) in members {
                lines(text, &format!("{name} {key}"), value);
            }
        }
        value => writeln!(text, "{name}: {value:?}").unwrap(),
    }
}

/// The outputs or errors for a workload, in a cluster with these objects, whose user has no right to read the kinds `forbidden`.
fn report(arguments: &str, live_objects: &str, forbidden: &[&str]) -> String {
    let value = hcl::resource(arguments, WorkloadAccess::schema());
    let mut out = Diagnostics::default();
    let arguments = WorkloadAccess::decode(&value, &Path::root(), &mut out);
    arguments.validate(&mut out);
    if out.has_errors() {
        return out.to_string();
    }
    let live = objects(live_objects);
    let queries = arguments.queries(&mesh()).into_iter();
    let results: QueryResults = queries.map(|query| (query.clone(), query_result(&query, &live, forbidden))).collect();
    let mut text = String::new();
    match arguments.evaluate(&mesh(), &results, &mut out) {
        Ok(outputs) => {
            let Value::Map(members) = outputs.encode() else { panic!("an object") };
            for (name, value) in &members {
                lines(&mut text, name, value);
            }
        }
        Err(_) => text = out.to_string(),
    }
    text
}

fn check(policies: &str, expect: &Expect) {
    expect.assert_eq(&report(SERVICE, &format!("{CLUSTER}{policies}"), &[]));
}

#[test]
fn workload_without_policies_is_open() {
    check(
        "",
        &expect![[r#"
        admitted *: String("all")
        admitted anonymous: String("all")
        callers: String("*"), String("anonymous")
        is_open: Bool(true)
        issuers: 
        strict_mtls: Bool(false)
    "#]],
    );
}

#[test]
fn callers_requests_and_policies_of_others() {
    check(
        "
kind: AuthorizationPolicy
metadata: {name: payments, namespace: pci}
spec:
  selector: {matchLabels: {app: payments}}
  rules:
  - from: [{source: {principals: [cluster.local/ns/shop/sa/checkout]}}]
    to: [{operation: {methods: [POST], paths: [/charges]}}]
  - from: [{source: {namespaces: [audit]}}]
---
kind: AuthorizationPolicy
metadata: {name: backends, namespace: pci}
spec:
  selector: {matchLabels: {tier: backend}}
  rules:
  - from: [{source: {serviceAccounts: [probe]}}]
---
kind: AuthorizationPolicy
metadata: {name: denied, namespace: istio-system}
spec:
  action: DENY
  rules:
  - from: [{source: {principals: [cluster.local/ns/audit/sa/intern]}}]
---
kind: AuthorizationPolicy
metadata: {name: trial, namespace: pci, annotations: {istio.io/dry-run: 'true'}}
spec: {rules: [{}]}
---
kind: AuthorizationPolicy
metadata: {name: of-another-version, namespace: pci}
spec: {selector: {matchLabels: {version: v1}}, rules: [{}]}
---
kind: AuthorizationPolicy
metadata: {name: elsewhere, namespace: shop}
spec: {rules: [{}]}
---
kind: PeerAuthentication
metadata: {name: default, namespace: istio-system}
spec: {mtls: {mode: STRICT}}
---
kind: RequestAuthentication
metadata: {name: default, namespace: istio-system}
spec: {jwtRules: [{issuer: 'https://login.example.com'}]}
",
        &expect![[r#"
            admitted audit/*: String("all")
            admitted pci/probe: String("all")
            admitted shop/checkout: String("POST /charges")
            callers: String("audit/*"), String("pci/probe"), String("shop/checkout")
            is_open: Bool(false)
            issuers: String("https://login.example.com")
            policies istio-system/denied: String("DENY")
            policies pci/backends: String("ALLOW")
            policies pci/payments: String("ALLOW")
            strict_mtls: Bool(true)
        "#]],
    );
}

#[test]
fn clear_text_and_tokens() {
    check(
        "
kind: AuthorizationPolicy
metadata: {name: payments, namespace: pci}
spec:
  rules:
  - to: [{operation: {paths: [/health]}}]
  - when: [{key: 'request.auth.claims[iss]', values: ['https://login.example.com']}]
  - when: [{key: 'request.auth.claims[iss]', values: ['https://unverified.example.com']}]
---
kind: RequestAuthentication
metadata: {name: default, namespace: pci}
spec: {jwtRules: [{issuer: 'https://login.example.com'}]}
",
        &expect![[r#"
            admitted *: String("/health token of https://login.example.com"), String("/health without token"), String("other paths token of https://login.example.com")
            admitted anonymous: String("/health token of https://login.example.com"), String("/health without token"), String("other paths token of https://login.example.com")
            callers: String("*"), String("anonymous")
            is_open: Bool(false)
            issuers: String("https://login.example.com")
            policies pci/payments: String("ALLOW")
            strict_mtls: Bool(false)
        "#]],
    );
}

/// Istio leaves out an ALLOW rule about requests on such ports, and ignores these fields in a DENY rule.
#[test]
fn ports_without_requests_have_connections() {
    let policies = "
kind: Service
metadata: {name: payments-db, namespace: pci}
spec: {selector: {app: payments}, ports: [{name: tcp-db, port: 5432}, {name: http, port: 80, targetPort: 8080}]}
---
kind: AuthorizationPolicy
metadata: {name: payments, namespace: pci}
spec:
  rules:
  - from: [{source: {namespaces: [shop]}}]
    to: [{operation: {methods: [GET]}}]
  - from: [{source: {namespaces: [audit, reporting]}}]
---
kind: AuthorizationPolicy
metadata: {name: denied, namespace: pci}
spec:
  action: DENY
  rules:
  - from: [{source: {namespaces: [reporting]}}]
    to: [{operation: {methods: [POST]}}]
";
    check(
        policies,
        &expect![[r#"
        admitted audit/*: String("all")
        admitted reporting/*: String("other ports GET"), String("other ports other methods")
        admitted shop/*: String("other ports GET")
        callers: String("audit/*"), String("reporting/*"), String("shop/*")
        is_open: Bool(false)
        issuers: 
        policies pci/denied: String("DENY")
        policies pci/payments: String("ALLOW")
        strict_mtls: Bool(false)
    "#]],
    );
    // A workload without other ports has connections alone.
    let database = policies.replace(", {name: http, port: 80, targetPort: 8080}", "");
    check(
        &database,
        &expect![[r#"
        admitted audit/*: String("all")
        callers: String("audit/*")
        is_open: Bool(false)
        issuers: 
        policies pci/denied: String("DENY")
        policies pci/payments: String("ALLOW")
        strict_mtls: Bool(false)
    "#]],
    );
}

/// Without an answer to every question there is none: a policy that isn't seen could open or close the workload.
#[test]
fn incomplete_views_are_errors() {
    for (arguments, live, forbidden) in [
        ("namespace = \"pci\"", CLUSTER, &[][..]),
        ("namespace = \"pci\"\nservice = \"payments\"\nselector = { app = \"x\" }", CLUSTER, &[]),
        ("namespace = \"pci\"\nservice = \"missing\"", CLUSTER, &[]),
        (SERVICE, CLUSTER, &["AuthorizationPolicy"]),
    ] {
        assert!(report(arguments, live, forbidden).starts_with("error"), "{arguments}");
    }
    // Pods only complete the labels.
    assert!(report(SERVICE, CLUSTER, &["Pod"]).contains("is_open: Bool(true)"));
    let unsupported = "kind: AuthorizationPolicy\nmetadata: {name: new, namespace: pci}\nspec: {rules: [{when: [{key: 'request.new', values: [a]}]}]}";
    check(
        unsupported,
        &expect![[r#"
        error: AuthorizationPolicy can't be evaluated
          AuthorizationPolicy pci/new can't be evaluated: condition request.new. The provider doesn't know this part of it.
    "#]],
    );
}
