//! What the service calls.

use expect_test::expect;

use super::{and, check, told};

fn calls(destination: &str) -> String {
    format!("access = \"mesh\"\ncalls = [\"{destination}\"]")
}

const CATALOG: &str = "kind: Service
metadata: {name: catalog, namespace: shop}
spec: {selector: {app: catalog}}";

const STRIPE: &str = "kind: ServiceEntry
metadata: {name: api-stripe-com, namespace: istio-system}
spec: {hosts: [api.stripe.com]}";

#[test]
fn what_is_not_there() {
    check(
        "access = \"mesh\"\ncalls = [\"ledger\", \"shop/catalog\", \"api.stripe.com\", \"team/api.partner.com\"]",
        &and(""),
        &expect![[r#"
            warn at calls: What is called isn't there
              calls needs Service pci/ledger, Service shop/catalog, a ServiceEntry for api.stripe.com in istio-system, a ServiceEntry for api.partner.com in team, and there is none. Its calls fail until there is. If this run makes it, all is well; else correct the name, or its namespace. (IST0101)
        "#]],
    );
}

#[test]
fn what_is_there() {
    assert_eq!(told(&calls("shop/catalog"), &and(CATALOG), &[]), "");
    assert_eq!(told(&calls("shop/*"), &and(CATALOG), &[]), "");
    assert_eq!(told(&calls("payments"), &and(""), &[]), "");
    assert_eq!(told(&calls("api.stripe.com"), &and(STRIPE), &[]), "");
    assert_eq!(told(&calls("api.stripe.com"), &and(&STRIPE.replace("api.stripe.com]", "'*.stripe.com']")), &[]), "");
}

#[test]
fn what_is_not_visible_here() {
    let catalog = CATALOG.replace("shop}", "shop, annotations: {networking.istio.io/exportTo: '., web'}}");
    check(
        &calls("shop/catalog"),
        &and(&catalog),
        &expect![[r#"
        warn at calls: What is called isn't visible here
          pci doesn't see Service shop/catalog (visible to shop, web): its calls fail. Ask the owner to allow this service, or to export to pci. (hidden-callee)
    "#]],
    );
    check(
        &calls("api.stripe.com"),
        &and(&STRIPE.replace("{hosts", "{exportTo: [shop], hosts")),
        &expect![[r#"
        warn at calls: What is called isn't visible here
          pci doesn't see ServiceEntry istio-system/api-stripe-com (visible to shop): its calls fail. Ask the owner to allow this service, or to export to pci. (hidden-callee)
    "#]],
    );
    for everybody in ["'*'", "pci", "'.,pci'"] {
        assert_eq!(told(&calls("shop/catalog"), &and(&catalog.replace("'., web'", everybody)), &[]), "", "{everybody}");
    }
}

/// A policy for the catalog with these rules.
fn policy(rules: &str) -> String {
    let policy = "kind: AuthorizationPolicy
metadata: {name: catalog-shop, namespace: shop}
spec: {selector: {matchLabels: {app: catalog}}, action: ALLOW, rules: RULES}";
    and(&format!("{CATALOG}\n---\n{}", policy.replace("RULES", rules)))
}

#[test]
fn who_does_not_let_it_in() {
    check(
        &calls("shop/catalog"),
        &policy("[{from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}]}]"),
        &expect![[r#"
            warn at calls: What is called doesn't let this service in
              Rules of who may call leave out cluster.local/ns/pci/sa/payments: shop/catalog (by AuthorizationPolicy shop/catalog-shop). Ask the owner to allow it. If this run does, all is well. (refused-by-callee)
        "#]],
    );
}

#[test]
fn rules_that_may_let_it_in() {
    for rules in [
        "[{}]",
        "[{to: [{operation: {methods: [GET]}}]}]",
        "[{from: [{source: {principals: ['*']}}]}]",
        "[{from: [{source: {principals: [cluster.local/ns/pci/sa/payments]}}]}]",
        "[{from: [{source: {principals: ['cluster.local/ns/pci/*']}}]}]",
        "[{from: [{source: {principals: ['*/sa/payments']}}]}]",
        "[{from: [{source: {namespaces: [pci]}}]}]",
        "[{from: [{source: {notNamespaces: [audit]}}]}]",
        "[{from: [{source: {serviceAccounts: [pci/payments]}}]}]",
        "[{from: [{source: {ipBlocks: [10.0.0.0/8]}}]}]",
        "[{from: [{source: {namespaces: [web]}}, {source: {namespaces: [pci]}}]}]",
    ] {
        assert_eq!(told(&calls("shop/catalog"), &policy(rules), &[]), "", "{rules}");
    }
    for rules in [
        "[]",
        "[{from: [{source: {namespaces: [web]}}]}]",
        "[{from: [{source: {notPrincipals: ['*/sa/payments']}}]}]",
        "[{from: [{source: {namespaces: [pci], principals: [cluster.local/ns/pci/sa/other]}}]}]",
        "[{from: [{source: {serviceAccounts: [pci/other]}}]}]",
    ] {
        assert!(told(&calls("shop/catalog"), &policy(rules), &[]).contains("refused-by-callee"), "{rules}");
    }
}

#[test]
fn policies_that_refuse_nobody() {
    let refusing = policy("[]");
    for (right, wrong) in [
        ("action: ALLOW", "action: DENY"),
        (
            "namespace: shop}\nspec: {selector: {matchLabels",
            "namespace: shop, annotations: {istio.io/dry-run: 'true'}}\nspec: {selector: {matchLabels",
        ),
        ("matchLabels: {app: catalog}", "matchLabels: {app: other}"),
    ] {
        assert!(refusing.contains(right), "{right}");
        assert_eq!(told(&calls("shop/catalog"), &refusing.replace(right, wrong), &[]), "", "{wrong}");
    }
    let deny_all = "kind: AuthorizationPolicy\nmetadata: {name: deny-all, namespace: istio-system}\nspec: {rules: []}";
    let closed = and(&format!("{CATALOG}\n---\n{deny_all}"));
    check(
        &calls("shop/catalog"),
        &closed,
        &expect![[r#"
        warn at calls: What is called doesn't let this service in
          Rules of who may call leave out cluster.local/ns/pci/sa/payments: shop/catalog (by AuthorizationPolicy istio-system/deny-all). Ask the owner to allow it. If this run does, all is well. (refused-by-callee)
    "#]],
    );
}
