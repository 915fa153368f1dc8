//! Plans are correct although the provider's labels are removed, unusual objects of others exist, or the user may only
//! GET.

use serde_json::{Value as Json, json};
use terraform_provider_mesh::object::{Key, kind};

use crate::support::{
    control_plane::{Namespace, control_plane},
    proxy::Proxy,
    terraform::{Tool, Workspace},
    users::Grant,
};

use super::{many_carts, workspace};

/// More services than the provider reads one by one.
const SERVICES: usize = 12;

/// A workspace in which so many services are applied.
fn applied() -> (Namespace, Workspace) {
    let namespace = control_plane().namespace("reads");
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, &many_carts(SERVICES));
    workspace.apply().expect_success();
    (namespace, workspace)
}

fn rule_key(namespace: &Namespace, service: usize) -> Key {
    Key::new(&kind::DESTINATION_RULE, &namespace.name, &format!("cart-{service}-{}", namespace.name))
}

/// Checks that a plan is empty, that it then contains exactly the changes of another client, and that it is empty after
/// an apply. Destroys everything at the end.
fn assert_plans_are_correct(namespace: &Namespace, workspace: &Workspace) {
    workspace.assert_empty_plan();
    let api = control_plane().api();
    api.delete(&rule_key(namespace, 7));
    api.patch(&rule_key(namespace, 3), &json!({ "spec": { "exportTo": ["shop"] } }));
    let plan = workspace.plan();
    assert!(plan.text.contains("0 to add, 2 to change, 0 to destroy"), "{}", plan.text);
    workspace.converge();
    workspace.destroy().expect_success();
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn removed_labels_and_annotations_do_not_disturb_plans() {
    let (namespace, workspace) = applied();
    for service in 0..SERVICES {
        let removal = json!({ "metadata": { "labels": null, "annotations": null } });
        control_plane().api().patch(&rule_key(&namespace, service), &removal);
    }
    assert_plans_are_correct(&namespace, &workspace);
    namespace.assert_empty();
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn unusual_objects_of_others_do_not_disturb_plans() {
    let (namespace, workspace) = applied();
    let api = control_plane().api();
    // One without managedFields, one with the provider's label, and one with a long annotation.
    let objects: [(&str, Json); 3] = [
        ("empty", json!({ "metadata": { "managedFields": [{}] } })),
        ("marked", json!({ "metadata": { "labels": { "terraform-provider-mesh/managed": "true" } } })),
        ("long", json!({ "metadata": { "annotations": { "text": "x".repeat(200_000) } } })),
    ];
    for (name, change) in &objects {
        let key = Key::new(&kind::DESTINATION_RULE, &namespace.name, name);
        let body = json!({
            "apiVersion": key.kind.api_version(), "kind": key.kind.kind,
            "metadata": { "name": key.name, "namespace": namespace.name }, "spec": { "host": "other" },
        });
        api.apply(&body, "tests");
        api.patch(&key, change);
    }
    assert_plans_are_correct(&namespace, &workspace);
    assert_eq!(api.objects(&namespace.name).len(), objects.len(), "the objects of others are left alone");
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn plans_work_without_the_right_to_list() {
    let (namespace, workspace) = applied();
    let (api, user) = (control_plane().api(), namespace.user(Grant::AppTeam));
    let mut role = Grant::AppTeam.manifests(&namespace.name, &json!({})).remove(0);
    for rule in role["rules"].as_array_mut().expect("a list") {
        rule["verbs"] = json!(["get", "create", "patch", "delete"]);
    }
    api.apply(&role, "tests");
    let proxy = Proxy::start(control_plane());
    workspace.write_file("kubeconfig", &proxy.kubeconfig(&user));
    assert_plans_are_correct(&namespace, &workspace);
    let lists =
        proxy.requests().iter().filter(|request| request.method == "GET" && request.query.contains("limit=")).count();
    assert!(lists > 0, "the provider tried to list");
}
