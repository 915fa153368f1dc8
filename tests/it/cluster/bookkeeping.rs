//! What is remembered between runs, in the private data of the state: which cluster it was, and what was written.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value as Json, json};

use crate::support::{
    control_plane::control_plane,
    terraform::{Tool, Workspace},
    users::Grant,
};

use super::{CART, workspace};

/// Changes the private data of the one resource in the state; `None` removes it.
fn edit(workspace: &Workspace, change: impl FnOnce(Json) -> Option<Json>) {
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
fn a_state_of_another_cluster_is_not_read_as_all_gone() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("elsewhere");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        workspace.apply().expect_success();
        edit(&workspace, |mut private| {
            assert!(private["cluster"].is_string(), "{private}");
            private["cluster"] = json!("the-uid-of-another");
            Some(private)
        });
        for told in [workspace.try_plan().errors(), workspace.destroy().errors()] {
            for word in ["This is another cluster", "the-uid-of-another", "Check the connection arguments"] {
                assert!(told.contains(word), "{tool}: {word:?} is not in: {told}");
            }
        }
        assert_eq!(control_plane().api().objects(&namespace.name).len(), 6);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_state_without_private_data_still_plans_and_destroys() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("surgery");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        workspace.apply().expect_success();
        edit(&workspace, |_| None);
        workspace.assert_empty_plan();
        workspace.destroy().expect_success();
        assert_eq!(control_plane().api().objects(&namespace.name), Vec::<String>::new());
    }
}
