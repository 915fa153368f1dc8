//! The statements of docs/guides/compared.md about this provider that no other test covers. The numbers are those of
//! the page.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Child,
    time::Duration,
};

use serde_json::{Value as Json, json};

use crate::support::{
    control_plane::control_plane,
    polling::wait_until,
    proxy::{Fault, RecordedRequest},
    terraform::{Tool, Workspace},
    users::Grant,
};

use super::{APPLY, CART, cart_key, configure, destroy_all, many_carts, provider, workspace, workspace_with_proxy};

/// (i-b)
#[test]
#[ignore = "needs the servers of `make tools`"]
fn field_added_by_others_is_planned_and_removed() {
    let (api, namespace) = (control_plane().api(), control_plane().namespace("added"));
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, CART);
    workspace.apply().expect_success();
    let route = cart_key(&namespace, "VirtualService");
    let before = api.get_existing(&route)["spec"].clone();
    let mut http = before["http"].clone();
    http[0]["fault"] = json!({ "abort": { "httpStatus": 503, "percentage": { "value": 100 } } });
    let changes: [(&str, Json); 2] = [
        ("+ gateways", json!({ "spec": { "gateways": ["istio-system/gateway"] } })),
        ("+ fault", json!({ "spec": { "http": http } })),
    ];
    for (shown, change) in changes {
        api.patch(&route, &change);
        let plan = workspace.plan();
        // The plan shows that an apply removes the field.
        assert!(plan.text.contains(&shown.replace('+', "-")), "{shown}: {}", plan.text);
        assert!(plan.text.contains("VirtualService was changed by kubectl-patch"), "{shown}: {}", plan.text);
        workspace.apply().expect_success();
        assert_eq!(api.get_existing(&route)["spec"], before, "{shown}");
    }
    // An annotation without a meaning for the mesh is left alone.
    api.patch(&route, &json!({ "metadata": { "annotations": { "example.com/reviewed": "yes" } } }));
    workspace.assert_empty_plan();
    workspace.destroy().expect_success();
}

/// (ii)
#[test]
#[ignore = "needs the servers of `make tools`"]
fn other_manager_of_a_changed_value_is_named() {
    let (api, namespace) = (control_plane().api(), control_plane().namespace("shared"));
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, CART);
    workspace.apply().expect_success();
    let key = cart_key(&namespace, "VirtualService");
    let live = api.get_existing(&key);
    let same_object = json!({
        "apiVersion": live["apiVersion"], "kind": live["kind"],
        "metadata": { "name": key.name, "namespace": key.namespace }, "spec": live["spec"],
    });
    api.apply(&same_object, "argocd-controller");
    workspace.assert_empty_plan();
    let high = CART.replace("service   = \"managed\"", "service = \"managed\"\n  resiliency = \"high\"");
    configure(&workspace, Grant::AppTeam, &namespace, &high);
    let plan = workspace.plan();
    assert!(plan.text.contains("set by argocd-controller. Apply takes this back"), "{}", plan.text);
    workspace.apply().expect_success();
    assert_eq!(api.get_existing(&key)["spec"]["http"][0]["retries"]["attempts"], 3);
    workspace.assert_empty_plan();
    workspace.destroy().expect_success();
}

/// (v): a part of the configuration, its invalid replacement, and a part of the error of `validate`, which needs no
/// cluster.
const INVALID: &[(&str, &str, &str)] = &[
    ("calls     =", "calsl =", "Unsupported argument"),
    ("number   = 8080", "number = \"abc\"", "a number is required"),
    ("number   = 8080", "number = 99999", "Invalid port[0].number"),
    ("protocol = \"http\"", "protocol = \"htpp\"", "\"htpp\" isn't one of"),
    ("service   =", "request_timeout = \"abc\"\n  service =", "Invalid request_timeout"),
    ("service   =", "request_timeout = \"0.5ms\"\n  service =", "Invalid request_timeout"),
    ("name      = \"cart\"", "name = \"Cart\"", "Invalid name"),
];

#[test]
#[ignore = "needs the servers of `make tools`"]
fn validate_finds_invalid_arguments() {
    let namespace = control_plane().namespace("invalid");
    for tool in Tool::ALL {
        let workspace = Workspace::new(tool);
        for (valid, invalid, error) in INVALID {
            let hcl = CART.replacen(valid, invalid, 1);
            assert_ne!(hcl, CART);
            workspace.configure(&provider(&namespace, "istio-system", "", &hcl));
            let errors = workspace.run(&["validate", "-no-color"]).errors();
            assert!(errors.contains(error), "{tool}, {invalid}: {errors}");
        }
    }
}

/// All descendants of the process `parent`, a folder in /proc. A process's children are those of its threads.
fn descendants(parent: &Path) -> Vec<PathBuf> {
    let threads = fs::read_dir(parent.join("task")).into_iter().flatten().flatten();
    let children = threads.map(|thread| fs::read_to_string(thread.path().join("children")).unwrap_or_default());
    let children: String = children.collect::<Vec<_>>().join(" ");
    let children = children.split_whitespace().map(|id| Path::new("/proc").join(id));
    children.flat_map(|child| [vec![child.clone()], descendants(&child)].concat()).collect()
}

/// Kills Terraform with SIGKILL, and waits for the end of the plugins that it started.
fn kill(mut terraform: Child) {
    let plugins = descendants(&Path::new("/proc").join(terraform.id().to_string()));
    assert!(!plugins.is_empty());
    terraform.kill().expect("sending SIGKILL");
    terraform.wait().expect("waiting for the end");
    wait_until(Duration::from_mins(1), "all plugins end", || !plugins.iter().any(|plugin| plugin.exists()));
}

/// (vi)
#[test]
#[ignore = "needs the servers of `make tools`"]
fn killed_apply_is_completed_by_the_next_apply() {
    let api = control_plane().api();
    for tool in Tool::ALL {
        for written in [1, 8, 15] {
            let namespace = control_plane().namespace("killed");
            let (workspace, proxy) = workspace_with_proxy(tool, Grant::AppTeam, &namespace, &many_carts(3));
            proxy.inject_fault(written, usize::MAX, Fault::Delay(Duration::from_mins(5)), RecordedRequest::is_write);
            let apply = workspace.spawn(&APPLY);
            wait_until(Duration::from_mins(1), "the delayed write", || proxy.writes().len() > written);
            // The writes before it may still be running on the server.
            let count = || api.objects(&namespace.name).len();
            wait_until(Duration::from_secs(10), "the earlier writes succeed", || count() >= written);
            kill(apply);
            assert_eq!(api.objects(&namespace.name).len(), written, "{tool}");
            proxy.reset();
            workspace.apply().expect_success();
            assert!(workspace.plan().is_empty, "{tool}, {written}");
            assert!(proxy.requests().iter().all(|request| request.method != "DELETE"), "{tool}, {written}");
            destroy_all(&workspace, &namespace);
        }
    }
}

/// (vii)
#[test]
#[ignore = "needs the servers of `make tools`"]
fn generated_configuration_of_an_import_changes_nothing() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("generated");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        workspace.apply().expect_success();
        workspace.remove_from_state("mesh_service.cart");
        let import = "import {\n  to = mesh_service.cart\n  id = \"NAMESPACE/cart\"\n}";
        configure(&workspace, Grant::AppTeam, &namespace, import);
        let plan = ["plan", "-input=false", "-no-color", "-generate-config-out=generated.tf"];
        let run = workspace.run(&plan).expect_success();
        let sum = "1 to import, 0 to add, 0 to change, 0 to destroy";
        assert!(run.stdout.contains(sum), "{tool}: {run}");
        let run = workspace.apply().expect_success();
        assert!(run.stdout.contains("1 imported, 0 added, 0 changed, 0 destroyed"), "{tool}: {run}");
        assert!(workspace.plan().is_empty, "{tool}");
        destroy_all(&workspace, &namespace);
    }
}
