//! Live checks: facts of a cluster in, findings out.

use expect_test::{Expect, expect};
use terraform_provider_mesh::resources::namespace::Namespace;

use crate::golden::live::told;

fn check(arguments: &str, facts: &str, expect: &Expect) {
    expect.assert_eq(&told::<Namespace>(&format!("name = \"shop\"\n{arguments}"), facts, &[]));
}

#[test]
fn nothing_is_told_where_nothing_is_wrong() {
    let ours = "
kind: Namespace
metadata:
  name: shop
  labels: {istio.io/rev: stable, istio-injection: enabled}
  managedFields: [{manager: terraform-provider-mesh, fieldsV1: {f:metadata: {f:labels: {f:istio.io/rev: {}}}}}]
";
    check("injection = true", "", &expect![[""]]);
    check("injection = true", "kind: Namespace\nmetadata: {name: shop, labels: {a: b}}", &expect![[""]]);
    // The label that we wrote before goes with the apply.
    check("injection = true", ours, &expect![[""]]);
    assert_eq!(told::<Namespace>("name = \"shop\"\nrevision = \"a\"", "", &["Namespace"]), "");
}

#[test]
fn ambient() {
    check(
        "",
        "kind: Namespace\nmetadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}",
        &expect![[r#"
        error at name: Ambient mode isn't supported
          Namespace shop is labelled istio.io/dataplane-mode=ambient. What is written here holds in sidecars: without them, rules of who may call don't work as they are written. Remove the label and inject sidecars. (IST0167)
    "#]],
    );
}

#[test]
fn two_labels_for_injection() {
    check(
        "injection = true",
        "kind: Namespace\nmetadata: {name: shop, labels: {istio.io/rev: stable}}",
        &expect![[r#"
            warn at injection: The namespace has two labels for injection
              Namespace shop has the label istio.io/rev of somebody else beside the one that injection writes. Istio goes by istio-injection and ignores istio.io/rev. Remove one of them. (IST0123)
        "#]],
    );
    check(
        "revision = \"stable\"",
        "kind: Namespace\nmetadata: {name: shop, labels: {istio-injection: enabled}}",
        &expect![[r#"
            warn at revision: The namespace has two labels for injection
              Namespace shop has the label istio-injection of somebody else beside the one that revision writes. Istio goes by istio-injection and ignores istio.io/rev. Remove one of them. (IST0123)
        "#]],
    );
}

/// Istio goes by the workload's port, which only the Service knows.
#[test]
fn an_exception_for_a_port_that_nobody_listens_on() {
    let exception = "mtls {\n exception {\n service = \"cart\"\n port = 80\n }\n}";
    let service = |target: &str| {
        format!(
            "kind: Service\nmetadata: {{name: cart, namespace: shop}}\nspec: {{ports: [{{port: 80, targetPort: {target}}}, {{port: 81}}]}}"
        )
    };
    check(
        exception,
        &service("8080"),
        &expect![[r#"
        warn at mtls.exception[0].target_port: The Service sends the port elsewhere
          Service cart sends port 80 to port 8080 of its workloads, and the exception is for port 80 there, where nobody listens for it. Write target_port = 8080. (other-target-port)
    "#]],
    );
    check(exception, &service("80"), &expect![[""]]);
    // Names are the containers' business.
    check(exception, &service("http"), &expect![[""]]);
    check(&exception.replace("80", "81"), &service("8080"), &expect![[""]]);
    check(&exception.replace("80", "82"), &service("8080"), &expect![[""]]);
    check(&exception.replace("cart", "other"), &service("8080"), &expect![[""]]);
}
