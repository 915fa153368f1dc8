//! Shared kinds: a field that another manager has set to another value is an error of the plan that says what, who and what
//! to do, unless the provider block says that it is taken.

use serde_json::json;
use terraform_provider_mesh::object::{Key, kind};

use crate::support::{
    control_plane::{Namespace, control_plane},
    terraform::Tool,
    users::Grant,
};

use super::{CART, provider, workspace};

fn selector(namespace: &Namespace) -> serde_json::Value {
    let key = Key::new(&kind::SERVICE, &namespace.name, "cart");
    control_plane().api().get(&key).expect("it is there")["spec"]["selector"].clone()
}

/// Another manager applies the Service's selector as `app`.
fn claim(namespace: &Namespace, app: &str) {
    let theirs = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "cart", "namespace": namespace.name },
        "spec": { "selector": { "app": app } },
    });
    control_plane().api().apply(&theirs, "argocd-controller");
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_field_of_somebody_else_is_refused_at_plan_and_taken_on_demand() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("conflict");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        workspace.apply().expect_success();
        claim(&namespace, "theirs");
        for told in [workspace.try_plan().errors(), workspace.apply().errors()] {
            let service = format!("Service {}/cart", namespace.name);
            for word in [&service, ".spec.selector", "argocd-controller", "force_conflicts = true"] {
                assert!(told.contains(word), "{tool}: {word:?} is not in: {told}");
            }
        }
        assert_eq!(selector(&namespace), json!({ "app": "theirs" }));

        let force = "config_path = \"kubeconfig\"\n  force_conflicts = true";
        workspace.configure(&provider(&namespace, "istio-system", force, CART));
        let plan = workspace.plan();
        assert!(plan.text.contains(r#"~ app = "theirs" -> "cart""#), "{tool}: {}", plan.text);
        workspace.apply().expect_success();
        assert_eq!(selector(&namespace), json!({ "app": "cart" }));
        assert!(workspace.plan().is_empty, "{tool}");
        workspace.destroy().expect_success();
    }
}

/// Two managers who say the same don't conflict, until one of them changes its mind.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_field_that_both_have_is_a_conflict_once_it_changes() {
    let namespace = control_plane().namespace("both");
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, CART);
    workspace.apply().expect_success();
    claim(&namespace, "cart");
    workspace.assert_empty_plan();
    let moved = CART.replace("service   = \"managed\"", "service   = \"managed\"\n  selector  = { app = \"basket\" }");
    super::configure(&workspace, Grant::AppTeam, &namespace, &moved);
    let told = workspace.try_plan().errors();
    for word in [".spec.selector", "argocd-controller", "force_conflicts = true"] {
        assert!(told.contains(word), "{word:?} is not in: {told}");
    }
    assert_eq!(selector(&namespace), json!({ "app": "cart" }));
}
