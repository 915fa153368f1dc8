//! Replacement, in each form in which Terraform has it: no live object that stays wanted is ever deleted, and nothing is
//! left over. The API server is watched: an object that survives keeps its uid.

use std::collections::BTreeMap;

use crate::support::{
    control_plane::{Namespace, control_plane},
    proxy::Proxy,
    terraform::{Tool, Workspace},
    users::Grant,
};

use super::{CART, configure, workspace};

/// A service that is made, through a proxy that counts.
struct Made {
    namespace: Namespace,
    workspace: Workspace,
    proxy: Proxy,
    uids: BTreeMap<String, String>,
}

fn made(tool: Tool, hcl: &str) -> Made {
    let namespace = control_plane().namespace("replaced");
    let proxy = Proxy::start(control_plane());
    let workspace = workspace(tool, Grant::AppTeam, &namespace, hcl);
    workspace.write_file("kubeconfig", &proxy.kubeconfig(&namespace.user(Grant::AppTeam)));
    workspace.apply().expect_success();
    proxy.reset();
    let uids = uids(&namespace);
    Made { namespace, workspace, proxy, uids }
}

fn uids(namespace: &Namespace) -> BTreeMap<String, String> {
    let api = control_plane().api();
    let uid = |key: &String| api.get(&key.parse().unwrap()).unwrap()["metadata"]["uid"].as_str().unwrap().to_owned();
    api.objects(&namespace.name).iter().map(|key| (key.clone(), uid(key))).collect()
}

impl Made {
    fn deletes(&self) -> Vec<String> {
        self.proxy.requests().iter().filter(|request| request.method == "DELETE").map(ToString::to_string).collect()
    }

    /// Nothing was deleted, nothing is left to do, and a destroy leaves nothing.
    fn lives_on(self) {
        assert_eq!(self.deletes(), Vec::<String>::new());
        assert_eq!(uids(&self.namespace), self.uids);
        self.workspace.assert_empty_plan();
        self.workspace.destroy().expect_success();
        assert_eq!(control_plane().api().objects(&self.namespace.name), Vec::<String>::new());
    }
}

const AUTO: [&str; 3] = ["-input=false", "-no-color", "-auto-approve"];

#[test]
#[ignore = "needs the servers of `make tools`"]
fn replaced_on_demand() {
    for tool in Tool::ALL {
        let made = made(tool, CART);
        let replace = ["apply", AUTO[0], AUTO[1], AUTO[2], "-replace=mesh_service.cart"];
        let run = made.workspace.run(&replace).expect_success();
        assert!(run.stdout.contains("1 added, 0 changed, 1 destroyed"), "{run}");
        made.lives_on();
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn tainted() {
    for tool in Tool::ALL {
        let made = made(tool, CART);
        made.workspace.run(&["taint", "mesh_service.cart"]).expect_success();
        made.workspace.apply().expect_success();
        made.lives_on();
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn tainted_by_a_create_that_failed_half_way() {
    let namespace = control_plane().namespace("half");
    let proxy = Proxy::start(control_plane());
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, CART);
    workspace.write_file("kubeconfig", &proxy.kubeconfig(&namespace.user(Grant::AppTeam)));
    proxy.forbid_writes_after(4);
    assert_ne!(workspace.apply().code, Some(0));
    proxy.reset();
    let before = uids(&namespace);
    assert_eq!(before.len(), 4);
    workspace.apply().expect_success();
    let after = uids(&namespace);
    assert!(before.iter().all(|(key, uid)| after.get(key) == Some(uid)), "{before:?} became {after:?}");
    assert!(proxy.requests().iter().all(|request| request.method != "DELETE"));
    workspace.assert_empty_plan();
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn replaced_by_a_trigger() {
    for tool in Tool::ALL {
        let with = |input: &str| {
            let trigger = format!("\nresource \"terraform_data\" \"trigger\" {{\n  input = \"{input}\"\n}}");
            let lifecycle = "  lifecycle {\n    replace_triggered_by = [terraform_data.trigger]\n  }\n}";
            format!("{}{lifecycle}{trigger}", CART.trim_end().strip_suffix('}').unwrap())
        };
        let made = made(tool, &with("1"));
        configure(&made.workspace, Grant::AppTeam, &made.namespace, &with("2"));
        let run = made.workspace.apply().expect_success();
        assert!(run.stdout.contains("1 destroyed"), "{run}");
        made.lives_on();
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn created_before_destroyed() {
    for tool in Tool::ALL {
        let lifecycle = "  lifecycle {\n    create_before_destroy = true\n  }\n}";
        let made = made(tool, &format!("{}{lifecycle}", CART.trim_end().strip_suffix('}').unwrap()));
        let replace = ["apply", AUTO[0], AUTO[1], AUTO[2], "-replace=mesh_service.cart"];
        made.workspace.run(&replace).expect_success();
        made.lives_on();
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn what_a_replacement_wants_no_more_goes() {
    let made = made(Tool::Terraform, CART);
    made.workspace.run(&["taint", "mesh_service.cart"]).expect_success();
    let without_calls = CART.replace("  calls     = [\"catalog\"]\n", "");
    assert_ne!(without_calls, CART);
    configure(&made.workspace, Grant::AppTeam, &made.namespace, &without_calls);
    made.workspace.apply().expect_success();
    let left = uids(&made.namespace);
    assert!(!left.keys().any(|key| key.starts_with("Sidecar/")), "{left:?}");
    assert_eq!(left.len(), made.uids.len() - 1);
    assert!(left.iter().all(|(key, uid)| made.uids.get(key) == Some(uid)));
    made.workspace.assert_empty_plan();
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn another_name_is_another_service() {
    for tool in Tool::ALL {
        let made = made(tool, CART);
        let renamed = CART.replace("name      = \"cart\"", "name      = \"basket\"");
        configure(&made.workspace, Grant::AppTeam, &made.namespace, &renamed);
        made.workspace.apply().expect_success();
        let left = uids(&made.namespace);
        assert!(left.keys().all(|key| key.contains("basket")), "{left:?}");
        assert_eq!(left.len(), made.uids.len());
        made.workspace.assert_empty_plan();
        made.workspace.destroy().expect_success();
        assert_eq!(control_plane().api().objects(&made.namespace.name), Vec::<String>::new());
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_state_that_was_lost_is_found_again() {
    let made = made(Tool::Terraform, CART);
    std::fs::remove_file(made.workspace.path().join("terraform.tfstate")).unwrap();
    let without_calls = CART.replace("  calls     = [\"catalog\"]\n", "");
    configure(&made.workspace, Grant::AppTeam, &made.namespace, &without_calls);
    made.workspace.apply().expect_success();
    let left = uids(&made.namespace);
    assert!(!left.keys().any(|key| key.starts_with("Sidecar/")), "left over: {left:?}");
    assert!(left.iter().all(|(key, uid)| made.uids.get(key) == Some(uid)));
    made.workspace.assert_empty_plan();
    made.workspace.destroy().expect_success();
    assert_eq!(control_plane().api().objects(&made.namespace.name), Vec::<String>::new());
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_new_address_asks_for_a_moved_block() {
    for tool in Tool::ALL {
        let made = made(tool, CART);
        let renamed = CART.replace("\"mesh_service\" \"cart\"", "\"mesh_service\" \"basket\"");
        configure(&made.workspace, Grant::AppTeam, &made.namespace, &renamed);
        let told = made.workspace.try_plan().errors();
        assert!(told.contains("changes its address") && told.contains("moved {"), "{told}");
        let moved = "\nmoved {\n  from = mesh_service.cart\n  to   = mesh_service.basket\n}";
        configure(&made.workspace, Grant::AppTeam, &made.namespace, &format!("{renamed}{moved}"));
        made.workspace.apply().expect_success();
        made.lives_on();
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn the_same_service_twice_is_refused() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("twice");
        let again = CART.replace("\"mesh_service\" \"cart\"", "\"mesh_service\" \"again\"");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, &format!("{CART}{again}"));
        let told = workspace.try_plan().errors();
        assert!(told.contains("is declared twice"), "{told}");
        assert_eq!(control_plane().api().objects(&namespace.name), Vec::<String>::new());
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_replacement_that_fails_before_its_first_write_loses_nothing() {
    for tool in Tool::ALL {
        let made = made(tool, CART);
        made.workspace.run(&["taint", "mesh_service.cart"]).expect_success();
        made.proxy.forbid_writes_after(0);
        assert_ne!(made.workspace.apply().code, Some(0));
        let recorded = made.workspace.resources();
        let objects = recorded[0].1["objects"].as_object().unwrap().len();
        assert_eq!(objects, made.uids.len(), "{recorded:?}");
        made.proxy.reset();
        made.workspace.apply().expect_success();
        made.lives_on();
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_failed_create_before_destroy_is_finished_by_the_next_apply() {
    for tool in Tool::ALL {
        let lifecycle = "  lifecycle {\n    create_before_destroy = true\n  }\n}";
        let made = made(tool, &format!("{}{lifecycle}", CART.trim_end().strip_suffix('}').unwrap()));
        // Some of the objects are the new life's, the others still the deposed one's.
        made.proxy.forbid_writes_after(2);
        let replace = ["apply", AUTO[0], AUTO[1], AUTO[2], "-replace=mesh_service.cart"];
        assert_ne!(made.workspace.run(&replace).code, Some(0));
        made.proxy.reset();
        made.workspace.apply().expect_success();
        made.lives_on();
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn what_was_handed_over_and_never_taken_is_destroyed_with_the_resource() {
    for tool in Tool::ALL {
        let made = made(tool, CART);
        made.workspace.run(&["taint", "mesh_service.cart"]).expect_success();
        made.proxy.forbid_writes_after(0);
        assert_ne!(made.workspace.apply().code, Some(0));
        made.proxy.reset();
        made.workspace.destroy().expect_success();
        assert_eq!(control_plane().api().objects(&made.namespace.name), Vec::<String>::new());
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_failed_create_before_destroy_is_destroyed_whole() {
    for tool in Tool::ALL {
        let lifecycle = "  lifecycle {\n    create_before_destroy = true\n  }\n}";
        let made = made(tool, &format!("{}{lifecycle}", CART.trim_end().strip_suffix('}').unwrap()));
        made.proxy.forbid_writes_after(2);
        let replace = ["apply", AUTO[0], AUTO[1], AUTO[2], "-replace=mesh_service.cart"];
        assert_ne!(made.workspace.run(&replace).code, Some(0));
        made.proxy.reset();
        made.workspace.destroy().expect_success();
        assert_eq!(control_plane().api().objects(&made.namespace.name), Vec::<String>::new(), "{tool}");
    }
}
