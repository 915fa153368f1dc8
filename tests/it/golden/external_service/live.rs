//! Live checks: who else is there for the host.

use expect_test::{Expect, expect};
use terraform_provider_mesh::resources::external_service::ExternalService;

use crate::golden::live::told;

const ORIGINATE: &str = "host = \"api.example.com\"\nexport_to = [\"shop\"]\ntls = \"originate\"";

fn check(arguments: &str, facts: &str, expect: &Expect) {
    expect.assert_eq(&told::<ExternalService>(arguments, facts, &[]));
}

fn entry(namespace: &str, hosts: &str, seen: &str) -> String {
    format!(
        "kind: ServiceEntry\nmetadata: {{name: theirs, namespace: {namespace}}}\nspec: {{hosts: [{hosts}], exportTo: [{seen}]}}\n"
    )
}

fn rule(namespace: &str, host: &str) -> String {
    format!("kind: DestinationRule\nmetadata: {{name: theirs, namespace: {namespace}}}\nspec: {{host: \"{host}\"}}\n")
}

#[test]
fn another_entry_for_the_host() {
    let second = expect![[r#"
        warn at host: The host is defined twice
          ServiceEntry istio-system/theirs defines api.example.com as well, and some namespace sees both: there the older one holds, with its ports and its way of TLS. Remove theirs, or leave the host to them. (IST0177)
    "#]];
    for seen in ["shop", "\"*\"", ""] {
        check(ORIGINATE, &entry("istio-system", "other.example.com, api.example.com", seen), &second);
    }
    check(
        "name = \"a\"\nhosts = [\"a.example.com\", \"api.example.com\"]\nexport_to = [\"*\"]",
        &entry("media", "api.example.com", "."),
        &expect![[r#"
            warn at hosts: The host is defined twice
              ServiceEntry media/theirs defines a.example.com, api.example.com as well, and some namespace sees both: there the older one holds, with its ports and its way of TLS. Remove theirs, or leave the host to them. (IST0177)
        "#]],
    );
}

#[test]
fn an_entry_that_no_caller_sees() {
    for (namespace, hosts, seen) in [
        ("istio-system", "api.example.com", "media"),
        ("media", "api.example.com", "."),
        ("istio-system", "other.example.com", "\"*\""),
        ("istio-system", "\"*.example.com\"", "\"*\""),
    ] {
        assert_eq!(told::<ExternalService>(ORIGINATE, &entry(namespace, hosts, seen), &[]), "", "{hosts} {seen}");
    }
}

/// A rule where callers are comes first, a wider one too; it would let clear text out.
#[test]
fn a_rule_that_hides_ours() {
    check(
        ORIGINATE,
        &rule("shop", "api.example.com"),
        &expect![[r#"
        warn at host: Another DestinationRule is for the same host
          DestinationRule shop/theirs is for api.example.com as well. In the caller's own namespace it comes first, and says alone whether proxies speak TLS: where it doesn't, they send clear text. Remove it. (second-destination-rule)
    "#]],
    );
    check(
        ORIGINATE,
        &rule("shop", "*.example.com"),
        &expect![[r#"
        warn at host: Another DestinationRule is for the same host
          DestinationRule shop/theirs is for api.example.com as well. In the caller's own namespace it comes first, and says alone whether proxies speak TLS: where it doesn't, they send clear text. Remove it. (second-destination-rule)
    "#]],
    );
    check(
        ORIGINATE,
        &rule("istio-system", "api.example.com"),
        &expect![[r#"
        warn at host: Another DestinationRule is for the same host
          DestinationRule istio-system/theirs is for api.example.com as well. In the caller's own namespace it comes first, and says alone whether proxies speak TLS: where it doesn't, they send clear text. Remove it. (second-destination-rule)
    "#]],
    );
}

#[test]
fn a_rule_that_hides_nothing() {
    for (namespace, host) in [
        ("media", "api.example.com"),
        ("istio-system", "*.example.com"),
        ("shop", "other.example.com"),
        ("shop", "*.svc.cluster.local"),
    ] {
        assert_eq!(told::<ExternalService>(ORIGINATE, &rule(namespace, host), &[]), "", "{namespace} {host}");
    }
}

#[test]
fn another_route() {
    let route = |gateways: &str| {
        format!(
            "kind: VirtualService\nmetadata: {{name: theirs, namespace: shop}}\nspec: {{hosts: [api.example.com], gateways: \
             [{gateways}]}}\n"
        )
    };
    check(
        ORIGINATE,
        &route(""),
        &expect![[r#"
        warn at host: Another VirtualService is for the same host
          VirtualService shop/theirs routes api.example.com as well. Istio doesn't merge the two: the older one works, the other does nothing. Remove theirs. (IST0109)
    "#]],
    );
    assert_eq!(told::<ExternalService>(ORIGINATE, &route("istio-ingress/public"), &[]), "");
    let passed_through = "host = \"api.example.com\"\nexport_to = [\"shop\"]";
    assert_eq!(told::<ExternalService>(passed_through, &route(""), &[]), "", "there is no route of ours");
}

#[test]
fn what_is_ours_is_no_stranger() {
    let ours = "kind: ServiceEntry\nmetadata: {name: api-example-com, namespace: istio-system}\nspec: {hosts: [api.example.com]}\n";
    assert_eq!(told::<ExternalService>(ORIGINATE, ours, &[]), "");
}

#[test]
fn where_nothing_can_be_seen_nothing_is_told() {
    let hidden = ["ServiceEntry", "DestinationRule", "VirtualService"];
    assert_eq!(told::<ExternalService>(ORIGINATE, &entry("shop", "api.example.com", ""), &hidden), "");
}
