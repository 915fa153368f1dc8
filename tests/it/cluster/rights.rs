//! What users with fewer rights see: a plan that reads alone, and refusals that say what is missing.

use crate::support::{
    control_plane::control_plane,
    terraform::Tool,
    users::Grant::{AppTeam, Plan, Platform},
};

use super::{CART, workspace};

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_pipeline_that_only_reads_plans_the_same() {
    let namespace = control_plane().namespace("reader");
    for tool in Tool::ALL {
        let reader = workspace(tool, Plan, &namespace, CART);
        let (plan, writer) = (reader.plan(), workspace(tool, AppTeam, &namespace, CART).plan());
        let planned = |text: &str| {
            let (_, after) = text.split_once("will be created").expect("it would be made");
            after.split_once("Plan: 1 to add").expect("and nothing else").0.to_owned()
        };
        assert_eq!(planned(&plan.text), planned(&writer.text));
        assert_eq!(plan.text.matches("Planned without the server's validation").count(), 1, "{}", plan.text);
        let told = reader.apply().errors();
        assert!(told.contains("patch"), "{told}");
        assert_eq!(control_plane().api().objects(&namespace.name), Vec::<String>::new());
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn drift_is_seen_by_a_pipeline_that_only_reads() {
    let namespace = control_plane().namespace("watcher");
    let writer = workspace(Tool::Terraform, AppTeam, &namespace, CART);
    writer.apply().expect_success();
    let reader = workspace(Tool::Terraform, Plan, &namespace, CART);
    let state = std::fs::read_to_string(writer.path().join("terraform.tfstate")).expect("there is a state");
    reader.write_file("terraform.tfstate", &state);
    reader.assert_empty_plan();
    let key = format!("VirtualService/{0}/cart-{0}", namespace.name).parse().expect("a key");
    control_plane().api().patch(&key, &serde_json::json!({ "spec": { "exportTo": ["*"] } }));
    let plan = reader.plan();
    assert!(plan.text.contains("VirtualService was changed by kubectl-patch"), "{}", plan.text);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn one_team_cannot_touch_anothers_namespace() {
    let (ours, theirs) = (control_plane().namespace("ours"), control_plane().namespace("theirs"));
    let workspace = workspace(Tool::Terraform, AppTeam, &ours, &CART.replace("NAMESPACE", &theirs.name));
    let told = workspace.apply().errors();
    assert!(told.contains("forbidden") || told.contains("may not"), "{told}");
    assert_eq!(control_plane().api().objects(&theirs.name), Vec::<String>::new());
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn an_app_team_cannot_set_what_holds_for_the_mesh() {
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
