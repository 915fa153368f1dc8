//! `mesh_gateway` on a real server, with the documented rights alone.

use expect_test::expect_file;
use serde_json::{Value as Json, json};
use terraform_provider_mesh::{object::Key, resources::gateway::Gateway};

use crate::support::{control_plane::control_plane, terraform::Tool, users::Grant};

use super::{
    arguments::{Row, comes_and_goes, covers, row},
    configure, workspace,
};

/// In the order of the schema.
const ROWS: &[Row] = &[
    row("selector", "", "selector = { app = \"x\", tier = \"y\" }", "selector = { app = \"z\" }"),
    row("labels", SELECTOR, "labels = { a = \"b\" }", "labels = { a = \"c\", d = \"e\" }"),
    row("annotations", SELECTOR, "annotations = { a = \"b\" }", "annotations = { a = \"c\" }"),
    row(
        "server",
        SELECTOR,
        "server {\n port = 8443\n protocol = \"https\"\n hosts = [\"b.example.com\", \"*.b.example.com\"]\n tls {\n credential_name = \"b\"\n }\n}",
        "server {\n port = 8443\n protocol = \"https\"\n hosts = [\"b.example.com\"]\n namespaces = [\"shop\"]\n tls {\n mode = \"mutual\"\n credential_name = \"c\"\n min_version = \"1.2\"\n max_version = \"1.2\"\n cipher_suites = [\"ECDHE-RSA-AES256-GCM-SHA384\"]\n }\n}",
    ),
    row(
        "server",
        SELECTOR,
        "server {\n port = 81\n protocol = \"http\"\n hosts = [\"b.example.com\"]\n https_redirect = true\n}",
        "server {\n port = 15443\n target_port = 15444\n protocol = \"tls\"\n hosts = [\"*\"]\n tls {\n mode = \"auto_passthrough\"\n }\n}",
    ),
];

const SELECTOR: &str = "selector = { app = \"x\" }";

/// Arguments that leave no trace of their own in any object, and the tests that show what they do.
const ELSEWHERE: &[(&str, &str)] = &[
    ("name", "a_gateway_lives"),
    ("namespace", "a_gateway_lives"),
    ("service_account", "golden::gateway, by the output"),
    ("adopt_existing", "a_gateway_is_taken_over"),
    ("timeouts", "behaviour.rs"),
];

#[test]
fn every_argument_has_a_row() {
    covers::<Gateway>(ROWS, ELSEWHERE);
}

/// The first server is always there, so that a row's own comes and goes beside it.
fn gateway(n: usize, row: &Row, written: &str) -> String {
    let beside = if row.beside.is_empty() && written.is_empty() { SELECTOR } else { row.beside };
    let server = "server {\nport = 80\nprotocol = \"http\"\nhosts = [\"a.example.com\"]\n}";
    format!(
        "resource \"mesh_gateway\" \"s{n}\" {{\nname = \"s{n}\"\nnamespace = \"NAMESPACE\"\n{beside}\n{server}\n{written}\n}}"
    )
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn what_each_writes_comes_changes_and_goes() {
    let namespace = control_plane().namespace("doors");
    let workspace = workspace(Tool::Terraform, Grant::Platform, &namespace, "");
    let write = |hcl: &str| configure(&workspace, Grant::Platform, &namespace, hcl);
    comes_and_goes(ROWS, gateway, &workspace, &write, &namespace.name, &expect_file!["gateways.txt"]);
    workspace.destroy().expect_success();
    assert_eq!(control_plane().api().objects(&namespace.name), Vec::<String>::new());
}

const PUBLIC: &str = r#"
resource "mesh_gateway" "public" {
  name      = "public"
  namespace = "NAMESPACE"
  selector  = { app = "public" }
  server {
    port     = 443
    protocol = "https"
    hosts    = ["shop.example.com"]
    tls {
      credential_name = "shop"
    }
  }
}"#;

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_gateway_lives() {
    let api = control_plane().api();
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("door");
        let workspace = workspace(tool, Grant::Platform, &namespace, PUBLIC);
        workspace.converge();
        let principal = &workspace.resources()[0].1["principal"];
        assert_eq!(*principal, json!(format!("cluster.local/ns/{}/sa/public", namespace.name)));

        let key: Key = format!("Gateway/{}/public", namespace.name).parse().expect("a key");
        api.patch(&key, &json!({ "spec": { "selector": { "app": "theirs" } } }));
        let plan = workspace.plan();
        assert!(plan.text.contains("Gateway was changed by kubectl-patch"), "{tool}: {}", plan.text);
        workspace.apply().expect_success();
        assert_eq!(api.get(&key).expect("it is there")["spec"]["selector"]["app"], "public");

        workspace.run(&["state", "rm", "mesh_gateway.public"]).expect_success();
        let id = format!("{}/public", namespace.name);
        workspace.run(&["import", "-input=false", "mesh_gateway.public", &id]).expect_success();
        workspace.assert_empty_plan();
        workspace.destroy().expect_success();
        assert_eq!(api.objects(&namespace.name), Vec::<String>::new(), "{tool}");
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_gateway_is_taken_over() {
    let (namespace, api) = (control_plane().namespace("taken"), control_plane().api());
    let metadata = json!({ "name": "public", "namespace": namespace.name });
    let servers: Json = json!([{ "port": { "number": 80, "name": "http", "protocol": "HTTP" }, "hosts": ["*"] }]);
    let theirs = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": metadata,
        "spec": { "selector": { "app": "old" }, "servers": servers },
    });
    api.apply(&theirs, "helm");
    let workspace = workspace(Tool::Terraform, Grant::Platform, &namespace, PUBLIC);
    let told = workspace.try_plan().errors();
    assert!(told.contains("Gateway exists already"), "{told}");
    configure(
        &workspace,
        Grant::Platform,
        &namespace,
        &PUBLIC.replace("selector ", "adopt_existing = true\nselector "),
    );
    workspace.converge();
    workspace.destroy().expect_success();
}
