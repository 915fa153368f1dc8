//! Unknown arguments: only the objects and outputs that need an argument are unknown.

use expect_test::expect;
use terraform_provider_mesh::resources::gateway::Gateway;

use crate::golden::check_unknown;

const KNOWN: &str = r#"
name = "public"
namespace = "istio-ingress"
selector = { app = "public" }
authorization_mode = "enforce"
server {
  port = 443
  protocol = "https"
  hosts = ["a.example.com"]
  namespaces = ["*"]
  tls {
    credential_name = "a"
  }
}
"#;

#[test]
fn one_argument_at_a_time() {
    let changes = [
        ("name = \"public\"", "name = unknown"),
        ("name = \"public\"", "name = \"public\"\nservice_account = unknown"),
        ("namespace = \"istio-ingress\"", "namespace = unknown"),
        ("{ app = \"public\" }", "unknown"),
        ("{ app = \"public\" }", "{ app = unknown }"),
        ("server {", "labels = unknown\nserver {"),
        ("server {", "annotations = { a = unknown }\nserver {"),
        ("port = 443", "port = unknown"),
        ("port = 443", "port = 443\ntarget_port = unknown"),
        ("\"https\"", "unknown"),
        ("[\"a.example.com\"]", "unknown"),
        ("[\"a.example.com\"]", "[\"a.example.com\", unknown]"),
        ("namespaces = [\"*\"]", "namespaces = unknown"),
        ("\"enforce\"", "unknown"),
        ("\"enforce\"", "\"enforce\"\nallow {\nhosts = unknown\n}"),
        ("credential_name = \"a\"", "credential_name = unknown"),
        ("credential_name = \"a\"", "credential_name = \"a\"\nmode = unknown"),
        ("credential_name = \"a\"", "credential_name = \"a\"\nmin_version = unknown"),
        ("credential_name = \"a\"", "credential_name = \"a\"\nmax_version = unknown"),
        ("credential_name = \"a\"", "credential_name = \"a\"\nmin_version = \"1.2\"\ncipher_suites = [unknown]"),
    ];
    let texts: Vec<_> = changes
        .iter()
        .map(|(from, to)| {
            assert!(KNOWN.contains(from), "{from}");
            (to.replace('\n', ", "), KNOWN.replacen(from, to, 1))
        })
        .collect();
    let mut texts: Vec<_> = texts.iter().map(|(label, text)| (label.as_str(), text.clone())).collect();
    let before = KNOWN.split_once("server").expect("a server block").0;
    texts.push(("server = unknown", format!("{before}server = unknown")));
    let http = "server {\nport = 80\nprotocol = \"http\"\nhosts = [\"a.example.com\"]\nnamespaces = [\"*\"]\nhttps_redirect = unknown\n}";
    texts.push(("https_redirect = unknown", format!("{before}{http}")));
    check_unknown::<Gateway>(
        &texts,
        &expect![[r#"
            name = unknown: which objects there are, id, principal
            name = "public", service_account = unknown: principal
            namespace = unknown: which objects there are, id, principal
            unknown: Gateway, AuthorizationPolicy
            { app = unknown }: Gateway, AuthorizationPolicy
            labels = unknown, server {: Gateway, AuthorizationPolicy
            annotations = { a = unknown }, server {: Gateway, AuthorizationPolicy
            port = unknown: Gateway, AuthorizationPolicy
            port = 443, target_port = unknown: AuthorizationPolicy
            unknown: Gateway, AuthorizationPolicy
            unknown: Gateway, AuthorizationPolicy
            ["a.example.com", unknown]: Gateway, AuthorizationPolicy
            namespaces = unknown: Gateway
            unknown: which objects there are
            "enforce", allow {, hosts = unknown, }: AuthorizationPolicy
            credential_name = unknown: Gateway
            credential_name = "a", mode = unknown: Gateway, AuthorizationPolicy
            credential_name = "a", min_version = unknown: Gateway
            credential_name = "a", max_version = unknown: Gateway
            credential_name = "a", min_version = "1.2", cipher_suites = [unknown]: Gateway
            server = unknown: Gateway, AuthorizationPolicy
            https_redirect = unknown: Gateway
        "#]],
    );
}
