//! Live checks: facts of a cluster in, findings out.

use expect_test::{Expect, expect};
use terraform_provider_mesh::resources::gateway::Gateway;

use super::public;
use crate::golden::live::told;

/// What is told of routes for these hosts, bound to these gateways, in this namespace.
fn check(route: (&str, &str, &str), expect: &Expect) {
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
        }";
    let (namespace, gateways, hosts) = route;
    let facts = format!(
        "kind: VirtualService\nmetadata: {{name: routes, namespace: {namespace}}}\nspec: {{gateways: {gateways}, hosts: {hosts}}}"
    );
    expect.assert_eq(&told::<Gateway>(&public(servers), &facts, &[]));
}

#[test]
fn nothing_is_told_where_nothing_is_wrong() {
    check(("shop", "[istio-ingress/public]", "[a.example.com, x.b.example.com, c.example.com]"), &expect![[""]]);
    check(("pci", "[istio-ingress/public]", "[c.example.com]"), &expect![[""]]);
    check(("pci", "[istio-ingress/other, public, mesh]", "[z.example.com]"), &expect![[""]]);
    assert_eq!(
        told::<Gateway>(
            &public("server {\nport = 80\nprotocol = \"http\"\nhosts = [\"*\"]\n}"),
            "",
            &["VirtualService"]
        ),
        ""
    );
}

#[test]
fn hosts_that_are_routed_and_not_served() {
    check(
        ("shop", "[istio-ingress/public]", "[z.example.com, b.example.com]"),
        &expect![[r#"
        warn at server: The gateway doesn't serve hosts that are routed
          Routes are bound to this gateway for b.example.com (shop/routes), z.example.com (shop/routes), and no server has the host for that namespace, so nobody gets there. Add the hosts to a server, or take them out of the routes. (IST0132)
    "#]],
    );
    check(
        ("istio-ingress", "[public]", "[z.example.com]"),
        &expect![[r#"
        warn at server: The gateway doesn't serve hosts that are routed
          Routes are bound to this gateway for z.example.com (istio-ingress/routes), and no server has the host for that namespace, so nobody gets there. Add the hosts to a server, or take them out of the routes. (IST0132)
    "#]],
    );
    // Another namespace may not bind to it.
    check(
        ("pci", "[istio-ingress/public]", "[a.example.com]"),
        &expect![[r#"
        warn at server: The gateway doesn't serve hosts that are routed
          Routes are bound to this gateway for a.example.com (pci/routes), and no server has the host for that namespace, so nobody gets there. Add the hosts to a server, or take them out of the routes. (IST0132)
    "#]],
    );
}
