//! Live checks: objects of other tools for the same host.

use expect_test::{Expect, expect};
use terraform_provider_mesh::resources::external_service::ExternalService;

use crate::golden::live::findings;

const ORIGINATE: &str = "host = \"api.example.com\"\nexport_to = [\"shop\"]\ntls = \"originate\"";

fn check(arguments: &str, live_objects: &str, expect: &Expect) {
    expect.assert_eq(&findings::<ExternalService>(arguments, live_objects, &[]));
}

fn service_entry(namespace: &str, hosts: &str, export_to: &str) -> String {
    format!(
        "kind: ServiceEntry\nmetadata: {{name: theirs, namespace: {namespace}}}\nspec: {{hosts: [{hosts}], exportTo: [{export_to}]}}\n"
    )
}

fn destination_rule(namespace: &str, host: &str) -> String {
    format!("kind: DestinationRule\nmetadata: {{name: theirs, namespace: {namespace}}}\nspec: {{host: \"{host}\"}}\n")
}

#[test]
fn second_service_entry_for_the_host() {
    let second = expect![[r#"
        warn at host: Host is defined by two ServiceEntries
          ServiceEntry istio-system/theirs defines api.example.com as well, and some namespace sees both: there the older one applies, with its ports and TLS mode. Remove the other one, or leave the host to them. (IST0177)
    "#]];
    for export_to in ["shop", "\"*\"", ""] {
        check(ORIGINATE, &service_entry("istio-system", "other.example.com, api.example.com", export_to), &second);
    }
    check(
        "name = \"a\"\nhosts = [\"a.example.com\", \"api.example.com\"]\nexport_to = [\"*\"]",
        &service_entry("media", "api.example.com", "."),
        &expect![[r#"
            warn at hosts: Host is defined by two ServiceEntries
              ServiceEntry media/theirs defines a.example.com, api.example.com as well, and some namespace sees both: there the older one applies, with its ports and TLS mode. Remove the other one, or leave the host to them. (IST0177)
        "#]],
    );
}

#[test]
fn service_entry_without_a_common_namespace_or_host() {
    for (namespace, hosts, export_to) in [
        ("istio-system", "api.example.com", "media"),
        ("media", "api.example.com", "."),
        ("istio-system", "other.example.com", "\"*\""),
        ("istio-system", "\"*.example.com\"", "\"*\""),
    ] {
        assert_eq!(
            findings::<ExternalService>(ORIGINATE, &service_entry(namespace, hosts, export_to), &[]),
            "",
            "{hosts} {export_to}"
        );
    }
}

/// A rule in the namespace of the client takes precedence, even with a wildcard host. Without TLS settings it would let clear
/// text leave the mesh.
#[test]
fn destination_rule_that_takes_precedence() {
    check(
        ORIGINATE,
        &destination_rule("shop", "api.example.com"),
        &expect![[r#"
        warn at host: Another DestinationRule is for the same host
          DestinationRule shop/theirs is for api.example.com as well. In the caller's own namespace it takes precedence, and alone decides whether proxies speak TLS: without a TLS mode they send clear text. Remove it. (second-destination-rule)
    "#]],
    );
    check(
        ORIGINATE,
        &destination_rule("shop", "*.example.com"),
        &expect![[r#"
        warn at host: Another DestinationRule is for the same host
          DestinationRule shop/theirs is for api.example.com as well. In the caller's own namespace it takes precedence, and alone decides whether proxies speak TLS: without a TLS mode they send clear text. Remove it. (second-destination-rule)
    "#]],
    );
    check(
        ORIGINATE,
        &destination_rule("istio-system", "api.example.com"),
        &expect![[r#"
        warn at host: Another DestinationRule is for the same host
          DestinationRule istio-system/theirs is for api.example.com as well. In the caller's own namespace it takes precedence, and alone decides whether proxies speak TLS: without a TLS mode they send clear text. Remove it. (second-destination-rule)
    "#]],
    );
}

#[test]
fn destination_rule_without_precedence() {
    for (namespace, host) in [
        ("media", "api.example.com"),
        ("istio-system", "*.example.com"),
        ("shop", "other.example.com"),
        ("shop", "*.svc.cluster.local"),
    ] {
        assert_eq!(
            findings::<ExternalService>(ORIGINATE, &destination_rule(namespace, host), &[]),
            "",
            "{namespace} {host}"
        );
    }
}

#[test]
fn second_virtual_service_for_the_host() {
    let route = |gateways: &str| {
        format!(
            "kind: VirtualService\nmetadata: {{name: theirs, namespace: shop}}\nspec: {{hosts: [api.example.com], gateways: \
             [{gateways}]}}\n"
        )
    };
    check(ORIGINATE, &route(""), &expect![""]);
    assert_eq!(findings::<ExternalService>(ORIGINATE, &route("istio-ingress/public"), &[]), "");
    let passed_through = "host = \"api.example.com\"\nexport_to = [\"shop\"]";
    assert_eq!(
        findings::<ExternalService>(passed_through, &route(""), &[]),
        "",
        "without a VirtualService there is no conflict"
    );
}

#[test]
fn own_objects_are_no_conflict() {
    let own = "kind: ServiceEntry\nmetadata: {name: api-example-com, namespace: istio-system}\nspec: {hosts: [api.example.com]}\n";
    assert_eq!(findings::<ExternalService>(ORIGINATE, own, &[]), "");
}

#[test]
fn forbidden_queries_skip_the_checks() {
    let hidden = ["ServiceEntry", "DestinationRule", "VirtualService"];
    assert_eq!(findings::<ExternalService>(ORIGINATE, &service_entry("shop", "api.example.com", ""), &hidden), "");
}
