//! Live checks of a gateway.

use expect_test::{Expect, expect};
use terraform_provider_mesh::resources::gateway::Gateway;

use super::public;
use crate::golden::live::findings;

/// Compares the findings for a gateway with two servers, in a cluster with one VirtualService: its namespace, its gateways and
/// its hosts.
fn check(virtual_service: (&str, &str, &str), expect: &Expect) {
    let servers = "
        server {
          port       = 80
          protocol   = \"http\"
          hosts      = [\"a.example.com\", \"*.b.example.com\"]
          namespaces = [\"shop\"]
        }
        server {
          port     = 81
          protocol = \"http\"
          hosts    = [\"c.example.com\"]
          namespaces = [\"*\"]
        }";
    let (namespace, gateways, hosts) = virtual_service;
    let live_objects = format!(
        "kind: VirtualService\nmetadata: {{name: routes, namespace: {namespace}}}\nspec: {{gateways: {gateways}, hosts: {hosts}}}"
    );
    expect.assert_eq(&findings::<Gateway>(&public(servers), &live_objects, &[]));
}

#[test]
fn served_hosts_have_no_findings() {
    check(("shop", "[istio-ingress/public]", "[a.example.com, x.b.example.com, c.example.com]"), &expect![[""]]);
    check(("pci", "[istio-ingress/public]", "[c.example.com]"), &expect![[""]]);
    check(("pci", "[istio-ingress/other, public, mesh]", "[z.example.com]"), &expect![[""]]);
    assert_eq!(
        findings::<Gateway>(
            &public("server {\nport = 80\nprotocol = \"http\"\nhosts = [\"*\"]\nnamespaces = [\"*\"]\n}"),
            "",
            &["VirtualService"]
        ),
        ""
    );
}

#[test]
fn routed_hosts_that_no_server_has() {
    check(
        ("shop", "[istio-ingress/public]", "[z.example.com, b.example.com]"),
        &expect![[r#"
        warn at server: The gateway doesn't serve hosts that are routed
          Routes are bound to this gateway for b.example.com (shop/routes), z.example.com (shop/routes), and no server has the host for that namespace, so no request gets there. Add the hosts to a server, or take them out of the routes. (IST0132)
    "#]],
    );
    check(
        ("istio-ingress", "[public]", "[z.example.com]"),
        &expect![[r#"
        warn at server: The gateway doesn't serve hosts that are routed
          Routes are bound to this gateway for z.example.com (istio-ingress/routes), and no server has the host for that namespace, so no request gets there. Add the hosts to a server, or take them out of the routes. (IST0132)
    "#]],
    );
    // The server of the host admits another namespace only.
    check(
        ("pci", "[istio-ingress/public]", "[a.example.com]"),
        &expect![[r#"
        warn at server: The gateway doesn't serve hosts that are routed
          Routes are bound to this gateway for a.example.com (pci/routes), and no server has the host for that namespace, so no request gets there. Add the hosts to a server, or take them out of the routes. (IST0132)
    "#]],
    );
}

const GATEWAYS: &str = r#"
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: theirs, namespace: shop}
spec:
  selector: {app: public, tier: edge}
  servers:
  - {port: {number: 443, protocol: HTTPS}, hosts: ["shop/theirs.example.com", a.example.com]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: elsewhere, namespace: shop}
spec:
  selector: {app: other}
  servers:
  - {port: {number: 443, protocol: HTTPS}, hosts: ["other.example.com"]}
"#;

/// A policy holds for all Gateways of its pods.
#[test]
fn hosts_of_other_gateways_on_the_same_pods() {
    let server = "server {\nport = 80\nprotocol = \"http\"\nhosts = [\"a.example.com\"]\nnamespaces = [\"*\"]\n}";
    let found = findings::<Gateway>(&public(server), GATEWAYS, &[]);
    expect![[r#"
        warn at authorization_mode: The policy refuses hosts of other Gateways
          The policy holds for all pods that selector means, and these serve theirs.example.com (shop/theirs), too, which it doesn't admit: requests get 403. Add the hosts to a server or an allow block, or give these Gateways a policy of their own first. (refused-gateway-host)
    "#]].assert_eq(&found);
    let off = public(server).replace("\"enforce\"", "\"dry_run\"");
    assert_eq!(findings::<Gateway>(&off, GATEWAYS, &[]), "");
}

const DENY_ALL: &str = r#"
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: deny-all, namespace: istio-system}
spec:
  rules:
  - {to: [{operation: {ports: ["9090"]}}]}
"#;

/// Where the mesh denies by default, a policy has to admit clients.
#[test]
fn gateway_under_deny_all() {
    let server = "server {\nport = 80\nprotocol = \"http\"\nhosts = [\"a.example.com\"]\nnamespaces = [\"*\"]\n}";
    let off = public(server).replace("authorization_mode = \"enforce\"\n", "");
    expect![[r#"
        error at authorization_mode: No policy admits clients to a gateway
          AuthorizationPolicy istio-system/deny-all refuses what no policy allows, at this gateway too, and no policy allows its clients: all of them get 403. Write authorization_mode = "enforce", which admits them to the hosts of the servers. (closed-gateway)
    "#]].assert_eq(&findings::<Gateway>(&off, DENY_ALL, &[]));
    let way_in = "\n---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: in, namespace: \
                  istio-ingress}\nspec:\n  selector: {matchLabels: {app: public}}\n  rules: [{}]";
    for (text, live) in [
        (public(server), DENY_ALL.to_owned()),
        (off.clone(), format!("{DENY_ALL}{way_in}")),
        (off.clone(), DENY_ALL.replace("istio-system}", "istio-system, annotations: {istio.io/dry-run: \"true\"}}")),
    ] {
        assert_eq!(findings::<Gateway>(&text, &live, &[]), "", "{live}");
    }
}

const SERVER: &str = "server {\nport = 80\nprotocol = \"http\"\nhosts = [\"a.example.com\"]\nnamespaces = [\"*\"]\n}";

/// An istiod that scopes Gateways takes none of them for workloads in another namespace.
#[test]
fn workloads_in_another_namespace_than_istiod_looks_in() {
    let elsewhere = format!("workload_namespace = \"edge\"\n{}", public(SERVER));
    let istiod = |value: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: istiod, namespace: istio-system}}\nspec: {{template: {{spec: \
             {{containers: [{{env: [{{name: PILOT_SCOPE_GATEWAY_TO_NAMESPACE, value: \"{value}\"}}]}}]}}}}}}"
        )
    };
    expect![[r#"
        error at workload_namespace: istiod ignores Gateways of other namespaces
          Deployment istio-system/istiod sets PILOT_SCOPE_GATEWAY_TO_NAMESPACE, so a Gateway is for workloads of its own namespace alone, and those in edge open none of its ports. Write namespace = "edge", and remove workload_namespace. (gateway-scope)
    "#]].assert_eq(&findings::<Gateway>(&elsewhere, &istiod("true"), &[]));
    for (text, live) in [
        (elsewhere.clone(), istiod("false")),
        (elsewhere, String::new()),
        (format!("workload_namespace = \"istio-ingress\"\n{}", public(SERVER)), istiod("true")),
        (public(SERVER), istiod("true")),
    ] {
        assert_eq!(findings::<Gateway>(&text, &live, &[]), "", "{text} {live}");
    }
}

/// Policies are looked for where the workloads are.
#[test]
fn policies_in_the_namespace_of_the_workloads() {
    let off = public(SERVER).replace("authorization_mode = \"enforce\"\n", "");
    let deny_all = DENY_ALL.replace("istio-system}", "edge}");
    assert_eq!(findings::<Gateway>(&off, &deny_all, &[]), "");
    let found = findings::<Gateway>(&format!("workload_namespace = \"edge\"\n{off}"), &deny_all, &[]);
    assert!(found.contains("AuthorizationPolicy edge/deny-all refuses what no policy allows"), "{found}");
}

/// A rule on tokens of an issuer that nothing verifies for the gateway's pods never matches.
#[test]
fn issuers_of_tokens() {
    let text = public(
        "allow {\n end_user {\n issuer = \"https://login.example.com\"\n}\n}\nserver {\n port = 80\n protocol = \"http\"\n hosts = \
         [\"a.example.com\"]\n namespaces = [\"shop\"]\n}",
    );
    let authentication = |namespace: &str, selector: &str, issuer: &str| {
        format!(
            "kind: RequestAuthentication\nmetadata: {{name: tokens, namespace: {namespace}}}\nspec: {{{selector}jwtRules: [{{issuer: '{issuer}'}}]}}"
        )
    };
    expect![[r#"
        warn: No RequestAuthentication for the issuer
          No RequestAuthentication in istio-ingress or istio-system verifies tokens of https://login.example.com for this gateway, so no request ever has an end user of it, and rules that require one admit no request. Declare the issuer in mesh_global_defaults: jwt { issuer = "…" }. (missing-issuer)
    "#]].assert_eq(&findings::<Gateway>(&text, "", &[]));
    let issuer = "https://login.example.com";
    for live in [
        authentication("istio-ingress", "", issuer),
        authentication("istio-ingress", "selector: {matchLabels: {app: public}}, ", issuer),
        authentication("istio-system", "", issuer),
    ] {
        assert_eq!(findings::<Gateway>(&text, &live, &[]), "", "{live}");
    }
    for live in [
        authentication("shop", "", issuer),
        authentication("istio-ingress", "selector: {matchLabels: {app: internal}}, ", issuer),
        authentication("istio-ingress", "", "https://other.example.com"),
    ] {
        assert!(findings::<Gateway>(&text, &live, &[]).contains("missing-issuer"), "{live}");
    }
}
