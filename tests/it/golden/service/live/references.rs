//! Objects that rules, routes and policies name: versions, Gateways, token issuers, external authorizers.

use expect_test::expect;

use super::{HEALTHY, check, findings, with_objects};

/// Every namespace sees the service, as its live Service says.
const MESH_ACCESS: &str = "access = \"mesh\"";

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
fn version_without_pods() {
    check(
        VERSIONS,
        HEALTHY,
        &expect![[r#"
        warn at version: No pod matches the version
          No pod of this service carries the labels of version v2: requests that are sent there fail with 503. Roll the version out before it gets any, or correct its labels. (IST0173)
    "#]],
    );
    let second = "kind: Pod
metadata: {name: payments-2, namespace: pci, labels: {app: payments, version: v2}}
spec: {serviceAccountName: payments, containers: [{name: istio-proxy}]}";
    assert_eq!(findings(VERSIONS, &with_objects(second), &[]), "");
    let elsewhere = second.replace("app: payments", "app: ledger");
    assert!(
        findings(VERSIONS, &with_objects(&elsewhere), &[]).contains("IST0173"),
        "pods of another service don't count"
    );
}

const INGRESS: &str = r#"
access = "mesh"
ingress {
  gateway = "ingress/front"
  hosts   = ["pay.example.com"]
}"#;

/// The cluster with a Gateway that has these entries in `hosts`.
fn gateway(hosts: &str) -> String {
    with_objects(&format!(
        "kind: Gateway\nmetadata: {{name: front, namespace: ingress}}\nspec: {{servers: [{{hosts: [{hosts}]}}]}}"
    ))
}

#[test]
fn missing_gateway_or_host() {
    check(
        INGRESS,
        HEALTHY,
        &expect![[r#"
        warn at ingress: Gateway doesn't exist
          There is no Gateway front in ingress, so requests for its hosts don't reach the service. If this run creates it, ignore this; otherwise correct gateway: namespace/name of Istio's Gateway, not of its Deployment. (IST0101)
    "#]],
    );
    check(
        INGRESS,
        &gateway("shop.example.com, ./pay.example.com"),
        &expect![[r#"
        warn at ingress: The Gateway doesn't serve a host
          Gateway ingress/front serves ./pay.example.com, shop.example.com, not pay.example.com for namespace pci: requests for it get 404. Add the host to the Gateway, or correct hosts. (IST0132)
    "#]],
    );
    for entry in ["pay.example.com", "'*'", "'*.example.com'", "pci/pay.example.com", "'*/*'"] {
        assert_eq!(findings(INGRESS, &gateway(entry), &[]), "", "{entry}");
    }
}

#[test]
fn gateway_with_another_service_account() {
    let arguments = |callers: &str| {
        format!(
            "access = \"none\"\n{callers}\ningress {{\n  gateway = \"ingress/front\"\n  hosts = [\"pay.example.com\"]\n}}"
        )
    };
    let gateway = |recorded: &str| {
        gateway("pay.example.com").replace(
            "namespace: ingress}",
            &format!(
                "namespace: ingress, annotations: {{terraform-provider-mesh/resource: mesh_gateway/ingress/front, \
                 terraform-provider-mesh/arguments: '{recorded}'}}}}"
            ),
        )
    };
    let other = gateway(r#"{"name":"front","namespace":"ingress","service_account":"edge"}"#);
    check(
        &arguments(""),
        &other,
        &expect![[r#"
        warn at ingress[0].service_account: The gateway has another service account
          The workloads of mesh_gateway ingress/front run as ingress/edge, which no rule admits: requests through the gateway get 403. Write service_account = "ingress/edge" in the ingress block. (gateway-account)
    "#]],
    );
    assert!(findings(&arguments("authorization_mode = \"dry_run\""), &other, &[]).contains("gateway-account"));
    let elsewhere = gateway(r#"{"name":"front","namespace":"ingress","workload_namespace":"edge"}"#);
    let found = findings(&arguments(""), &elsewhere, &[]);
    assert!(found.contains("Write service_account = \"edge/front\" in the ingress block"), "{found}");
    for (callers, recorded) in [
        // The account is named by the block, by a rule, or is that of the Gateway's name.
        ("", r#"{"name":"front","namespace":"ingress"}"#),
        ("", r#"{"name":"front","namespace":"ingress","service_account":"front"}"#),
        (
            "allow {\n  from = [\"ingress/edge\"]\n}",
            r#"{"name":"front","namespace":"ingress","service_account":"edge"}"#,
        ),
        ("allow {\n  from = [\"*\"]\n}", r#"{"name":"front","namespace":"ingress","service_account":"edge"}"#),
        ("authorization_mode = \"off\"", r#"{"name":"front","namespace":"ingress","service_account":"edge"}"#),
        // Recorded without arguments.
        ("", ""),
    ] {
        assert_eq!(findings(&arguments(callers), &gateway(recorded), &[]), "", "{callers} {recorded}");
    }
    let named = arguments("").replace("  hosts", "  service_account = \"ingress/edge\"\n  hosts");
    assert_eq!(findings(&named, &other, &[]), "");
}

const END_USER: &str = r#"
access = "mesh"
allow {
  from = ["shop/checkout"]
  end_user {
    issuer = "https://accounts.example.com"
  }
}"#;

/// The cluster with a RequestAuthentication of the issuer.
fn jwt(namespace: &str, selector: &str) -> String {
    with_objects(&format!(
        "kind: RequestAuthentication\nmetadata: {{name: jwt, namespace: {namespace}}}\n\
         spec: {{{selector}jwtRules: [{{issuer: 'https://accounts.example.com'}}]}}"
    ))
}

#[test]
fn unverified_token_issuer() {
    check(
        END_USER,
        HEALTHY,
        &expect![[r#"
            warn: No RequestAuthentication for the issuer
              No RequestAuthentication in pci or istio-system verifies tokens of https://accounts.example.com for this service, so no request ever has an end user of it, and rules that require one admit no request. Declare the issuer in mesh_global_defaults: jwt { issuer = "…" }. (missing-issuer)
        "#]],
    );
    check(
        "access = \"mesh\"\nrequire_end_user {}",
        HEALTHY,
        &expect![[r#"
            warn at require_end_user: No RequestAuthentication verifies tokens
              No RequestAuthentication in pci or istio-system verifies tokens for this service, so no request ever has an end user, and all are refused. Declare the issuer in mesh_global_defaults: jwt { issuer = "…" }. (missing-issuer)
        "#]],
    );
    for live in [jwt("istio-system", ""), jwt("pci", ""), jwt("pci", "selector: {matchLabels: {app: payments}}, ")] {
        assert_eq!(findings(END_USER, &live, &[]), "", "{live}");
        assert_eq!(findings("access = \"mesh\"\nrequire_end_user {}", &live, &[]), "", "{live}");
    }
    for other in [jwt("shop", ""), jwt("pci", "selector: {matchLabels: {app: ledger}}, ")] {
        assert!(findings(END_USER, &other, &[]).contains("missing-issuer"), "{other}");
    }
}

#[test]
fn undefined_external_authorizer() {
    let external = "access = \"mesh\"\nexternal_authorization {\n  provider = \"opa\"\n}";
    let mesh = |name: &str, provider: &str| {
        with_objects(&format!(
            "kind: ConfigMap\nmetadata: {{name: {name}, namespace: istio-system}}\n\
             data: {{mesh: \"extensionProviders: [{{name: {provider}, envoyExtAuthzGrpc: {{service: a}}}}, {{name: zipkin, zipkin: {{}}}}]\"}}"
        ))
    };
    check(
        external,
        &mesh("istio", "oauth"),
        &expect![[r#"
        warn at external_authorization: Unknown extension provider
          The mesh's configuration in istio-system doesn't define opa as an authorizer, but oauth: every request that it would be asked about is refused. Correct provider, or have it added to extensionProviders. (missing-provider)
    "#]],
    );
    check(
        external,
        &mesh("istio", "oauth").replace("envoyExtAuthzGrpc", "lightstep"),
        &expect![[r#"
        warn at external_authorization: Unknown extension provider
          The mesh's configuration in istio-system doesn't define opa as an authorizer: every request that it would be asked about is refused. Correct provider, or have it added to extensionProviders. (missing-provider)
    "#]],
    );
    assert_eq!(findings(external, &mesh("istio", "opa"), &[]), "");
    assert_eq!(findings(external, &mesh("istio-canary", "oauth"), &[]), "", "the ConfigMap of another revision");
    assert_eq!(findings(external, HEALTHY, &[]), "", "no ConfigMap has a mesh configuration");
    assert_eq!(findings(MESH_ACCESS, &mesh("istio", "oauth"), &[]), "", "no policy names it");
}
