//! What rules, routes and gateways name: versions, Gateways, issuers, authorizers, global names.

use expect_test::expect;

use super::{HEALTHY, and, check, told};

/// Everybody may call, and so says the live Service.
const OPEN: &str = "access = \"mesh\"";

const VERSIONS: &str = r#"
access = "mesh"
version {
  name   = "v1"
  labels = { version = "v1" }
  weight = 100
}
version {
  name   = "v2"
  labels = { version = "v2" }
  weight = 0
}"#;

#[test]
fn a_version_without_pods() {
    check(
        VERSIONS,
        HEALTHY,
        &expect![[r#"
        warn at version: A version has no pods
          No pod of this service carries the labels of version v2: requests that are sent there fail with 503. Roll the version out before it gets any, or correct its labels. (IST0173)
    "#]],
    );
    let second = "kind: Pod
metadata: {name: payments-2, namespace: pci, labels: {app: payments, version: v2}}
spec: {serviceAccountName: payments, containers: [{name: istio-proxy}]}";
    assert_eq!(told(VERSIONS, &and(second), &[]), "");
    let elsewhere = second.replace("app: payments", "app: ledger");
    assert!(told(VERSIONS, &and(&elsewhere), &[]).contains("IST0173"), "another service's pods are no version");
}

const INGRESS: &str = r#"
access = "mesh"
ingress {
  gateway = "ingress/door"
  hosts   = ["pay.example.com"]
}"#;

/// A Gateway with these entries.
fn gateway(hosts: &str) -> String {
    and(&format!(
        "kind: Gateway\nmetadata: {{name: door, namespace: ingress}}\nspec: {{servers: [{{hosts: [{hosts}]}}]}}"
    ))
}

#[test]
fn a_gateway() {
    check(
        INGRESS,
        HEALTHY,
        &expect![[r#"
        warn at ingress: The Gateway isn't there
          There is no Gateway door in ingress, so nothing of its hosts comes in. If this run makes it, all is well; else correct gateway: namespace/name of Istio's Gateway, not of its Deployment. (IST0101)
    "#]],
    );
    check(
        INGRESS,
        &gateway("shop.example.com, ./pay.example.com"),
        &expect![[r#"
        warn at ingress: The Gateway doesn't serve a host
          Gateway ingress/door serves ./pay.example.com, shop.example.com, not pay.example.com for namespace pci: requests for it get 404. Add the host to the Gateway, or correct hosts. (IST0132)
    "#]],
    );
    for entry in ["pay.example.com", "'*'", "'*.example.com'", "pci/pay.example.com", "'*/*'"] {
        assert_eq!(told(INGRESS, &gateway(entry), &[]), "", "{entry}");
    }
}

const END_USER: &str = r#"
access = "mesh"
allow {
  from = ["shop/checkout"]
  end_user {
    issuer = "https://accounts.example.com"
  }
}"#;

/// A RequestAuthentication of the issuer.
fn jwt(namespace: &str, selector: &str) -> String {
    and(&format!(
        "kind: RequestAuthentication\nmetadata: {{name: jwt, namespace: {namespace}}}\n\
         spec: {{{selector}jwtRules: [{{issuer: 'https://accounts.example.com'}}]}}"
    ))
}

#[test]
fn an_issuer_that_nobody_verifies() {
    check(
        END_USER,
        HEALTHY,
        &expect![[r#"
        warn: Nobody verifies tokens of an issuer
          No RequestAuthentication in pci or istio-system verifies tokens of https://accounts.example.com for this service, so no request ever has an end user of it, and rules that ask for one let nobody in. The central team adds it: jwt of mesh_global_defaults. (missing-issuer)
    "#]],
    );
    check(
        "access = \"mesh\"\nrequire_end_user {}",
        HEALTHY,
        &expect![[r#"
        warn at require_end_user: Nobody verifies tokens of end users
          No RequestAuthentication in pci or istio-system verifies tokens for this service, so no request ever has an end user, and all are refused. The central team adds one: jwt of mesh_global_defaults. (missing-issuer)
    "#]],
    );
    for there in [jwt("istio-system", ""), jwt("pci", ""), jwt("pci", "selector: {matchLabels: {app: payments}}, ")] {
        assert_eq!(told(END_USER, &there, &[]), "", "{there}");
        assert_eq!(told("access = \"mesh\"\nrequire_end_user {}", &there, &[]), "", "{there}");
    }
    for elsewhere in [jwt("shop", ""), jwt("pci", "selector: {matchLabels: {app: ledger}}, ")] {
        assert!(told(END_USER, &elsewhere, &[]).contains("missing-issuer"), "{elsewhere}");
    }
}

#[test]
fn an_authorizer_that_the_mesh_does_not_know() {
    let external = "access = \"mesh\"\nexternal_authorization {\n  provider = \"opa\"\n}";
    let mesh = |name: &str, provider: &str| {
        and(&format!(
            "kind: ConfigMap\nmetadata: {{name: {name}, namespace: istio-system}}\n\
             data: {{mesh: \"extensionProviders: [{{name: {provider}, envoyExtAuthzGrpc: {{service: a}}}}, {{name: zipkin, zipkin: {{}}}}]\"}}"
        ))
    };
    check(
        external,
        &mesh("istio", "oauth"),
        &expect![[r#"
        warn at external_authorization: The mesh doesn't know this authorizer
          The mesh's configuration in istio-system doesn't define opa as an authorizer, but oauth: every request that it would be asked about is refused. Correct provider, or have it added to extensionProviders. (missing-provider)
    "#]],
    );
    check(
        external,
        &mesh("istio", "oauth").replace("envoyExtAuthzGrpc", "lightstep"),
        &expect![[r#"
        warn at external_authorization: The mesh doesn't know this authorizer
          The mesh's configuration in istio-system doesn't define opa as an authorizer: every request that it would be asked about is refused. Correct provider, or have it added to extensionProviders. (missing-provider)
    "#]],
    );
    assert_eq!(told(external, &mesh("istio", "opa"), &[]), "");
    assert_eq!(told(external, &mesh("istio-canary", "opa"), &[]), "", "of a revision");
    assert_eq!(told(external, HEALTHY, &[]), "", "the mesh is configured elsewhere");
    assert_eq!(told(OPEN, &mesh("istio", "oauth"), &[]), "", "nobody asks it");
}

#[test]
fn a_global_name_that_somebody_else_has() {
    let named = "access = \"mesh\"\nglobal_name = \"payments.example.internal\"";
    let entry = |kind: &str| {
        format!(
            "kind: {kind}\nmetadata: {{name: theirs, namespace: shop}}\nspec: {{hosts: [payments.example.internal]}}"
        )
    };
    check(
        named,
        &and(&entry("ServiceEntry")),
        &expect![[r#"
        warn at global_name: The global name is defined twice
          ServiceEntry shop/theirs defines payments.example.internal as well: who calls that name reaches one of the two, the older one most often. Remove theirs, or choose another global_name. (IST0177)
    "#]],
    );
    check(
        named,
        &and(&entry("VirtualService")),
        &expect![[r#"
        warn at global_name: The global name is routed elsewhere
          VirtualService shop/theirs routes payments.example.internal as well. Istio doesn't merge the two: one works, the other does nothing. Remove theirs, or choose another global_name. (IST0109)
    "#]],
    );
    assert_eq!(told(OPEN, &and(&entry("ServiceEntry")), &[]), "", "the service has no such name");
    let ours = entry("ServiceEntry")
        .replace("shop}", "pci, annotations: {terraform-provider-mesh/resource: mesh_service/pci/payments}}");
    assert_eq!(told(named, &and(&ours), &[]), "", "ours");
}
