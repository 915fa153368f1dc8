//! Unknown arguments: only the objects and outputs that need an argument are unknown.

use expect_test::expect;
use terraform_provider_mesh::resources::namespace::Namespace;

use crate::golden::check_unknown;

const KNOWN: &str = r#"
    name  = "shop"
    team  = "a"
    calls = ["ledger"]
    mtls {
      exception {
        service = "cart"
        port    = 80
      }
    }
    rbac {
      groups = ["a"]
    }
"#;

#[test]
fn one_argument_at_a_time() {
    let changes = [
        ("name = \"shop\"", "name = unknown"),
        ("team  = \"a\"", "team = unknown"),
        ("team  = \"a\"", "injection = unknown"),
        ("team  = \"a\"", "revision = unknown"),
        ("team  = \"a\"", "create = unknown"),
        ("team  = \"a\"", "create = false\nteam = unknown"),
        ("team  = \"a\"", "create = false\ninjection = true\nteam = unknown"),
        ("team  = \"a\"", "labels = { x = unknown }"),
        ("team  = \"a\"", "annotations = unknown"),
        ("team  = \"a\"", "authorization_mode = unknown"),
        ("team  = \"a\"", "force_destroy = unknown"),
        ("[\"ledger\"]", "unknown"),
        ("[\"ledger\"]", "[\"ledger\", unknown]"),
        ("mtls {", "mtls {\nmode = unknown"),
        ("service = \"cart\"", "service = unknown"),
        ("port    = 80", "port = unknown"),
        ("port    = 80", "port = unknown\ntarget_port = 8080"),
        ("port    = 80", "port = 80\ntarget_port = unknown"),
        ("port    = 80", "port = 80\nselector = unknown"),
        ("port    = 80", "port = 80\nmode = unknown"),
        ("[\"a\"]", "unknown"),
        ("groups = [\"a\"]", "users = unknown"),
        ("groups = [\"a\"]", "service_accounts = [unknown]"),
    ];
    let texts: Vec<_> = changes
        .iter()
        .map(|(from, to)| {
            let known = KNOWN.replace("name  =", "name =");
            assert!(known.contains(from), "{from}");
            (to.replace('\n', ", "), known.replace(from, to))
        })
        .collect();
    let mut texts: Vec<_> = texts.iter().map(|(label, text)| (label.as_str(), text.clone())).collect();
    for block in ["mtls = unknown", "rbac = unknown", "mtls { exception = unknown }"] {
        texts.push((block, format!("name = \"shop\"\n{block}")));
    }
    check_unknown::<Namespace>(
        &texts,
        &expect![[r#"
            name = unknown: which objects there are, id
            team = unknown: Namespace
            injection = unknown: Namespace
            revision = unknown: Namespace
            create = unknown: which objects there are
            create = false, team = unknown: which objects there are
            create = false, injection = true, team = unknown: Namespace
            labels = { x = unknown }: Namespace, RoleBinding, Sidecar, PeerAuthentication, PeerAuthentication
            annotations = unknown: Namespace, RoleBinding, Sidecar, PeerAuthentication, PeerAuthentication
            authorization_mode = unknown: which objects there are
            force_destroy = unknown: nothing
            unknown: which objects there are
            ["ledger", unknown]: Sidecar
            mtls {, mode = unknown: PeerAuthentication, PeerAuthentication
            service = unknown: which objects there are
            port = unknown: PeerAuthentication
            port = unknown, target_port = 8080: nothing
            port = 80, target_port = unknown: PeerAuthentication
            port = 80, selector = unknown: PeerAuthentication
            port = 80, mode = unknown: PeerAuthentication
            unknown: RoleBinding
            users = unknown: RoleBinding
            service_accounts = [unknown]: RoleBinding
            mtls = unknown: which objects there are
            rbac = unknown: which objects there are
            mtls { exception = unknown }: which objects there are
        "#]],
    );
}
