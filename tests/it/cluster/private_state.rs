//! The private data of the state: the identity of the cluster, and what the provider has written.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value as Json, json};

use crate::support::{
    assertions::assert_contains_all,
    control_plane::control_plane,
    terraform::{Tool, Workspace},
    users::Grant,
};

use super::{CART, destroy_all, replacement::REPLACE, workspace};

/// Changes the private data of the only resource in the state. A `change` to `None` removes it.
fn edit_private_data(workspace: &Workspace, change: impl FnOnce(Json) -> Option<Json>) {
    let path = workspace.path().join("terraform.tfstate");
    let mut state: Json = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let instance = &mut state["resources"][0]["instances"][0];
    let private = STANDARD.decode(instance["private"].as_str().unwrap()).unwrap();
    let changed = change(serde_json::from_slice(&private).unwrap());
    instance["private"] = changed.map_or(Json::Null, |private| json!(STANDARD.encode(private.to_string())));
    std::fs::write(path, state.to_string()).unwrap();
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn state_of_another_cluster_is_an_error() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("elsewhere");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        workspace.apply().expect_success();
        edit_private_data(&workspace, |mut private| {
            assert!(private["cluster"].is_string(), "{private}");
            private["cluster"] = json!("the-uid-of-another");
            Some(private)
        });
        for errors in [workspace.try_plan().errors(), workspace.destroy().errors()] {
            assert_contains_all(
                tool,
                &errors,
                ["Resource belongs to another cluster", "the-uid-of-another", "Check the connection arguments"],
            );
        }
        assert_eq!(control_plane().api().objects(&namespace.name).len(), 6);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn state_without_private_data_plans_and_destroys() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("surgery");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        workspace.apply().expect_success();
        edit_private_data(&workspace, |_| None);
        workspace.assert_empty_plan();
        destroy_all(&workspace, &namespace);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn resource_of_a_state_without_private_data_is_replaced() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("surgery");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        workspace.apply().expect_success();
        edit_private_data(&workspace, |_| None);
        workspace.run(&REPLACE).expect_success();
        assert_eq!(control_plane().api().objects(&namespace.name).len(), 6);
        workspace.assert_empty_plan();
        destroy_all(&workspace, &namespace);
    }
}
