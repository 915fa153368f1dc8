//! Planned before there is what it needs: no cluster, no namespace.

use std::{thread, time::Duration};

use serde_json::json;

use crate::support::{
    control_plane::control_plane,
    terraform::{Tool, Workspace, wait_for_exit},
    users::Grant,
};

use super::{CART, provider, workspace};

/// The part of a plan that says what will be made.
fn planned(text: &str) -> &str {
    let (_, after) = text.split_once("will be created").expect("it would be made");
    after.split_once("Plan: 1 to add").expect("and nothing else").0
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_plan_without_the_cluster_is_the_same() {
    let namespace = control_plane().namespace("early");
    for tool in Tool::ALL {
        let offline = Workspace::new(tool);
        offline.configure(&provider(&namespace, "istio-system", r#"host = "https://127.0.0.1:1""#, CART));
        let (offline, online) = (offline.plan().text, workspace(tool, Grant::AppTeam, &namespace, CART).plan().text);
        assert_eq!(planned(&offline), planned(&online));
        assert_eq!(offline.matches("Planned without the cluster").count(), 1, "{offline}");
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_namespace_that_comes_in_time_is_waited_for() {
    let (api, namespace) = (control_plane().api(), control_plane().namespace("early"));
    let soon = format!("{}-soon", namespace.name);
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, &CART.replace("NAMESPACE", &soon));
    workspace.write_file("kubeconfig", &control_plane().kubeconfig(&control_plane().admin));
    let plan = workspace.plan().text;
    assert_eq!(plan.matches("Some checks wait until apply").count(), 1, "{plan}");
    let child = workspace.spawn(&["apply", "-input=false", "-no-color", "-auto-approve"]);
    thread::sleep(Duration::from_secs(5));
    api.apply(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": soon } }), "tests");
    wait_for_exit(child).expect_success();
    workspace.assert_empty_plan();
    assert_eq!(api.objects(&soon).len(), 6);
    workspace.destroy().expect_success();
}
