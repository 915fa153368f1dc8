//! The probes of docs/guides/compared.md that no other test holds.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Child,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value as Json, json};
use terraform_provider_mesh::object::Key;

use crate::support::{
    control_plane::{Namespace, control_plane},
    proxy::{Fault, Proxy, RecordedRequest},
    terraform::{Tool, Workspace},
    users::Grant,
};

use super::{APPLY, CART, configure, many, provider, workspace};

fn key(namespace: &Namespace, kind: &str) -> Key {
    format!("{kind}/{0}/cart-{0}", namespace.name).parse().expect("a key")
}

/// (i-b)
#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_field_that_the_configuration_does_not_set_is_seen_and_removed() {
    let (api, namespace) = (control_plane().api(), control_plane().namespace("added"));
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, CART);
    workspace.apply().expect_success();
    let route = key(&namespace, "VirtualService");
    let before = api.get(&route).expect("it is there")["spec"].clone();
    let mut http = before["http"].clone();
    http[0]["fault"] = json!({ "abort": { "httpStatus": 503, "percentage": { "value": 100 } } });
    let changes: [(&str, Json); 2] = [
        ("+ gateways", json!({ "spec": { "gateways": ["istio-system/door"] } })),
        ("+ fault", json!({ "spec": { "http": http } })),
    ];
    for (shown, change) in changes {
        api.patch(&route, &change);
        let plan = workspace.plan();
        // What apply does is the plan's to show: the field goes.
        assert!(plan.text.contains(&shown.replace('+', "-")), "{shown}: {}", plan.text);
        assert!(plan.text.contains("VirtualService was changed by kubectl-patch"), "{shown}: {}", plan.text);
        workspace.apply().expect_success();
        assert_eq!(api.get(&route).expect("it is there")["spec"], before, "{shown}");
    }
    // What means nothing to the mesh is its author's.
    api.patch(&route, &json!({ "metadata": { "annotations": { "example.com/reviewed": "yes" } } }));
    workspace.assert_empty_plan();
    workspace.destroy().expect_success();
}

/// (ii)
#[test]
#[ignore = "needs the servers of `make tools`"]
fn another_manager_of_the_same_value_is_named_once_the_value_changes() {
    let (api, namespace) = (control_plane().api(), control_plane().namespace("shared"));
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, CART);
    workspace.apply().expect_success();
    let key = key(&namespace, "VirtualService");
    let live = api.get(&key).expect("it is there");
    let theirs = json!({
        "apiVersion": live["apiVersion"], "kind": live["kind"],
        "metadata": { "name": key.name, "namespace": key.namespace }, "spec": live["spec"],
    });
    api.apply(&theirs, "argocd-controller");
    workspace.assert_empty_plan();
    let high = CART.replace("service   = \"managed\"", "service = \"managed\"\n  resiliency = \"high\"");
    configure(&workspace, Grant::AppTeam, &namespace, &high);
    let plan = workspace.plan();
    assert!(plan.text.contains("set by argocd-controller. Apply takes this back"), "{}", plan.text);
    workspace.apply().expect_success();
    assert_eq!(api.get(&key).expect("it is there")["spec"]["http"][0]["timeout"], "5s");
    workspace.assert_empty_plan();
    workspace.destroy().expect_success();
}

/// (v): what is written in place of what, and the words of the error that `validate` gives, without a cluster.
const FAULTS: &[(&str, &str, &str)] = &[
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
fn faults_of_the_configuration_are_found_by_validate() {
    let namespace = control_plane().namespace("faults");
    for tool in Tool::ALL {
        let workspace = Workspace::new(tool);
        for (right, wrong, told) in FAULTS {
            let hcl = CART.replacen(right, wrong, 1);
            assert_ne!(hcl, CART);
            workspace.configure(&provider(&namespace, "istio-system", "", &hcl));
            let errors = workspace.run(&["validate", "-no-color"]).errors();
            assert!(errors.contains(told), "{tool}, {wrong}: {errors}");
        }
    }
}

/// The processes that `parent` started, and theirs, in /proc: each thread's children are the process's.
fn descendants(parent: &Path) -> Vec<PathBuf> {
    let threads = fs::read_dir(parent.join("task")).into_iter().flatten().flatten();
    let children = threads.map(|thread| fs::read_to_string(thread.path().join("children")).unwrap_or_default());
    let children: String = children.collect::<Vec<_>>().join(" ");
    let children = children.split_whitespace().map(|id| Path::new("/proc").join(id));
    children.flat_map(|child| [vec![child.clone()], descendants(&child)].concat()).collect()
}

/// SIGKILL, and the ends of the plugins that it started.
fn kill(mut terraform: Child) {
    let plugins = descendants(&Path::new("/proc").join(terraform.id().to_string()));
    assert!(!plugins.is_empty());
    terraform.kill().expect("it runs");
    terraform.wait().expect("it ends");
    let patience = Instant::now() + Duration::from_secs(10);
    while plugins.iter().any(|plugin| plugin.exists()) {
        assert!(Instant::now() < patience, "{plugins:?} live on");
        thread::sleep(Duration::from_millis(50));
    }
}

/// (vi)
#[test]
#[ignore = "needs the servers of `make tools`"]
fn an_apply_that_was_killed_is_finished_by_the_next_one() {
    let api = control_plane().api();
    for tool in Tool::ALL {
        for written in [1, 8, 15] {
            let namespace = control_plane().namespace("killed");
            let proxy = Proxy::start(control_plane());
            let workspace = workspace(tool, Grant::AppTeam, &namespace, &many(3));
            workspace.write_file("kubeconfig", &proxy.kubeconfig(&namespace.user(Grant::AppTeam)));
            proxy.inject_fault(written, usize::MAX, Fault::Delay(Duration::from_mins(5)), RecordedRequest::is_write);
            let apply = workspace.spawn(&APPLY);
            let patience = Instant::now() + Duration::from_mins(1);
            while proxy.writes().len() <= written {
                assert!(Instant::now() < patience, "the write never came");
                thread::sleep(Duration::from_millis(20));
            }
            // Those that pass may still be on their way.
            thread::sleep(Duration::from_millis(300));
            kill(apply);
            assert_eq!(api.objects(&namespace.name).len(), written, "{tool}");
            proxy.reset();
            workspace.apply().expect_success();
            assert!(workspace.plan().is_empty, "{tool}, {written}");
            assert!(proxy.requests().iter().all(|request| request.method != "DELETE"), "{tool}, {written}");
            workspace.destroy().expect_success();
            assert_eq!(api.objects(&namespace.name), Vec::<String>::new(), "{tool}, {written}");
        }
    }
}

/// (vii)
#[test]
#[ignore = "needs the servers of `make tools`"]
fn an_import_block_writes_a_configuration_that_changes_nothing() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("generated");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        workspace.apply().expect_success();
        workspace.run(&["state", "rm", "mesh_service.cart"]).expect_success();
        let import = "import {\n  to = mesh_service.cart\n  id = \"NAMESPACE/cart\"\n}";
        configure(&workspace, Grant::AppTeam, &namespace, import);
        let plan = ["plan", "-input=false", "-no-color", "-generate-config-out=generated.tf"];
        let run = workspace.run(&plan).expect_success();
        let sum = "1 to import, 0 to add, 0 to change, 0 to destroy";
        assert!(run.stdout.contains(sum), "{tool}: {run}");
        let run = workspace.apply().expect_success();
        assert!(run.stdout.contains("1 imported, 0 added, 0 changed, 0 destroyed"), "{tool}: {run}");
        assert!(workspace.plan().is_empty, "{tool}");
        workspace.destroy().expect_success();
        assert_eq!(control_plane().api().objects(&namespace.name), Vec::<String>::new());
    }
}
