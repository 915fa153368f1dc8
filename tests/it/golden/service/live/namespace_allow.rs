//! Callers that the namespace lets in beside those of the service.

use expect_test::expect;

use super::{check, findings, with_objects};

const ALLOW: &str = "allow {\n  from = [\"shop/checkout\"]\n}";

/// The deny-all of the namespace with a rule.
fn deny_all(metadata: &str, source: &str) -> String {
    with_objects(&format!(
        "kind: AuthorizationPolicy\nmetadata: {{name: deny-all, namespace: pci, annotations: \
         {{terraform-provider-mesh/resource: mesh_namespace/pci{metadata}}}}}\nspec: {{action: ALLOW, rules: [{{from: [{{source: \
         {source}}}], to: [{{operation: {{ports: [\"9090\"]}}}}]}}]}}"
    ))
}

#[test]
fn callers_that_the_namespace_lets_in() {
    let scraper = "{principals: [cluster.local/ns/monitoring/sa/prometheus, cluster.local/ns/shop/sa/checkout]}";
    check(
        ALLOW,
        &deny_all("", scraper),
        &expect![[r#"
        warn at allow: The namespace lets further callers in
          The policy pci/deny-all of a mesh_namespace admits monitoring/prometheus to every workload of pci, in addition to the callers that this service allows. effective_callers doesn't include them. To refuse them here, write a deny block; otherwise ask the owner of the namespace to remove them from allow of the mesh_namespace. (namespace-allow)
    "#]],
    );
    for (arguments, live) in [
        (ALLOW, deny_all("", "{principals: [cluster.local/ns/shop/sa/checkout]}")),
        (ALLOW, deny_all(", istio.io/dry-run: \"true\"", scraper)),
        ("authorization_mode = \"off\"\nresiliency = \"low\"", deny_all("", scraper)),
        ("access = \"none\"\nauthorization_mode = \"dry_run\"", deny_all("", scraper)),
    ] {
        assert_eq!(findings(arguments, &live, &[]), "", "{arguments}");
    }
    let everyone = findings(ALLOW, &deny_all("", "{ipBlocks: [10.0.0.0/8]}"), &[]);
    assert!(everyone.contains("admits everyone to every workload"), "{everyone}");
}
