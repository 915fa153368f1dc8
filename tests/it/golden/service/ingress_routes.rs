//! `route` blocks that apply to requests through gateways: the intersection of the route and the `ingress`.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use terraform_provider_mesh::resources::service::Service;

use super::payments;
use crate::golden::{check, check_keys, check_object, mesh, rendered_text};

const VERSIONS: &str = r#"
version {
  name   = "v1"
  labels = { version = "v1" }
  weight = 100
}
version {
  name   = "v2"
  labels = { version = "v2" }
  weight = 0
}
"#;

/// An `ingress` block with further arguments.
fn ingress(arguments: &str) -> String {
    format!("ingress {{\n  gateway = \"istio-ingress/public\"\n  hosts = [\"api.example.com\"]\n  {arguments}\n}}\n")
}

/// A route for requests through gateways.
fn route(arguments: &str) -> String {
    format!("route {{\n  applies_to = [\"ingress\"]\n  {arguments}\n}}\n")
}

fn to_path(path: &str) -> String {
    format!("match {{\n path = \"{path}\"\n}}")
}

/// Compares the rules of the gateway's VirtualService and the operations of the ALLOW policy, one on each line.
fn check_rules(text: &str, expect: &Expect) {
    let rendered = rendered_text::<Service>(&mesh(), &payments(text));
    let mut lines = String::new();
    if rendered.starts_with("error") || rendered.starts_with("warning") {
        lines = rendered.split("--- # ").next().unwrap_or_default().to_owned();
    }
    for (kind, field) in
        [("VirtualService/pci/payments-pci-ingress", "http"), ("AuthorizationPolicy/pci/payments-pci\n", "rules")]
    {
        let object = rendered.split("--- # ").find(|object| object.starts_with(kind)).unwrap_or_default();
        let Some((_, yaml)) = object.split_once('\n') else { continue };
        let body: serde_json::Value = serde_saphyr::from_str(yaml).unwrap();
        for rule in body["spec"][field].as_array().into_iter().flatten() {
            writeln!(lines, "{field}: {}", if field == "rules" { &rule["to"] } else { rule }).unwrap();
        }
    }
    expect.assert_eq(&lines);
}

/// The route has a rule of its own before that of the `ingress`, with what both have in common.
#[test]
fn route_takes_some_requests_of_an_ingress() {
    check_object::<Service>(
        "VirtualService/pci/payments-pci-ingress",
        &payments(
            &(VERSIONS.to_owned()
                + &ingress("paths = [\"/v1/*\", \"/status\"]")
                + r#"
        route {
          name       = "beta"
          applies_to = ["mesh", "ingress"]
          match {
            headers = { x-beta = "*" }
          }
          match {
            cookies = { beta = "yes" }
            method  = "GET"
          }
          to {
            version = "v2"
          }
        }
        "#),
        ),
        &expect![[r#"
            VirtualService/pci/payments-pci-ingress
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata:
              name: payments-pci-ingress
              namespace: pci
            spec:
              exportTo:
              - istio-ingress
              gateways:
              - istio-ingress/public
              hosts:
              - api.example.com
              http:
              - match:
                - headers:
                    x-beta: {}
                  uri:
                    exact: /status
                - headers:
                    cookie:
                      regex: (.*;\s*)?beta=yes(;.*)?
                  method:
                    exact: GET
                  uri:
                    exact: /status
                - headers:
                    x-beta: {}
                  uri:
                    prefix: /v1/
                - headers:
                    cookie:
                      regex: (.*;\s*)?beta=yes(;.*)?
                  method:
                    exact: GET
                  uri:
                    prefix: /v1/
                name: beta
                route:
                - destination:
                    host: payments.pci.svc.cluster.local
                    port:
                      number: 8080
                    subset: v2
              - match:
                - uri:
                    exact: /status
                - uri:
                    prefix: /v1/
                route:
                - destination:
                    host: payments.pci.svc.cluster.local
                    port:
                      number: 8080
                    subset: v1
                  weight: 100
                - destination:
                    host: payments.pci.svc.cluster.local
                    port:
                      number: 8080
                    subset: v2
                  weight: 0
        "#]],
    );
}

/// A route for gateways alone makes no VirtualService for the mesh, and no rule in one.
#[test]
fn scopes_of_routes() {
    let beta = |applies_to: &str| {
        format!(
            "route {{\n {applies_to}\n match {{\n headers = {{ x-beta = \"*\" }}\n}}\n direct_response {{\n status = 204\n}}\n}}\n"
        )
    };
    check_keys::<Service>(
        &payments(&(ingress("") + &beta("applies_to = [\"ingress\"]"))),
        &expect![[r#"
        Service/pci/payments
        AuthorizationPolicy/pci/payments-pci
        VirtualService/pci/payments-pci-ingress
    "#]],
    );
    for (applies_to, in_mesh, at_gateway) in [
        ("", true, false),
        ("applies_to = [\"mesh\"]", true, false),
        ("applies_to = [\"ingress\"]", false, true),
        ("applies_to = [\"ingress\", \"mesh\"]", true, true),
    ] {
        let text = format!("resiliency = \"low\"\n{}{}", ingress(""), beta(applies_to));
        let rendered = rendered_text::<Service>(&mesh(), &payments(&text));
        let has_route = |name: &str| {
            let object =
                rendered.split("--- # ").find(|object| object.starts_with(&format!("VirtualService/pci/{name}\n")));
            object.expect("a VirtualService").contains("x-beta")
        };
        assert_eq!(
            (has_route("payments-pci"), has_route("payments-pci-ingress")),
            (in_mesh, at_gateway),
            "{applies_to}"
        );
    }
}

/// Paths in common, and what is left for the block's own rule. A route never opens a path that the block doesn't.
#[test]
fn paths_of_route_and_ingress() {
    let gone = "redirect {\n host = \"www.example.com\"\n}";
    let narrower = ingress("paths = [\"/v1/*\"]") + &route(&(to_path("/v1/old/*") + "\n" + gone));
    check_rules(
        &narrower,
        &expect![[r#"
        http: {"match":[{"uri":{"prefix":"/v1/old/"}}],"redirect":{"authority":"www.example.com","redirectCode":301}}
        http: {"match":[{"uri":{"prefix":"/v1/"}}],"route":[{"destination":{"host":"payments.pci.svc.cluster.local","port":{"number":8080}}}]}
        rules: [{"operation":{"hosts":["api.example.com","api.example.com:*"],"paths":["/v1/*"],"ports":["8080"]}}]
        rules: [{"operation":{"ports":["8080"]}}]
    "#]],
    );
    let broader = ingress("paths = [\"/v1/a/*\", \"/v1/b\"]")
        + &route(&(to_path("/v1/*") + "\nmatch {\n path = \"/v2/*\"\n}\n" + gone));
    check_rules(
        &broader,
        &expect![[r#"
        http: {"match":[{"uri":{"exact":"/v1/b"}},{"uri":{"prefix":"/v1/a/"}}],"redirect":{"authority":"www.example.com","redirectCode":301}}
        rules: [{"operation":{"hosts":["api.example.com","api.example.com:*"],"paths":["/v1/a/*","/v1/b"],"ports":["8080"]}}]
        rules: [{"operation":{"ports":["8080"]}}]
    "#]],
    );
    let of_one_path = ingress("paths = [\"/v1/a/*\", \"/v1/b\"]") + &route(&(to_path("/v1/b") + "\n" + gone));
    check_rules(
        &of_one_path,
        &expect![[r#"
        http: {"match":[{"uri":{"exact":"/v1/b"}}],"redirect":{"authority":"www.example.com","redirectCode":301}}
        http: {"match":[{"uri":{"prefix":"/v1/a/"}}],"route":[{"destination":{"host":"payments.pci.svc.cluster.local","port":{"number":8080}}}]}
        rules: [{"operation":{"hosts":["api.example.com","api.example.com:*"],"paths":["/v1/a/*","/v1/b"],"ports":["8080"]}}]
        rules: [{"operation":{"ports":["8080"]}}]
    "#]],
    );
    check_rules(
        &(ingress("") + &route(gone)),
        &expect![[r#"
        http: {"redirect":{"authority":"www.example.com","redirectCode":301}}
        rules: [{"operation":{"hosts":["api.example.com","api.example.com:*"],"ports":["8080"]}}]
        rules: [{"operation":{"ports":["8080"]}}]
    "#]],
    );
    check_rules(
        &(ingress("") + &route(&(to_path("/old/*") + "\n" + gone))),
        &expect![[r#"
        http: {"match":[{"uri":{"prefix":"/old/"}}],"redirect":{"authority":"www.example.com","redirectCode":301}}
        http: {"route":[{"destination":{"host":"payments.pci.svc.cluster.local","port":{"number":8080}}}]}
        rules: [{"operation":{"hosts":["api.example.com","api.example.com:*"],"ports":["8080"]}}]
        rules: [{"operation":{"ports":["8080"]}}]
    "#]],
    );
    let several =
        ingress("paths = [\"/a/*\"]") + &ingress("paths = [\"/b/*\"]") + &route(&(to_path("/b/x") + "\n" + gone));
    check_rules(
        &several,
        &expect![[r#"
        http: {"match":[{"uri":{"prefix":"/a/"}}],"route":[{"destination":{"host":"payments.pci.svc.cluster.local","port":{"number":8080}}}]}
        http: {"match":[{"uri":{"exact":"/b/x"}}],"redirect":{"authority":"www.example.com","redirectCode":301}}
        http: {"match":[{"uri":{"prefix":"/b/"}}],"route":[{"destination":{"host":"payments.pci.svc.cluster.local","port":{"number":8080}}}]}
        rules: [{"operation":{"hosts":["api.example.com","api.example.com:*"],"paths":["/a/*"],"ports":["8080"]}}]
        rules: [{"operation":{"hosts":["api.example.com","api.example.com:*"],"paths":["/b/*"],"ports":["8080"]}}]
        rules: [{"operation":{"ports":["8080"]}}]
    "#]],
    );
    let regex = "match {\n path_regex = \"/v1/items/[0-9]+\"\n}\n";
    check_rules(
        &(ingress("paths = [\"/v1/*\", \"/w\"]") + &route(&(regex.to_owned() + gone))),
        &expect![[r#"
        http: {"match":[{"uri":{"regex":"/v1/items/[0-9]+"}}],"redirect":{"authority":"www.example.com","redirectCode":301}}
        http: {"match":[{"uri":{"exact":"/w"}},{"uri":{"prefix":"/v1/"}}],"route":[{"destination":{"host":"payments.pci.svc.cluster.local","port":{"number":8080}}}]}
        rules: [{"operation":{"hosts":["api.example.com","api.example.com:*"],"paths":["/v1/*","/w"],"ports":["8080"]}}]
        rules: [{"operation":{"ports":["8080"]}}]
    "#]],
    );
}

/// The route matches and rewrites what the `ingress` has rewritten, and the policy admits what arrives.
#[test]
fn rewrites_of_route_and_ingress() {
    let to = |path: &str, rewrite: &str| {
        let condition = if path.is_empty() { String::new() } else { to_path(path) + "\n" };
        route(&format!("{condition}rewrite {{\n {rewrite}\n}}"))
    };
    let rewrites = ingress("paths = [\"/pay/*\", \"/pay/old/*\"]\n rewrite = \"/v2/\"");
    check_rules(
        &(rewrites.clone() + &to("/v2/beta/*", "path = \"/v3/\"")),
        &expect![[r#"
        http: {"match":[{"uri":{"prefix":"/pay/old/beta/"}}],"rewrite":{"uri":"/v3/"},"route":[{"destination":{"host":"payments.pci.svc.cluster.local","port":{"number":8080}}}]}
        http: {"match":[{"uri":{"prefix":"/pay/old/"}}],"rewrite":{"uri":"/v2/"},"route":[{"destination":{"host":"payments.pci.svc.cluster.local","port":{"number":8080}}}]}
        http: {"match":[{"uri":{"prefix":"/pay/beta/"}}],"rewrite":{"uri":"/v3/"},"route":[{"destination":{"host":"payments.pci.svc.cluster.local","port":{"number":8080}}}]}
        http: {"match":[{"uri":{"prefix":"/pay/"}}],"rewrite":{"uri":"/v2/"},"route":[{"destination":{"host":"payments.pci.svc.cluster.local","port":{"number":8080}}}]}
        rules: [{"operation":{"hosts":["api.example.com","api.example.com:*"],"paths":["/v2/*"],"ports":["8080"]}},{"operation":{"hosts":["api.example.com","api.example.com:*"],"paths":["/v3/*"],"ports":["8080"]}}]
        rules: [{"operation":{"ports":["8080"]}}]
    "#]],
    );
    check_rules(
        &(rewrites.clone() + &to("/*", "path = \"/v3/\"")),
        &expect![[r#"
        http: {"match":[{"uri":{"prefix":"/pay/old/"}}],"rewrite":{"uri":"/v3/v2/"},"route":[{"destination":{"host":"payments.pci.svc.cluster.local","port":{"number":8080}}}]}
        http: {"match":[{"uri":{"prefix":"/pay/"}}],"rewrite":{"uri":"/v3/v2/"},"route":[{"destination":{"host":"payments.pci.svc.cluster.local","port":{"number":8080}}}]}
        rules: [{"operation":{"hosts":["api.example.com","api.example.com:*"],"paths":["/v2/*"],"ports":["8080"]}},{"operation":{"hosts":["api.example.com","api.example.com:*"],"paths":["/v3/v2/*"],"ports":["8080"]}}]
        rules: [{"operation":{"ports":["8080"]}}]
    "#]],
    );
    check_rules(
        &(rewrites + &to("/v2/beta", "host = \"beta.example.com\"")),
        &expect![[r#"
        http: {"match":[{"uri":{"exact":"/pay/old/beta"}}],"rewrite":{"authority":"beta.example.com","uri":"/v2/beta"},"route":[{"destination":{"host":"payments.pci.svc.cluster.local","port":{"number":8080}}}]}
        http: {"match":[{"uri":{"prefix":"/pay/old/"}}],"rewrite":{"uri":"/v2/"},"route":[{"destination":{"host":"payments.pci.svc.cluster.local","port":{"number":8080}}}]}
        http: {"match":[{"uri":{"exact":"/pay/beta"}}],"rewrite":{"authority":"beta.example.com","uri":"/v2/beta"},"route":[{"destination":{"host":"payments.pci.svc.cluster.local","port":{"number":8080}}}]}
        http: {"match":[{"uri":{"prefix":"/pay/"}}],"rewrite":{"uri":"/v2/"},"route":[{"destination":{"host":"payments.pci.svc.cluster.local","port":{"number":8080}}}]}
        rules: [{"operation":{"hosts":["api.example.com","api.example.com:*"],"paths":["/v2/*"],"ports":["8080"]}},{"operation":{"hosts":["beta.example.com","beta.example.com:*"],"paths":["/v2/beta"],"ports":["8080"]}}]
        rules: [{"operation":{"ports":["8080"]}}]
    "#]],
    );
    check_rules(
        &(ingress("paths = [\"/a/*\", \"/b/*\"]") + &to("", "path = \"/v3/\"")),
        &expect![[r#"
        http: {"match":[{"uri":{"prefix":"/b/"}}],"rewrite":{"uri":"/v3/b/"},"route":[{"destination":{"host":"payments.pci.svc.cluster.local","port":{"number":8080}}}]}
        http: {"match":[{"uri":{"prefix":"/a/"}}],"rewrite":{"uri":"/v3/a/"},"route":[{"destination":{"host":"payments.pci.svc.cluster.local","port":{"number":8080}}}]}
        rules: [{"operation":{"hosts":["api.example.com","api.example.com:*"],"paths":["/a/*","/b/*"],"ports":["8080"]}},{"operation":{"hosts":["api.example.com","api.example.com:*"],"paths":["/v3/b/*"],"ports":["8080"]}},{"operation":{"hosts":["api.example.com","api.example.com:*"],"paths":["/v3/a/*"],"ports":["8080"]}}]
        rules: [{"operation":{"ports":["8080"]}}]
    "#]],
    );
    check_rules(
        &(ingress("") + &to("/a/*", "path = \"/v3/\"")),
        &expect![[r#"
            http: {"match":[{"uri":{"prefix":"/a/"}}],"rewrite":{"uri":"/v3/"},"route":[{"destination":{"host":"payments.pci.svc.cluster.local","port":{"number":8080}}}]}
            http: {"route":[{"destination":{"host":"payments.pci.svc.cluster.local","port":{"number":8080}}}]}
            rules: [{"operation":{"hosts":["api.example.com","api.example.com:*"],"ports":["8080"]}}]
            rules: [{"operation":{"ports":["8080"]}}]
        "#]],
    );
}

/// Conditions on the host that the client asked for hold for hosts of the block.
#[test]
fn authority_and_hosts() {
    let gone = "redirect {\n path = \"/\"\n}";
    let authority = |host: &str| route(&format!("match {{\n authority = \"{host}\"\n}}\n{gone}"));
    for (host, has_rule) in [
        ("api.example.com", true),
        ("api.example.com:8443", true),
        ("api.*", true),
        ("api.example.com:*", true),
        ("x.shop.example.com", true),
        ("x.*", true),
        ("www.example.com", false),
    ] {
        let ingress = ingress("").replace("[\"api.example.com\"]", "[\"api.example.com\", \"*.shop.example.com\"]");
        let rendered = rendered_text::<Service>(&mesh(), &payments(&(ingress + &authority(host))));
        assert_eq!(rendered.contains("authority:"), has_rule, "{host}: {rendered}");
        assert_eq!(rendered.contains("No ingress admits the route's requests"), !has_rule, "{host}: {rendered}");
    }
}

/// Requests never pass a route for a gateway that the mesh has, or the other way round.
#[test]
fn reachability_within_each_scope() {
    let gone = "redirect {\n path = \"/\"\n}";
    let routes = format!("{}route {{\n {gone}\n}}\n", route(gone));
    check_keys::<Service>(
        &payments(&(ingress("") + &routes)),
        &expect![[r#"
        Service/pci/payments
        VirtualService/pci/payments-pci
        AuthorizationPolicy/pci/payments-pci
        VirtualService/pci/payments-pci-ingress
    "#]],
    );
    check_rules(
        &(ingress("") + &route(gone) + &route(&(to_path("/a") + "\n" + gone))),
        &expect![[r#"
            error at route[1].match[0]: Route is never reached
              route[0] stands before, and takes all of these requests, and more (IST0130). Put the narrower one first, or remove one of them.
        "#]],
    );
}

#[test]
fn routes_without_requests_in_common() {
    let gone = "redirect {\n path = \"/\"\n}";
    check::<Service>(
        &payments(&route(gone)),
        &expect![[r#"
        error at route[0].applies_to: Route for ingress without an ingress block
          The service has no ingress block with protocol = "http", so no request from a gateway could match the route. Write an ingress block, or remove "ingress" from applies_to.
    "#]],
    );
    let mistakes = [
        route(&(to_path("/v2/*") + "\n" + gone)),
        route(&format!("match {{\n from {{\n namespace = \"shop\"\n}}\n}}\n{gone}")),
        route(&format!("match {{\n path_regex = \"/.*/items\"\n}}\n{gone}")),
    ];
    let invalid = "route {\n applies_to = []\n}\nroute {\n applies_to = [\"gateway\"]\n}\n";
    check::<Service>(
        &payments(&(ingress("") + invalid)),
        &expect![[r#"
        error at route[0].applies_to: Invalid route[0].applies_to
          At least one of `mesh` and `ingress`. Got [].
        error at route[1].applies_to: Invalid route[1].applies_to
          "gateway" isn't one of "mesh", "ingress".
    "#]],
    );
    check::<Service>(
        &payments(&(ingress("paths = [\"/v1/*\"]") + &mistakes.concat())),
        &expect![[r#"
            error at route[0].match: No ingress admits the route's requests
              No ingress block lets in a request that the route matches: by its paths, after the rewrite of the ingress, or by its authority. Correct the match, add the path or host to an ingress block, or leave "ingress" out of applies_to.
            error at route[1].match[0].from: Callers in the mesh at a gateway
              from is about workloads that call, and at a gateway this is the gateway itself. Write the route twice: once with from, and once without, with applies_to = ["ingress"].
            error at route[2].match[0].path_regex: Regular expression beside paths of an ingress
              ingress[0] admits "/v1/*", and path_regex may match other paths as well, which the route must not open. An Istio route can only have one condition on the path, so the two can't be combined. Write path_regex or path with a value that begins like the paths of that ingress block, or remove paths and rewrite from the block.
        "#]],
    );
    let elsewhere = route("to {\n service = \"shop/cart\"\n}\n mirror {\n host = \"api.example.net\"\n}");
    check::<Service>(
        &payments(&(ingress("") + &elsewhere)),
        &expect![[r#"
        error at route[0].to[0].service: Requests of a gateway leave the namespace
          With "ingress" in applies_to the gateway itself connects to the target, and its identity is one that many services let in. So its requests go to Services of this namespace alone. Write an ingress block in the service that is meant, or leave "ingress" out of applies_to.
        error at route[0].mirror[0].host: Requests of a gateway leave the namespace
          With "ingress" in applies_to the gateway itself connects to the target, and its identity is one that many services let in. So its requests go to Services of this namespace alone. Write an ingress block in the service that is meant, or leave "ingress" out of applies_to.
    "#]],
    );
    let rewritten = ingress("paths = [\"/pay/*\"]\n rewrite = \"/v1/\"");
    let regex = route(&format!("match {{\n path_regex = \"/v1/[0-9]+\"\n}}\n{gone}"));
    check::<Service>(
        &payments(&(rewritten + &regex)),
        &expect![[r#"
        error at route[0].match[0].path_regex: Regular expression beside paths of an ingress
          ingress[0] admits "/pay/*", and path_regex would have to match paths before the rewrite of the ingress. An Istio route can only have one condition on the path, so the two can't be combined. Write path with a value that begins like the paths of that ingress block, or remove paths and rewrite from the block.
    "#]],
    );
    let of_connections = "port {\n number = 8443\n protocol = \"tls\"\n}\n".to_owned() + &ingress("protocol = \"tls\"");
    check::<Service>(
        &payments(&(of_connections + &route(gone))),
        &expect![[r#"
        error at route[0].applies_to: Route for ingress without an ingress block
          The service has no ingress block with protocol = "http", so no request from a gateway could match the route. Write an ingress block, or remove "ingress" from applies_to.
    "#]],
    );
}

/// Requests that a route sends to another Service don't arrive here, so their paths aren't in the policy, and no `allow` block needs
/// them.
#[test]
fn rewritten_requests_for_another_service() {
    let to_ledger = route(
        "match {\n path = \"/shop/*\"\n}\nrewrite {\n path = \"/v2/\"\n host = \"ledger.test\"\n}\nto {\n service = \"ledger\"\n}",
    );
    let arguments = ingress("paths = [\"/shop/*\", \"/cart/*\"]") + &to_ledger;
    check_object::<Service>(
        "AuthorizationPolicy/",
        &payments(&format!("access = \"none\"\n{arguments}")),
        &expect![[r#"
            AuthorizationPolicy/pci/payments-pci
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata:
              annotations:
                istio.io/dry-run: "false"
              name: payments-pci
              namespace: pci
            spec:
              action: ALLOW
              rules:
              - from:
                - source:
                    principals:
                    - cluster.local/ns/istio-ingress/sa/public
                to:
                - operation:
                    hosts:
                    - api.example.com
                    - api.example.com:*
                    paths:
                    - /cart/*
                    - /shop/*
                    ports:
                    - "8080"
              selector:
                matchLabels:
                  app: payments
        "#]],
    );
    let allow = "allow {\n from = [\"istio-ingress/public\"]\n paths = [\"/shop/*\", \"/cart/*\"]\n}\n";
    let rendered = rendered_text::<Service>(&mesh(), &payments(&format!("{allow}{arguments}")));
    assert!(!rendered.contains("warning"), "{rendered}");
}
