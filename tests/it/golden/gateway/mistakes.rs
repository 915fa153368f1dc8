//! Diagnostics of faulty configurations. One validation reports all of them.

use expect_test::{Expect, expect};
use terraform_provider_mesh::resources::gateway::Gateway;

use super::public;
use crate::golden::{check, mesh, rendered_text};

/// A server block, for every namespace unless the arguments name some. Commas separate the arguments.
fn server(arguments: &str) -> String {
    let arguments = arguments.replace(", ", "\n");
    let namespaces = if arguments.contains("namespaces") { "" } else { "namespaces = [\"*\"]\n" };
    format!("server {{\n{arguments}\n{namespaces}}}\n")
}

/// Compares the diagnostics of an HTTPS server for one host with these TLS settings.
fn check_tls(settings: &str, expect: &Expect) {
    check::<Gateway>(
        &public(&server(&format!(
            "port = 443, protocol = \"https\", hosts = [\"a.example.com\"], tls {{\n{settings}\n}}"
        ))),
        expect,
    );
}

#[test]
fn invalid_values() {
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
        &expect![[r#"
            error at name: Invalid name
              Lowercase letters, digits and dashes; starts and ends with a letter or digit; 63 characters at most. Got "Public".
            error at namespace: Invalid namespace
              Lowercase letters, digits and dashes; starts and ends with a letter or digit; 63 characters at most. Got "istio ingress".
            error at selector: Invalid selector
              At least one label. Got {}.
            error at service_account: Invalid service_account
              Lowercase letters, digits, dashes and dots; each part between dots starts and ends with a letter or digit and has at most 63 characters; 253 characters at most. Got "a_b".
            error at server[0].port: Invalid server[0].port
              0 isn't a port. Ports are whole numbers, 1 to 65535.
            error at server[0].target_port: Invalid server[0].target_port
              65536 isn't a port. Ports are whole numbers, 1 to 65535.
            error at server[0].protocol: Invalid server[0].protocol
              "redis" isn't one of "http", "https", "http2", "grpc", "tls", "tcp", "mongo".
            error at server[0].hosts: Invalid server[0].hosts
              DNS names, with `*.` at the start or without, or `*`. Got ["*.*.com", "a.example.com:80", "localhost"].
            error at server[0].namespaces: Invalid server[0].namespaces
              At least one namespace. Got [].
            error at server[0].tls.mode: Invalid server[0].tls.mode
              "SIMPLE" isn't a value; write it in lower case: "simple".
            error at server[0].tls.credential_name: Invalid server[0].tls.credential_name
              Lowercase letters, digits, dashes and dots; each part between dots starts and ends with a letter or digit and has at most 63 characters; 253 characters at most. Got "a/b".
            error at server[0].tls.min_version: Invalid server[0].tls.min_version
              "1.1" isn't one of "1.2", "1.3".
            error at server[0].tls.max_version: Invalid server[0].tls.max_version
              "TLSV1_3" isn't one of "1.2", "1.3".
            error at server[0].tls.cipher_suites: Invalid server[0].tls.cipher_suites
              "BOGUS" isn't a suite that Istio accepts; Istio would ignore it, with a line in istiod's log only. Write one of ECDHE-ECDSA-AES128-GCM-SHA256, ECDHE-RSA-AES128-GCM-SHA256, ECDHE-ECDSA-AES256-GCM-SHA384, ECDHE-RSA-AES256-GCM-SHA384, ECDHE-ECDSA-CHACHA20-POLY1305, ECDHE-RSA-CHACHA20-POLY1305, ECDHE-ECDSA-AES128-SHA, ECDHE-RSA-AES128-SHA, ECDHE-ECDSA-AES256-SHA, ECDHE-RSA-AES256-SHA, AES128-GCM-SHA256, AES256-GCM-SHA384, AES128-SHA, AES256-SHA, DES-CBC3-SHA. (IST0133)
            error at server[0].tls.cipher_suites: Invalid server[0].tls.cipher_suites
              "TLS_AES_256_GCM_SHA384" is a suite of TLS 1.3, which can't be configured: proxies accept all of them. Remove it. (IST0133)
        "#]],
    );
}

#[test]
fn no_server() {
    check::<Gateway>(
        &public(""),
        &expect![[r#"
        error at server: Missing required block
          At least one block "server" is required.
    "#]],
    );
}

#[test]
fn default_service_account() {
    let text = public(&server("port = 80, protocol = \"http\", hosts = [\"*\"]"));
    check::<Gateway>(
        &format!("{text}service_account = \"default\""),
        &expect![[r#"
        error at service_account: Service account "default"
          Every workload of the namespace without an account of its own runs as "default", so a service that lets this gateway in would let all of them in. Give the gateway an account of its own.
    "#]],
    );
}

#[test]
fn max_version_below_min_version() {
    check_tls(
        "credential_name = \"a\"\nmax_version = \"1.2\"",
        &expect![[r#"
        error at server[0].tls.max_version: The maximum is below the minimum
          No version is both 1.3 or later and 1.2 or earlier, and every handshake would fail; Istio accepts it silently. min_version defaults to 1.3.
    "#]],
    );
    check_tls(
        "credential_name = \"a\"\nmin_version = \"1.3\"\nmax_version = \"1.2\"",
        &expect![[r#"
        error at server[0].tls.max_version: The maximum is below the minimum
          No version is both 1.3 or later and 1.2 or earlier, and every handshake would fail; Istio accepts it silently. min_version defaults to 1.3.
    "#]],
    );
}

#[test]
fn cipher_suites_without_tls_1_2() {
    check_tls(
        "credential_name = \"a\"\ncipher_suites = [\"AES128-SHA\"]",
        &expect![[r#"
        error at server[0].tls.cipher_suites: Cipher suites have no effect
          TLS 1.3 has its own suites, which can't be chosen, and no older version is admitted. Remove cipher_suites, or write min_version = "1.2".
    "#]],
    );
}

#[test]
fn missing_or_unused_credential_name() {
    check_tls(
        "mode = \"mutual\"",
        &expect![[r#"
            error at server[0].tls.credential_name: TLS server without credential_name
              mutual needs one: write credential_name, a TLS Secret in the namespace of the gateway's workloads. (IST0101)
        "#]],
    );
    check_tls(
        "mode = \"istio_mutual\"\ncredential_name = \"a\"",
        &expect![[r#"
        error at server[0].tls.credential_name: credential_name has no effect with this TLS mode
          With mode = "istio_mutual" the gateway doesn't read a Secret. Remove credential_name.
    "#]],
    );
}

#[test]
fn tls_settings_with_passthrough() {
    check_tls(
        "mode = \"passthrough\"\ncredential_name = \"a\"\nmin_version = \"1.2\"\nmax_version = \"1.3\"\ncipher_suites = [\"AES128-SHA\"]",
        &expect![[r#"
            error at server[0].tls.credential_name: credential_name has no effect with this TLS mode
              With mode = "passthrough" the gateway doesn't read a Secret. Remove credential_name.
            error at server[0].tls.min_version: TLS setting has no effect with this TLS mode
              With mode = "passthrough" the gateway forwards TLS without terminating it, so the workload decides on versions and cipher suites. Remove min_version.
            error at server[0].tls.max_version: TLS setting has no effect with this TLS mode
              With mode = "passthrough" the gateway forwards TLS without terminating it, so the workload decides on versions and cipher suites. Remove max_version.
            error at server[0].tls.cipher_suites: TLS setting has no effect with this TLS mode
              With mode = "passthrough" the gateway forwards TLS without terminating it, so the workload decides on versions and cipher suites. Remove cipher_suites.
        "#]],
    );
}

#[test]
fn tls_block_contradicts_protocol() {
    let servers = [
        server("port = 443, protocol = \"https\", hosts = [\"a.example.com\"]"),
        server("port = 80, protocol = \"http\", hosts = [\"a.example.com\"], tls {\nmode = \"passthrough\"\n}"),
        server("port = 9000, protocol = \"tcp\", hosts = [\"*\"], https_redirect = true"),
    ];
    check::<Gateway>(
        &public(&servers.concat()),
        &expect![[r#"
            error at server[0].tls: Missing required block
              https needs a tls block, for example with credential_name = "my-cert".
            error at server[1].tls: TLS on a port without TLS
              http is clear text. Write protocol = "https" or "tls", or remove the block.
            error at server[2].https_redirect: https_redirect needs an http server
              https_redirect redirects HTTP requests to HTTPS, and tcp isn't HTTP in clear text. Remove it.
        "#]],
    );
}

#[test]
fn conflicting_protocols_on_one_port() {
    let servers = [
        server("port = 80, protocol = \"http\", hosts = [\"a.example.com\"]"),
        server("port = 80, protocol = \"https\", hosts = [\"b.example.com\"], tls {\ncredential_name = \"b\"\n}"),
        server("port = 80, protocol = \"http\", hosts = [\"c.example.com\"]"),
        server("port = 9000, protocol = \"tcp\", hosts = [\"a.example.com\"]"),
        server("port = 9000, protocol = \"tcp\", hosts = [\"b.example.com\"]"),
    ];
    check::<Gateway>(
        &public(&servers.concat()),
        &expect![[r#"
        error at server[1].port: Two protocols on one port
          Another server speaks http on port 80, and this one https. Only servers of the same HTTP, or of TLS, which are distinguished by name, can share a port. Give it another one.
        error at server[4].port: Two protocols on one port
          Another server speaks tcp on port 9000, and this one tcp. Only servers of the same HTTP, or of TLS, which are distinguished by name, can share a port. Give it another one.
    "#]],
    );
}

/// Servers for the same host must be for different namespaces.
#[test]
fn duplicate_host() {
    let server_with =
        |more: &str| server(&format!("port = 80, protocol = \"http\", hosts = [\"a.example.com\"]{more}"));
    let shop = server_with(", namespaces = [\"shop\"]");
    check::<Gateway>(
        &public(&[shop.clone(), server_with("")].concat()),
        &expect![[r#"
        error at server[1].hosts: Duplicate host
          Another server has a.example.com on port 80, too, and only one of them would serve it. Write it once. (IST0145)
    "#]],
    );
    check::<Gateway>(
        &public(&[shop.clone(), shop.clone()].concat()),
        &expect![[r#"
        error at server[1].hosts: Duplicate host
          Another server has a.example.com on port 80, too, and only one of them would serve it. Write it once. (IST0145)
    "#]],
    );
    let other = server_with(", namespaces = [\"pci\"]");
    let both = [shop, other].concat();
    crate::golden::check_keys::<Gateway>(
        &public(&both),
        &expect![[r#"
        Gateway/istio-ingress/public
        AuthorizationPolicy/istio-ingress/public-istio-ingress
    "#]],
    );
}

#[test]
fn allow_blocks_without_effect() {
    let http = server("port = 80\nprotocol = \"http\"\nhosts = [\"a.example.com\"]\nnamespaces = [\"*\"]");
    let tcp = server("port = 5432\nprotocol = \"tcp\"\nhosts = [\"*\"]\nnamespaces = [\"shop\",\"*\"]");
    let gateway = |mode: &str, allow: &str| {
        let required = "name = \"public\"\nnamespace = \"istio-ingress\"\nselector = { app = \"public\" }";
        format!("{required}\n{mode}\n{http}{tcp}{allow}")
    };
    check::<Gateway>(
        &gateway("", "allow {\n ports = [80]\n}"),
        &expect![[r#"
            error at server[1].namespaces: "*" combined with other namespaces in namespaces
              "*" is every namespace. Write ["*"] alone, or the names alone.
            error at allow: allow without authorization_mode
              Without authorization_mode the gateway has no policy, and admits every request. Write authorization_mode = "dry_run" or "enforce", or remove the allow blocks.
        "#]],
    );
    let allow = "allow {\n ports = [8080]\n}\nallow {\n ports = [5432]\n paths = [\"/a\"]\n}\nallow {\n hosts = []\n}";
    check::<Gateway>(
        &gateway("authorization_mode = \"enforce\"", allow),
        &expect![[r#"
            error at allow[2].hosts: Invalid allow[2].hosts
              At least one host; leave the argument out for those of the servers. Got [].
            error at server[1].namespaces: "*" combined with other namespaces in namespaces
              "*" is every namespace. Write ["*"] alone, or the names alone.
            error at allow[0].ports: No server has port 8080
              Write the port of a server block, not its target_port.
            error at allow[1]: Rule on requests without an HTTP server
              hosts, methods, paths and tokens are seen by servers of http, http2 and grpc, and of https that end TLS. The block is for none of them. Remove these arguments, or correct ports.
        "#]],
    );
}

/// HTTP/2 clients reuse a connection for every host of its certificate.
#[test]
fn connections_that_clients_reuse() {
    let https = |host: &str, tls: &str| {
        server(&format!(
            "port = 443\nprotocol = \"https\"\nhosts = [\"{host}\"]\nnamespaces = [\"*\"]\ntls {{\n{tls}\n}}"
        ))
    };
    let simple = "credential_name = \"cert\"";
    let servers = https("a.example.com", simple)
        + &https("b.example.com", simple)
        + &https("c.example.com", "credential_name = \"mutual\"\nmode = \"mutual\"");
    let required = "name = \"public\"\nnamespace = \"istio-ingress\"\nselector = { app = \"public\" }";
    let text = rendered_text::<Gateway>(&mesh(), &format!("{required}\n{servers}"));
    let diagnostics = text.split("--- # ").next().unwrap_or_default();
    expect![[r#"
        warning at server[1].tls.credential_name: Two servers of a port with one certificate
          server[0] has the certificate cert, too, on port 443. Browsers reuse an HTTP/2 connection for every host of a certificate, and the server of that connection answers 404 for hosts of this one. Write the hosts into one server block, or give each server a certificate of its own.
        warning at server[2].tls.mode: Client certificates required on some hosts of a port
          server[0] is simple and this one mutual, both on port 443. The server name of a connection decides which of them it gets, and HTTP/2 clients reuse a connection for every host of its certificate: for hosts of the other server they get 404, and where hosts of the two overlap, clients without a certificate get in. Use certificates without names in common, or two ports.
    "#]].assert_eq(diagnostics);
}

#[test]
fn paths_that_never_match() {
    let allow = "allow {\npaths = [\"/items/[0-9]+\"]\n}\n";
    check::<Gateway>(
        &public(&(server("port = 80, protocol = \"http\", hosts = [\"a.example.com\"]") + allow)),
        &expect![[r#"
            error at allow[0].paths: Regular expression in paths
              AuthorizationPolicies have no regular expressions, and "/items/[0-9]+" would match no request that you mean. Write {*} for one part between slashes, {**} for any number of them, or one * at the start or end: "/items/{*}" or "/items/*".
        "#]],
    );
}
