//! Tables of policies, requests and decisions.

// The specs are literals, written where they are used.
#![allow(clippy::needless_pass_by_value)]

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::*;

/// A policy of the namespace `pci`, given by its spec.
fn policy(spec: Json) -> Json {
    policy_in("pci", spec)
}

fn policy_in(namespace: &str, spec: Json) -> Json {
    json!({ "kind": "AuthorizationPolicy", "metadata": { "name": "p", "namespace": namespace }, "spec": spec })
}

fn dry_run(mut policy: Json) -> Json {
    policy["metadata"]["annotations"] = json!({ "istio.io/dry-run": "true" });
    policy
}

fn allow(rules: Json) -> Json {
    policy(json!({ "action": "ALLOW", "rules": rules }))
}

fn deny(rules: Json) -> Json {
    policy(json!({ "action": "DENY", "rules": rules }))
}

fn custom(provider: &str, rules: Json) -> Json {
    policy(json!({ "action": "CUSTOM", "provider": { "name": provider }, "rules": rules }))
}

/// `GET /v1/charges` by `shop/web` on port 8080, without a token.
fn request() -> Request {
    Request {
        principal: Some("cluster.local/ns/shop/sa/web".to_owned()),
        source_ip: [10, 1, 2, 3].into(),
        remote_ip: [192, 0, 2, 1].into(),
        port: 8080,
        sni: None,
        attributes: BTreeMap::from([
            ("destination.ip".to_owned(), "10.9.8.7".to_owned()),
            ("experimental.envoy.filters.x[y]".to_owned(), "zz".to_owned()),
        ]),
        http: Some(HttpRequest {
            method: "GET".to_owned(),
            path: "/v1/charges".to_owned(),
            host: "Pay.test:8080".to_owned(),
            headers: [("x-version".to_owned(), "2".to_owned())].into(),
            claims: None,
        }),
    }
}

fn without_principal() -> Request {
    Request { principal: None, ..request() }
}

fn tcp() -> Request {
    Request { http: None, ..request() }
}

fn with_claims(claims: Json) -> Request {
    let http = request().http.map(|http| HttpRequest { claims: Some(claims), ..http });
    Request { http, ..request() }
}

fn decide(policies: &[Json], request: &Request) -> Decision {
    let workload = Workload { namespace: "pci".to_owned(), labels: [("app".to_owned(), "pay".to_owned())].into() };
    Policies::of_workload(policies, &workload, "istio-system").unwrap().decide(request)
}

#[test]
fn actions_are_evaluated_in_order() {
    let (all, none) = (json!([{}]), json!([]));
    let asks = || Decision::Asks("opa".to_owned());
    let table = [
        (vec![], Decision::Admitted),
        (vec![allow(none.clone())], Decision::Refused),
        (vec![allow(all.clone())], Decision::Admitted),
        (vec![allow(none.clone()), allow(all.clone())], Decision::Admitted),
        (vec![policy(json!({}))], Decision::Refused),
        (vec![deny(none.clone())], Decision::Admitted),
        (vec![deny(all.clone()), allow(all.clone())], Decision::Refused),
        (vec![policy(json!({ "action": "AUDIT", "rules": all }))], Decision::Admitted),
        (vec![custom("opa", all.clone())], asks()),
        (vec![custom("opa", none.clone())], Decision::Admitted),
        (vec![custom("opa", all.clone()), deny(all.clone())], Decision::Refused),
        (vec![custom("opa", all.clone()), allow(none.clone())], Decision::Refused),
        (vec![custom("opa", all.clone()), custom("other", none.clone())], Decision::Refused),
        (vec![dry_run(deny(all.clone()))], Decision::Admitted),
        (vec![dry_run(allow(none.clone()))], Decision::Admitted),
        (vec![dry_run(allow(all)), allow(none)], Decision::Refused),
    ];
    for (policies, expected) in table {
        assert_eq!(decide(&policies, &request()), expected, "{policies:?}");
    }
}

#[test]
fn selector_and_namespace_limit_a_policy() {
    let selecting =
        |app: &str| json!({ "action": "DENY", "selector": { "matchLabels": { "app": app } }, "rules": [{}] });
    let waypoint = json!({ "action": "DENY", "targetRefs": [{ "kind": "Service", "name": "pay" }], "rules": [{}] });
    let table = [
        (policy(selecting("pay")), Decision::Refused),
        (policy(selecting("other")), Decision::Admitted),
        (policy_in("shop", selecting("pay")), Decision::Admitted),
        (policy_in("istio-system", selecting("pay")), Decision::Refused),
        (policy_in("istio-system", json!({ "action": "DENY", "rules": [{}] })), Decision::Refused),
        (policy(waypoint), Decision::Admitted),
        (json!({ "kind": "Service", "spec": { "type": "ClusterIP" } }), Decision::Admitted),
    ];
    for (policy, expected) in table {
        assert_eq!(decide(std::slice::from_ref(&policy), &request()), expected, "{policy}");
    }
}

/// Whether an ALLOW policy with the rule admits the request.
fn rule_matches(rule: &Json, request: &Request) -> bool {
    decide(&[allow(json!([rule]))], request) == Decision::Admitted
}

#[test]
fn sources_are_matched() {
    let table = [
        (json!({ "principals": ["cluster.local/ns/shop/sa/web"] }), true, false),
        (json!({ "principals": ["cluster.local/ns/shop/*"] }), true, false),
        (json!({ "principals": ["*/sa/web"] }), true, false),
        (json!({ "principals": ["*"] }), true, false),
        (json!({ "principals": ["cluster.local/ns/shop/sa/api"] }), false, false),
        (json!({ "notPrincipals": ["*"] }), false, true),
        (json!({ "namespaces": ["shop"] }), true, false),
        (json!({ "namespaces": ["sh*"] }), true, false),
        (json!({ "namespaces": ["sho"] }), false, false),
        (json!({ "notNamespaces": ["shop"] }), false, true),
        (json!({ "ipBlocks": ["10.0.0.0/8"] }), true, true),
        (json!({ "ipBlocks": ["10.1.2.3"] }), true, true),
        (json!({ "ipBlocks": ["10.1.2.0/30"] }), true, true),
        (json!({ "ipBlocks": ["10.1.2.0/31", "::/0"] }), false, false),
        (json!({ "ipBlocks": ["0.0.0.0/0"] }), true, true),
        (json!({ "notIpBlocks": ["10.1.0.0/16"] }), false, false),
        (json!({ "remoteIpBlocks": ["192.0.2.0/24"] }), true, true),
        (json!({ "principals": ["*"], "ipBlocks": ["11.0.0.0/8"] }), false, false),
        (json!({ "requestPrincipals": ["*"] }), false, false),
        (json!({ "notRequestPrincipals": ["*"] }), true, true),
    ];
    for (source, with, without) in table {
        let rule = json!({ "from": [{ "source": source }] });
        assert_eq!(rule_matches(&rule, &request()), with, "{source}");
        assert_eq!(rule_matches(&rule, &without_principal()), without, "{source} without a principal");
    }
}

#[test]
fn operations_are_matched() {
    let table = [
        (json!({ "methods": ["GET", "HEAD"] }), true),
        (json!({ "methods": ["get"] }), false),
        (json!({ "notMethods": ["GET"] }), false),
        (json!({ "paths": ["/v1/charges"] }), true),
        (json!({ "paths": ["/v1/*"] }), true),
        (json!({ "paths": ["/v1/charges/*"] }), false),
        (json!({ "paths": ["*charges"] }), true),
        (json!({ "paths": ["/v1/{*}"] }), true),
        (json!({ "paths": ["/{*}"] }), false),
        (json!({ "paths": ["/{**}"] }), true),
        (json!({ "paths": ["/{**}/charges"] }), true),
        (json!({ "paths": ["/v1/charges/{**}"] }), false),
        (json!({ "paths": ["*"], "notPaths": ["/v1/*"] }), false),
        (json!({ "hosts": ["pay.test"] }), false),
        (json!({ "hosts": ["pay.test:*"] }), true),
        (json!({ "notHosts": ["PAY.*"] }), false),
        (json!({ "ports": ["8080"] }), true),
        (json!({ "ports": ["80"] }), false),
        (json!({ "notPorts": ["8080"] }), false),
        (json!({ "methods": ["GET"], "ports": ["80"] }), false),
    ];
    for (operation, expected) in table {
        let rule = json!({ "to": [{ "operation": operation }] });
        assert_eq!(rule_matches(&rule, &request()), expected, "{operation}");
    }
}

#[test]
fn conditions_are_matched() {
    let user = || with_claims(json!({ "iss": "idp", "sub": "ann", "groups": ["a", "b"], "x": { "y": "z" }, "n": 1 }));
    let no_subject = || with_claims(json!({ "iss": "idp" }));
    let table = [
        ("request.auth.claims[iss]", json!({ "values": ["idp"] }), request(), false),
        ("request.auth.claims[iss]", json!({ "values": ["idp"] }), user(), true),
        ("request.auth.claims[iss]", json!({ "notValues": ["*"] }), request(), true),
        ("request.auth.claims[iss]", json!({ "notValues": ["*"] }), user(), false),
        ("request.auth.claims[iss]", json!({ "notValues": ["*"] }), no_subject(), false),
        ("request.auth.claims[groups]", json!({ "values": ["b"] }), user(), true),
        ("request.auth.claims[groups]", json!({ "values": ["c"] }), user(), false),
        ("request.auth.claims[x][y]", json!({ "values": ["z"] }), user(), true),
        ("request.auth.claims[n]", json!({ "values": ["1"] }), user(), false),
        ("request.auth.principal", json!({ "values": ["idp/ann"] }), user(), true),
        ("request.auth.principal", json!({ "values": ["*"] }), no_subject(), false),
        ("request.headers[X-Version]", json!({ "values": ["2"] }), request(), true),
        ("source.principal", json!({ "values": ["*"] }), without_principal(), false),
        ("source.namespace", json!({ "values": ["shop"] }), request(), true),
        ("source.ip", json!({ "notValues": ["10.0.0.0/8"] }), request(), false),
        ("remote.ip", json!({ "values": ["192.0.2.1"] }), request(), true),
        ("destination.port", json!({ "values": ["8080"] }), request(), true),
        ("connection.sni", json!({ "values": ["*"] }), request(), false),
        ("destination.ip", json!({ "values": ["10.9.0.0/16"] }), request(), true),
        ("destination.ip", json!({ "notValues": ["10.9.0.0/16"] }), request(), false),
        ("experimental.envoy.filters.x[y]", json!({ "values": ["z*"] }), request(), true),
        ("experimental.envoy.filters.x[z]", json!({ "values": ["*"] }), request(), false),
    ];
    for (key, mut condition, request, expected) in table {
        condition["key"] = json!(key);
        assert_eq!(rule_matches(&json!({ "when": [condition] }), &request), expected, "{condition}");
    }
}

/// On a TCP port an ALLOW rule with an HTTP attribute never matches, and a DENY rule matches as if it had none.
#[test]
fn http_attributes_on_tcp_ports() {
    let web = || json!([{ "source": { "principals": ["*/sa/web"] } }]);
    let other = || json!([{ "source": { "principals": ["*/sa/other"] } }]);
    let get = || json!([{ "operation": { "methods": ["POST"] } }]);
    let no_token = || json!([{ "key": "request.auth.claims[iss]", "notValues": ["*"] }]);
    // The rule, whether ALLOW admits the connection by it, and whether DENY refuses the connection by it.
    let table = [
        (json!({ "from": web() }), true, true),
        (json!({ "from": web(), "to": get() }), false, true),
        (json!({ "from": other(), "to": get() }), false, false),
        (json!({ "to": [{ "operation": { "ports": ["8080"], "notPaths": ["*"] } }] }), false, true),
        (json!({ "to": [{ "operation": { "ports": ["80"], "paths": ["/"] } }] }), false, false),
        (json!({ "to": [{ "operation": { "ports": ["8080"] } }, { "operation": { "paths": ["/"] } }] }), false, true),
        (json!({ "when": no_token() }), false, true),
        (json!({ "from": [{ "source": { "requestPrincipals": ["x/*"] } }] }), false, true),
    ];
    for (rule, allowed, denied) in table {
        assert_eq!(rule_matches(&rule, &tcp()), allowed, "{rule}");
        assert_eq!(decide(&[deny(json!([rule]))], &tcp()) == Decision::Refused, denied, "{rule}");
    }
}

#[test]
fn unsupported_fields_and_conditions_are_errors() {
    let table = [
        (json!([{ "to": [{ "operation": { "verbs": ["GET"] } }] }]), "unknown field `verbs`"),
        (json!([{ "when": [{ "key": "destination.labels[app]", "values": ["z"] }] }]), "destination.labels"),
    ];
    for (rules, expected) in table {
        let error = Policies::of_workload(&[allow(rules)], &Workload::default(), "istio-system").unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.to_string().contains("pci/p"), "{error}");
    }
}

#[test]
fn service_accounts_and_trust_domains() {
    let by = |principal: &str| Request { principal: Some(principal.to_owned()), ..request() };
    let table = [
        (json!({ "serviceAccounts": ["shop/web"] }), "cluster.local/ns/shop/sa/web", true),
        (json!({ "serviceAccounts": ["shop/web"] }), "other.mesh/ns/shop/sa/web", true),
        (json!({ "serviceAccounts": ["shop/web"] }), "cluster.local/ns/shop/sa/other", false),
        // Without a namespace it is in the namespace of the policy.
        (json!({ "serviceAccounts": ["web"] }), "cluster.local/ns/pci/sa/web", true),
        (json!({ "serviceAccounts": ["web"] }), "cluster.local/ns/shop/sa/web", false),
        (json!({ "notServiceAccounts": ["shop/web"] }), "cluster.local/ns/shop/sa/web", false),
        (json!({ "trustDomains": ["cluster.local"] }), "cluster.local/ns/shop/sa/web", true),
        (json!({ "trustDomains": ["cluster.local"] }), "other.mesh/ns/shop/sa/web", false),
        (json!({ "notTrustDomains": ["other.*"] }), "other.mesh/ns/shop/sa/web", false),
    ];
    for (source, principal, expected) in table {
        assert_eq!(
            rule_matches(&json!({ "from": [{ "source": source }] }), &by(principal)),
            expected,
            "{source} {principal}"
        );
    }
}
