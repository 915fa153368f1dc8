//! What is wrong, where, why, and what to do: all of it at once.

use expect_test::{Expect, expect};
use terraform_provider_mesh::resources::gateway::Gateway;

use super::public;
use crate::golden::check;

fn server(arguments: &str) -> String {
    let arguments = arguments.replace(", ", "\n");
    format!("server {{\n{arguments}\n}}\n")
}

/// HTTPS for one host with these TLS settings.
fn tls(settings: &str, expect: &Expect) {
    check::<Gateway>(
        &public(&server(&format!("port = 443, protocol = \"https\", hosts = [\"a.example.com\"], tls {{\n{settings}\n}}"))),
        expect,
    );
}

#[test]
fn every_mistake_of_one_value() {
    check::<Gateway>(
        r#"
        name            = "Public"
        namespace       = "istio ingress"
        selector        = {}
        service_account = "a_b"
        server {
          port        = 0
          target_port = 65536
          protocol    = "redis"
          hosts       = ["localhost", "a.example.com:80", "*.*.com"]
          namespaces  = []
          tls {
            mode            = "SIMPLE"
            credential_name = "a/b"
            min_version     = "1.1"
            max_version     = "TLSV1_3"
            cipher_suites   = ["BOGUS", "TLS_AES_256_GCM_SHA384"]
          }
        }
    "#,
        &expect![[""]],
    );
}

#[test]
fn no_server() {
    check::<Gateway>(&public(""), &expect![[""]]);
}

#[test]
fn the_default_account() {
    let text = public(&server("port = 80, protocol = \"http\", hosts = [\"*\"]"));
    check::<Gateway>(&format!("{text}service_account = \"default\""), &expect![[""]]);
}

#[test]
fn versions_that_exclude_each_other() {
    tls("credential_name = \"a\"\nmax_version = \"1.2\"", &expect![[""]]);
    tls("credential_name = \"a\"\nmin_version = \"1.3\"\nmax_version = \"1.2\"", &expect![[""]]);
}

#[test]
fn suites_without_an_effect() {
    tls("credential_name = \"a\"\ncipher_suites = [\"AES128-SHA\"]", &expect![[""]]);
}

#[test]
fn no_certificate() {
    tls("mode = \"mutual\"", &expect![[""]]);
    tls("mode = \"istio_mutual\"\ncredential_name = \"a\"", &expect![[""]]);
}

#[test]
fn settings_of_tls_that_ends_elsewhere() {
    tls(
        "mode = \"passthrough\"\ncredential_name = \"a\"\nmin_version = \"1.2\"\nmax_version = \"1.3\"\ncipher_suites = [\"AES128-SHA\"]",
        &expect![[""]],
    );
}

#[test]
fn tls_where_there_is_none_and_none_where_there_is() {
    let servers = [
        server("port = 443, protocol = \"https\", hosts = [\"a.example.com\"]"),
        server("port = 80, protocol = \"http\", hosts = [\"a.example.com\"], tls {\nmode = \"passthrough\"\n}"),
        server("port = 9000, protocol = \"tcp\", hosts = [\"*\"], https_redirect = true"),
    ];
    check::<Gateway>(&public(&servers.concat()), &expect![[""]]);
}

#[test]
fn two_protocols_on_one_port() {
    let servers = [
        server("port = 80, protocol = \"http\", hosts = [\"a.example.com\"]"),
        server("port = 80, protocol = \"https\", hosts = [\"b.example.com\"], tls {\ncredential_name = \"b\"\n}"),
        server("port = 80, protocol = \"http\", hosts = [\"c.example.com\"]"),
        server("port = 9000, protocol = \"tcp\", hosts = [\"a.example.com\"]"),
        server("port = 9000, protocol = \"tcp\", hosts = [\"b.example.com\"]"),
    ];
    check::<Gateway>(&public(&servers.concat()), &expect![[""]]);
}

/// A host may be shared out among namespaces, and not twice to one.
#[test]
fn the_same_host_twice() {
    let one = |more: &str| server(&format!("port = 80, protocol = \"http\", hosts = [\"a.example.com\"]{more}"));
    let shop = one(", namespaces = [\"shop\"]");
    check::<Gateway>(&public(&[shop.clone(), one("")].concat()), &expect![[""]]);
    check::<Gateway>(&public(&[shop.clone(), shop.clone()].concat()), &expect![[""]]);
    let other = one(", namespaces = [\"pci\"]");
    let both = [shop, other].concat();
    crate::golden::check_keys::<Gateway>(&public(&both), &expect![[""]]);
}
