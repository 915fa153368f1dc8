//! Users with fewer rights: a read-only user can plan, and errors name the missing right.

use crate::support::{
    control_plane::control_plane,
    terraform::Tool,
    users::Grant::{AppTeam, Plan, Platform},
};

use super::{CART, cart_key, created_part, workspace};

#[test]
#[ignore = "needs the servers of `make tools`"]
fn read_only_user_gets_the_same_plan() {
    let namespace = control_plane().namespace("reader");
    for tool in Tool::ALL {
        let reader = workspace(tool, Plan, &namespace, CART);
        let (plan, writer) = (reader.plan(), workspace(tool, AppTeam, &namespace, CART).plan());
        assert_eq!(created_part(&plan.text, "Plan: 1 to add"), created_part(&writer.text, "Plan: 1 to add"));
        assert_eq!(plan.text.matches("Planned without the server's validation").count(), 1, "{}", plan.text);
        let errors = reader.apply().errors();
        assert!(errors.contains("patch"), "{errors}");
        namespace.assert_empty();
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn read_only_user_sees_drift() {
    let namespace = control_plane().namespace("watcher");
    let writer = workspace(Tool::Terraform, AppTeam, &namespace, CART);
    writer.apply().expect_success();
    let reader = workspace(Tool::Terraform, Plan, &namespace, CART);
    let state = writer.read_file("terraform.tfstate");
    reader.write_file("terraform.tfstate", &state);
    reader.assert_empty_plan();
    let key = cart_key(&namespace, "VirtualService");
    control_plane().api().patch(&key, &serde_json::json!({ "spec": { "exportTo": ["shop"] } }));
    let plan = reader.plan();
    assert!(plan.text.contains("VirtualService was changed by kubectl-patch"), "{}", plan.text);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn team_cannot_write_another_namespace() {
    let (own, other) = (control_plane().namespace("own"), control_plane().namespace("other"));
    let workspace = workspace(Tool::Terraform, AppTeam, &own, &CART.replace("NAMESPACE", &other.name));
    let errors = workspace.apply().errors();
    assert!(errors.contains("forbidden") || errors.contains("may not"), "{errors}");
    other.assert_empty();
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn app_team_cannot_write_global_defaults() {
    let (team, root) = (control_plane().namespace("team"), control_plane().namespace("root"));
    let defaults = "resource \"mesh_global_defaults\" \"this\" {\n  mtls {}\n}";
    let workspace = workspace(Tool::Terraform, AppTeam, &team, defaults);
    workspace.configure(&super::provider(&team, &root.name, r#"config_path = "kubeconfig""#, defaults));
    workspace.apply().errors();
    workspace.write_file("kubeconfig", &control_plane().kubeconfig(&root.user(Platform)));
    workspace.apply().expect_success();
    assert_eq!(control_plane().api().objects(&root.name), [format!("PeerAuthentication/{}/default", root.name)]);
    workspace.destroy().expect_success();
}
