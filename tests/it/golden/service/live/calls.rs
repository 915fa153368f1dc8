//! The callees in `calls`, and their authorization policies.

use expect_test::expect;

use super::{check, findings, with_objects};

/// The arguments of a service with this callee.
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
fn missing_callees() {
    check(
        "access = \"mesh\"\ncalls = [\"ledger\", \"shop/catalog\", \"api.stripe.com\", \"team/api.partner.com\"]",
        &with_objects(""),
        &expect![[r#"
            warn at calls: Callee doesn't exist
              calls needs objects that the cluster doesn't have: Service pci/ledger, Service shop/catalog, a ServiceEntry for api.stripe.com in istio-system, a ServiceEntry for api.partner.com in team. Calls of these destinations fail until the objects exist. If this run creates them, ignore this; otherwise correct the names or namespaces in calls. (IST0101)
        "#]],
    );
}

#[test]
fn existing_callees() {
    assert_eq!(findings(&calls("shop/catalog"), &with_objects(CATALOG), &[]), "");
    assert_eq!(findings(&calls("shop/*"), &with_objects(CATALOG), &[]), "");
    assert_eq!(findings(&calls("payments"), &with_objects(""), &[]), "");
    assert_eq!(findings(&calls("api.stripe.com"), &with_objects(STRIPE), &[]), "");
    assert_eq!(
        findings(&calls("api.stripe.com"), &with_objects(&STRIPE.replace("api.stripe.com]", "'*.stripe.com']")), &[]),
        ""
    );
}

#[test]
fn hidden_callees() {
    let catalog = CATALOG.replace("shop}", "shop, annotations: {networking.istio.io/exportTo: '., web'}}");
    check(
        &calls("shop/catalog"),
        &with_objects(&catalog),
        &expect![[r#"
        warn at calls: Callee isn't visible in the namespace
          pci doesn't see Service shop/catalog (visible to shop, web): its calls fail. Ask the owner to allow this service, or to export to pci. (hidden-callee)
    "#]],
    );
    check(
        &calls("api.stripe.com"),
        &with_objects(&STRIPE.replace("{hosts", "{exportTo: [shop], hosts")),
        &expect![[r#"
        warn at calls: Callee isn't visible in the namespace
          pci doesn't see ServiceEntry istio-system/api-stripe-com (visible to shop): its calls fail. Ask the owner to allow this service, or to export to pci. (hidden-callee)
    "#]],
    );
    for export_to in ["'*'", "pci", "'.,pci'"] {
        assert_eq!(
            findings(&calls("shop/catalog"), &with_objects(&catalog.replace("'., web'", export_to)), &[]),
            "",
            "{export_to}"
        );
    }
}

/// The cluster with the catalog and a policy for it that has these rules.
fn policy(rules: &str) -> String {
    let policy = "kind: AuthorizationPolicy
metadata: {name: catalog-shop, namespace: shop}
spec: {selector: {matchLabels: {app: catalog}}, action: ALLOW, rules: RULES}";
    with_objects(&format!("{CATALOG}\n---\n{}", policy.replace("RULES", rules)))
}

#[test]
fn callee_policy_without_the_caller() {
    check(
        &calls("shop/catalog"),
        &policy("[{from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}]}]"),
        &expect![[r#"
            warn at calls: Callee doesn't admit this service
              AuthorizationPolicies of callees don't admit cluster.local/ns/pci/sa/payments: shop/catalog (by AuthorizationPolicy shop/catalog-shop). Ask the owner to allow it. If this run does, ignore this. (refused-by-callee)
        "#]],
    );
}

#[test]
fn rules_of_callees_are_compared_with_the_caller() {
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
        assert_eq!(findings(&calls("shop/catalog"), &policy(rules), &[]), "", "{rules}");
    }
    for rules in [
        "[]",
        "[{from: [{source: {namespaces: [web]}}]}]",
        "[{from: [{source: {notPrincipals: ['*/sa/payments']}}]}]",
        "[{from: [{source: {namespaces: [pci], principals: [cluster.local/ns/pci/sa/other]}}]}]",
        "[{from: [{source: {serviceAccounts: [pci/other]}}]}]",
    ] {
        assert!(findings(&calls("shop/catalog"), &policy(rules), &[]).contains("refused-by-callee"), "{rules}");
    }
}

#[test]
fn only_enforced_allow_policies_of_the_callee_count() {
    let refusing = policy("[]");
    for (from, to) in [
        ("action: ALLOW", "action: DENY"),
        (
            "namespace: shop}\nspec: {selector: {matchLabels",
            "namespace: shop, annotations: {istio.io/dry-run: 'true'}}\nspec: {selector: {matchLabels",
        ),
        ("matchLabels: {app: catalog}", "matchLabels: {app: other}"),
    ] {
        assert!(refusing.contains(from), "{from}");
        assert_eq!(findings(&calls("shop/catalog"), &refusing.replace(from, to), &[]), "", "{to}");
    }
    let deny_all = "kind: AuthorizationPolicy\nmetadata: {name: deny-all, namespace: istio-system}\nspec: {rules: []}";
    let denied = with_objects(&format!("{CATALOG}\n---\n{deny_all}"));
    check(
        &calls("shop/catalog"),
        &denied,
        &expect![[r#"
        warn at calls: Callee doesn't admit this service
          AuthorizationPolicies of callees don't admit cluster.local/ns/pci/sa/payments: shop/catalog (by AuthorizationPolicy istio-system/deny-all). Ask the owner to allow it. If this run does, ignore this. (refused-by-callee)
    "#]],
    );
}
