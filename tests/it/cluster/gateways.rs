//! `mesh_gateway` on a real API server, with only the documented rights.

use expect_test::expect_file;
use serde_json::{Value as Json, json};
use terraform_provider_mesh::{object::Key, resources::gateway::Gateway};

use crate::support::{
    control_plane::control_plane,
    terraform::{Tool, Workspace},
    users::Grant,
};

use super::{
    arguments::{Row, assert_covers_schema, check_arguments, row},
    configure, destroy_all, provider, workspace,
};

/// The rows in the order of the schema.
const ROWS: &[Row] = &[
    row("selector", "", "selector = { app = \"x\", tier = \"y\" }", "selector = { app = \"z\" }"),
    row("authorization_mode", SELECTOR, "authorization_mode = \"dry_run\"", "authorization_mode = \"enforce\""),
    row("labels", SELECTOR, "labels = { a = \"b\" }", "labels = { a = \"c\", d = \"e\" }"),
    row("annotations", SELECTOR, "annotations = { a = \"b\" }", "annotations = { a = \"c\" }"),
    row(
        "server",
        SELECTOR,
        "server {\n port = 8443\n protocol = \"https\"\n hosts = [\"b.example.com\", \"*.b.example.com\"]\n namespaces = [\"*\"]\n tls {\n credential_name = \"b\"\n }\n}",
        "server {\n port = 8443\n protocol = \"https\"\n hosts = [\"b.example.com\"]\n namespaces = [\"shop\"]\n tls {\n mode = \"mutual\"\n credential_name = \"c\"\n min_version = \"1.2\"\n max_version = \"1.2\"\n cipher_suites = [\"ECDHE-RSA-AES256-GCM-SHA384\"]\n }\n}",
    ),
    row(
        "server",
        SELECTOR,
        "server {\n port = 81\n protocol = \"http\"\n hosts = [\"b.example.com\"]\n namespaces = [\"*\"]\n https_redirect = true\n}",
        "server {\n port = 15443\n target_port = 15444\n protocol = \"tls\"\n hosts = [\"*\"]\n namespaces = [\"*\"]\n tls {\n mode = \"auto_passthrough\"\n }\n}",
    ),
    row(
        "allow",
        ENFORCED,
        "allow {\n hosts = [\"a.example.com\"]\n methods = [\"GET\"]\n paths = [\"/a\"]\n end_user {\n issuer = \"https://login.example.com\"\n }\n}",
        "allow {\n from = [\"shop/cart\"]\n ports = [80]\n ip_blocks = [\"10.0.0.0/8\"]\n remote_ip_blocks = [\"192.0.2.0/24\"]\n}",
    ),
    row(
        "override",
        ENFORCED,
        "override {\n kind = \"AuthorizationPolicy\"\n patch = jsonencode({ spec = { rules = [{ to = [{ operation = { hosts = [\"b.example.com\"] } }] }] } })\n}",
        "override {\n kind = \"Gateway\"\n patch = jsonencode({ spec = { selector = { tier = \"edge\" } } })\n}",
    ),
];

const SELECTOR: &str = "selector = { app = \"x\" }";
const ENFORCED: &str = "selector = { app = \"x\" }\nauthorization_mode = \"enforce\"";

/// Arguments without an own field in any object, each with its test.
const TESTED_ELSEWHERE: &[(&str, &str)] = &[
    ("name", "gateway_is_created_corrected_imported_and_destroyed"),
    ("namespace", "gateway_is_created_corrected_imported_and_destroyed"),
    ("service_account", "golden::gateway, by the computed principal"),
    ("workload_namespace", "policy_is_in_the_namespace_of_the_workloads"),
    ("adopt_existing", "existing_gateway_is_adopted"),
    ("adopt_from_owner", "adoption.rs, by the same arguments of mesh_service"),
    ("timeouts", "provider_comparison.rs"),
];

#[test]
fn every_argument_has_a_row() {
    assert_covers_schema::<Gateway>(ROWS, TESTED_ELSEWHERE);
}

/// A gateway that always has one server, so that a row can add and remove another one.
fn gateway(n: usize, row: &Row, argument: &str) -> String {
    let context = if row.context.is_empty() && argument.is_empty() { SELECTOR } else { row.context };
    let server = "server {\nport = 80\nprotocol = \"http\"\nhosts = [\"a.example.com\"]\nnamespaces = [\"*\"]\n}";
    format!(
        "resource \"mesh_gateway\" \"s{n}\" {{\nname = \"s{n}\"\nnamespace = \"NAMESPACE\"\n{context}\n{server}\n{argument}\n}}"
    )
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn each_argument_is_created_changed_and_removed() {
    let namespace = control_plane().namespace("gateways");
    let workspace = workspace(Tool::Terraform, Grant::Platform, &namespace, "");
    // All gateways of the table have the same pods, so that the policy of one closes the others.
    let arguments = "config_path = \"kubeconfig\"\n  checks = { \"closed-gateway\" = \"off\" }";
    let configure = |hcl: &str| workspace.configure(&provider(&namespace, &namespace.name, arguments, hcl));
    check_arguments(ROWS, gateway, &workspace, &configure, &namespace.name, &expect_file!["gateways.txt"]);
    destroy_all(&workspace, &namespace);
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
    namespaces = ["*"]
    tls {
      credential_name = "shop"
    }
  }
}"#;

#[test]
#[ignore = "needs the servers of `make tools`"]
fn gateway_is_created_corrected_imported_and_destroyed() {
    let api = control_plane().api();
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("gateway");
        let workspace = workspace(tool, Grant::Platform, &namespace, PUBLIC);
        workspace.converge();
        let principal = &workspace.resources()[0].1["principal"];
        assert_eq!(*principal, json!(format!("cluster.local/ns/{}/sa/public", namespace.name)));

        let key: Key = format!("Gateway/{}/public", namespace.name).parse().expect("a key");
        api.patch(&key, &json!({ "spec": { "selector": { "app": "theirs" } } }));
        let plan = workspace.plan();
        assert!(plan.text.contains("Gateway was changed by kubectl-patch"), "{tool}: {}", plan.text);
        workspace.apply().expect_success();
        assert_eq!(api.get_existing(&key)["spec"]["selector"]["app"], "public");

        workspace.remove_from_state("mesh_gateway.public");
        let id = format!("{}/public", namespace.name);
        workspace.import("mesh_gateway.public", &id).expect_success();
        workspace.assert_empty_plan();
        destroy_all(&workspace, &namespace);
    }
}

/// The policy follows the workloads from one namespace to another, and an import finds it there.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn policy_is_in_the_namespace_of_the_workloads() {
    let (plane, api) = (control_plane(), control_plane().api());
    let [home, edge, other] = ["hosts", "edge", "other-edge"].map(|name| plane.namespace(name));
    let user = home.user(Grant::Platform);
    for namespace in [&edge, &other] {
        namespace.grant(&user, Grant::GatewayAccess);
    }
    let workspace = Workspace::new(Tool::Terraform);
    workspace.write_file("kubeconfig", &plane.kubeconfig(&user));
    let configure = |workloads: &str| {
        let arguments = format!("{workloads}\nauthorization_mode = \"enforce\"\nselector ");
        let hcl = PUBLIC.replace("selector ", &arguments);
        workspace.configure(&provider(&home, &home.name, "config_path = \"kubeconfig\"", &hcl));
    };
    let gateway = format!("Gateway/{}/public", home.name);
    let policy_in = |namespace: &str| format!("AuthorizationPolicy/{namespace}/public-{}", home.name);
    let assert_objects = |policy_namespace: &str| {
        let mut live: Vec<String> = [&home, &edge, &other].iter().flat_map(|it| api.objects(&it.name)).collect();
        live.sort();
        assert_eq!(live, [policy_in(policy_namespace), gateway.clone()]);
    };
    for namespace in [&home, &edge, &other] {
        configure(&format!("workload_namespace = \"{}\"", namespace.name));
        workspace.converge();
        assert_objects(&namespace.name);
        let principal = &workspace.resources()[0].1["principal"];
        assert_eq!(*principal, json!(format!("cluster.local/ns/{}/sa/public", namespace.name)));
    }
    workspace.remove_from_state("mesh_gateway.public");
    workspace.import("mesh_gateway.public", &format!("{}/public", home.name)).expect_success();
    workspace.converge();
    configure("");
    workspace.converge();
    assert_objects(&home.name);
    workspace.destroy().expect_success();
    for namespace in [&home, &edge, &other] {
        namespace.assert_empty();
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn existing_gateway_is_adopted() {
    let (namespace, api) = (control_plane().namespace("taken"), control_plane().api());
    let metadata = json!({ "name": "public", "namespace": namespace.name });
    let servers: Json = json!([{ "port": { "number": 80, "name": "http", "protocol": "HTTP" }, "hosts": ["*"] }]);
    let existing = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": metadata,
        "spec": { "selector": { "app": "old" }, "servers": servers },
    });
    api.apply(&existing, "helm");
    let workspace = workspace(Tool::Terraform, Grant::Platform, &namespace, PUBLIC);
    let errors = workspace.try_plan().errors();
    assert!(errors.contains("Gateway exists already"), "{errors}");
    configure(
        &workspace,
        Grant::Platform,
        &namespace,
        &PUBLIC.replace("selector ", "adopt_existing = true\nselector "),
    );
    workspace.converge();
    workspace.destroy().expect_success();
}
