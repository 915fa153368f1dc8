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
    // The server of the host admits another namespace only.
    check(
        ("pci", "[istio-ingress/public]", "[a.example.com]"),
        &expect![[r#"
        warn at server: The gateway doesn't serve hosts that are routed
          Routes are bound to this gateway for a.example.com (pci/routes), and no server has the host for that namespace, so nobody gets there. Add the hosts to a server, or take them out of the routes. (IST0132)
    "#]],
    );
}
