//! Plans stay right where reading is not as usual: labels gone, odd neighbours, rights to GET alone.

use serde_json::{Value as Json, json};
use terraform_provider_mesh::object::{Key, kind};

use crate::support::{
    control_plane::{Namespace, control_plane},
    proxy::Proxy,
    terraform::{Tool, Workspace},
    users::Grant,
};

use super::{many, workspace};

/// More services than are read one by one.
const SERVICES: usize = 12;

/// That many, applied.
fn made() -> (Namespace, Workspace) {
    let namespace = control_plane().namespace("reads");
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, &many(SERVICES));
    workspace.apply().expect_success();
    (namespace, workspace)
}

fn rule(namespace: &Namespace, service: usize) -> Key {
    Key::new(&kind::DESTINATION_RULE, &namespace.name, &format!("cart-{service}-{}", namespace.name))
}

/// Nothing is to be done; then, of what changes, that alone; then nothing again, and nothing is left.
fn sees_right(namespace: &Namespace, workspace: &Workspace) {
    workspace.assert_empty_plan();
    let api = control_plane().api();
    api.delete(&rule(namespace, 7));
    api.patch(&rule(namespace, 3), &json!({ "spec": { "exportTo": ["*"] } }));
    let plan = workspace.plan();
    assert!(plan.text.contains("0 to add, 2 to change, 0 to destroy"), "{}", plan.text);
    workspace.converge();
    workspace.destroy().expect_success();
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn stamps_that_somebody_removed() {
    let (namespace, workspace) = made();
    for service in 0..SERVICES {
        let gone = json!({ "metadata": { "labels": null, "annotations": null } });
        control_plane().api().patch(&rule(&namespace, service), &gone);
    }
    sees_right(&namespace, &workspace);
    assert_eq!(control_plane().api().objects(&namespace.name), Vec::<String>::new());
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn odd_neighbours() {
    let (namespace, workspace) = made();
    let api = control_plane().api();
    // Nothing in it, and nobody's; fields that no version has; many pages of text.
    let odd: [(&str, Json); 3] = [
        ("empty", json!({ "metadata": { "managedFields": [{}] } })),
        ("marked", json!({ "metadata": { "labels": { "terraform-provider-mesh/managed": "true" } } })),
        ("long", json!({ "metadata": { "annotations": { "text": "x".repeat(200_000) } } })),
    ];
    for (name, change) in &odd {
        let key = Key::new(&kind::DESTINATION_RULE, &namespace.name, name);
        let body = json!({
            "apiVersion": key.kind.api_version(), "kind": key.kind.kind,
            "metadata": { "name": key.name, "namespace": namespace.name }, "spec": { "host": "odd" },
        });
        api.apply(&body, "tests");
        api.patch(&key, change);
    }
    sees_right(&namespace, &workspace);
    assert_eq!(api.objects(&namespace.name).len(), odd.len(), "the neighbours are left as they are");
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn the_right_to_get_alone() {
    let (namespace, workspace) = made();
    let (api, user) = (control_plane().api(), namespace.user(Grant::AppTeam));
    let mut role = Grant::AppTeam.manifests(&namespace.name, &json!({})).remove(0);
    for rule in role["rules"].as_array_mut().expect("a list") {
        rule["verbs"] = json!(["get", "create", "patch", "delete"]);
    }
    api.apply(&role, "tests");
    let proxy = Proxy::start(control_plane());
    workspace.write_file("kubeconfig", &proxy.kubeconfig(&user));
    sees_right(&namespace, &workspace);
    let lists =
        proxy.requests().iter().filter(|request| request.method == "GET" && request.query.contains("limit=")).count();
    assert!(lists > 0, "lists were tried");
}
