//! Objects of shared kinds: a field that another manager has set to another value is a plan error, which names the
//! field, the manager and `force_conflicts`, with which the provider takes the field.

use serde_json::json;
use terraform_provider_mesh::object::{Key, kind};

use crate::support::{
    assertions::assert_contains_all,
    control_plane::{Namespace, control_plane},
    terraform::Tool,
    users::Grant,
};

use super::{CART, provider, workspace};

fn selector(namespace: &Namespace) -> serde_json::Value {
    let key = Key::new(&kind::SERVICE, &namespace.name, "cart");
    control_plane().api().get_existing(&key)["spec"]["selector"].clone()
}

/// Applies a selector of the Service as another field manager.
fn apply_selector_as_other_manager(namespace: &Namespace, app: &str) {
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "cart", "namespace": namespace.name },
        "spec": { "selector": { "app": app } },
    });
    control_plane().api().apply(&service, "argocd-controller");
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn field_of_another_manager_is_a_plan_error_unless_forced() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("conflict");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        workspace.apply().expect_success();
        apply_selector_as_other_manager(&namespace, "theirs");
        for errors in [workspace.try_plan().errors(), workspace.apply().errors()] {
            let service = format!("Service {}/cart", namespace.name);
            assert_contains_all(
                tool,
                &errors,
                [&service, ".spec.selector", "argocd-controller", "force_conflicts = true"],
            );
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

/// Two managers that set the same value conflict only when one of them changes it.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn shared_field_conflicts_once_its_value_changes() {
    let namespace = control_plane().namespace("both");
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, CART);
    workspace.apply().expect_success();
    apply_selector_as_other_manager(&namespace, "cart");
    workspace.assert_empty_plan();
    let moved = CART.replace("service   = \"managed\"", "service   = \"managed\"\n  selector  = { app = \"basket\" }");
    super::configure(&workspace, Grant::AppTeam, &namespace, &moved);
    let errors = workspace.try_plan().errors();
    assert_contains_all("plan", &errors, [".spec.selector", "argocd-controller", "force_conflicts = true"]);
    assert_eq!(selector(&namespace), json!({ "app": "cart" }));
}
