//! Applies whose provider is killed in the middle, alone or together with Terraform: the state lacks what they wrote, or what the
//! provider had recorded. The next run goes by the objects' annotations.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::Relaxed},
};

use serde_json::Value as Json;
use terraform_provider_mesh::object::{FieldOwnership, Key};

use crate::support::{
    control_plane::{Namespace, control_plane},
    polling::wait_until,
    proxy::{Fault, Moment, Proxy, RecordedRequest},
    terraform::{Tool, Workspace, children, kill, wait_for_exit},
    users::Grant,
};

use super::{APPLY, CART, CREATE_BEFORE_DESTROY, cart_with, configure, destroy_all, hand_made, workspace_with_proxy};

/// Runs a command, and kills its provider once the server has done the write number `write`, counted from 0. `with_terraform`:
/// Terraform is killed before it.
fn kill_after_write(workspace: &Workspace, proxy: &Proxy, arguments: &[&str], write: usize, with_terraform: bool) {
    let terraform = Arc::new(AtomicU32::new(0));
    let process = terraform.clone();
    let action = move |_: &RecordedRequest| {
        wait_until(std::time::Duration::from_secs(10), "the process", || process.load(Relaxed) != 0);
        let process = process.load(Relaxed);
        let providers = children(process);
        if with_terraform {
            kill(process);
        }
        providers.into_iter().for_each(kill);
    };
    let is_write = RecordedRequest::is_write;
    proxy.inject_action(write, Some(Fault::DropResponse), (Moment::BeforeResponse, Arc::new(action)), is_write);
    let child = workspace.spawn(arguments);
    terraform.store(child.id(), Relaxed);
    let run = wait_for_exit(child);
    assert_ne!(run.code, Some(0), "{run}");
    proxy.reset();
    let _ = std::fs::remove_file(workspace.path().join(".terraform.tfstate.lock.info"));
}

/// The private data of the only instance in the state; null where there is none.
fn private_data(workspace: &Workspace) -> Json {
    let state: Json = serde_json::from_str(&workspace.read_file("terraform.tfstate")).expect("JSON");
    state["resources"][0]["instances"][0]["private"].clone()
}

/// A service that is applied already.
fn applied(tool: Tool, hcl: &str) -> (Namespace, Workspace, Proxy) {
    let namespace = control_plane().namespace("killed");
    let (workspace, proxy) = workspace_with_proxy(tool, Grant::AppTeam, &namespace, hcl);
    workspace.apply().expect_success();
    proxy.reset();
    (namespace, workspace, proxy)
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn create_before_destroy_that_was_killed_can_be_destroyed() {
    let hcl = cart_with(CREATE_BEFORE_DESTROY);
    let replace = [&APPLY[..], &["-replace=mesh_service.cart"]].concat();
    for tool in Tool::ALL {
        // The last of the six writes, too, after which all objects belong to an instance that is in no state.
        for (write, with_terraform) in [(1, false), (2, true), (5, true)] {
            let (namespace, workspace, proxy) = applied(tool, &hcl);
            kill_after_write(&workspace, &proxy, &replace, write, with_terraform);
            destroy_all(&workspace, &namespace);
        }
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn update_after_create_before_destroy_that_was_killed_deletes_what_it_drops() {
    let hcl = cart_with(CREATE_BEFORE_DESTROY);
    let replace = [&APPLY[..], &["-replace=mesh_service.cart"]].concat();
    let (namespace, workspace, proxy) = applied(Tool::Terraform, &hcl);
    kill_after_write(&workspace, &proxy, &replace, 5, true);
    configure(&workspace, Grant::AppTeam, &namespace, &hcl.replace("  calls     = [\"catalog\"]\n", ""));
    workspace.converge();
    let live = control_plane().api().objects(&namespace.name);
    assert!(!live.iter().any(|key| key.starts_with("Sidecar/")), "{live:?}");
    destroy_all(&workspace, &namespace);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn update_whose_provider_was_killed_keeps_its_record() {
    for tool in Tool::ALL {
        let (namespace, workspace, proxy) = applied(tool, CART);
        let changed =
            CART.replace("port {", "resiliency = \"high\"\n  port {").replace("\"web\"", "\"web\", \"shop/web\"");
        configure(&workspace, Grant::AppTeam, &namespace, &changed);
        kill_after_write(&workspace, &proxy, &APPLY, 0, false);
        assert_eq!(private_data(&workspace), Json::Null, "core keeps the private data of the answer, which never came");
        configure(&workspace, Grant::AppTeam, &namespace, &changed.replace("  calls     = [\"catalog\"]\n", ""));
        workspace.converge();
        let live = control_plane().api().objects(&namespace.name);
        assert!(!live.iter().any(|key| key.starts_with("Sidecar/")), "{tool}: {live:?}");
        destroy_all(&workspace, &namespace);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn objects_of_an_update_that_was_killed_are_destroyed() {
    for (tool, with_terraform) in [(Tool::Terraform, true), (Tool::Tofu, false)] {
        let (namespace, workspace, proxy) = applied(tool, CART);
        let renamed = CART.replace("  name      = \"cart\"\n", "  name      = \"cart\"\n  object_name = \"basket\"\n");
        configure(&workspace, Grant::AppTeam, &namespace, &renamed);
        kill_after_write(&workspace, &proxy, &APPLY, 1, with_terraform);
        let live = control_plane().api().objects(&namespace.name);
        assert!(live.iter().any(|key| key.ends_with("/basket")), "the update has begun: {live:?}");
        destroy_all(&workspace, &namespace);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn adopted_objects_are_released_although_their_first_apply_failed_or_was_killed() {
    let api = control_plane().api();
    let hcl = cart_with("  adopt_existing = true");
    for is_killed in [false, true] {
        let namespace = control_plane().namespace("adopted");
        let objects = hand_made(Grant::AppTeam, &namespace, CART, "helm");
        let uid = |key: &Key| api.get(key).map(|live| live["metadata"]["uid"].clone());
        let before: Vec<_> = objects.keys().map(uid).collect();
        let (workspace, proxy) = workspace_with_proxy(Tool::Terraform, Grant::AppTeam, &namespace, &hcl);
        if is_killed {
            kill_after_write(&workspace, &proxy, &APPLY, 5, true);
        } else {
            proxy.forbid_writes_after(5);
            assert_ne!(workspace.apply().code, Some(0));
            proxy.reset();
        }
        workspace.converge();
        workspace.destroy().expect_success();
        for (key, before) in objects.keys().zip(before) {
            let is_released = key.kind.field_ownership == FieldOwnership::Shared;
            assert_eq!(uid(key), before.filter(|_| is_released), "{key}, killed: {is_killed}");
        }
    }
}
