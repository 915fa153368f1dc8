//! Tests of the plugin protocol that need real objects and real hosts. The others are in tests/it/protocol.

use crate::support::{
    control_plane::{Namespace, control_plane},
    terraform::{Tool, Workspace},
    users::Grant,
};

use super::{CART, destroy_all, workspace};

/// A workspace in which [`CART`] is applied.
fn applied_cart(tool: Tool, namespace: &Namespace) -> Workspace {
    let workspace = workspace(tool, Grant::AppTeam, namespace, CART);
    workspace.apply().expect_success();
    workspace
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn import_is_followed_by_an_empty_plan() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("imported");
        let workspace = applied_cart(tool, &namespace);
        let before = workspace.resources();
        workspace.remove_from_state("mesh_service.cart");
        workspace.import("mesh_service.cart", &format!("{}/cart", namespace.name)).expect_success();
        assert_eq!(workspace.resources(), before, "{tool}");
        workspace.assert_empty_plan();
        destroy_all(&workspace, &namespace);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn renamed_address_changes_nothing() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("moved");
        let workspace = applied_cart(tool, &namespace);
        let main = workspace.read_file("main.tf");
        let moved = "moved {\n  from = mesh_service.cart\n  to   = mesh_service.basket\n}\n";
        workspace.write_file(
            "main.tf",
            &format!("{}{moved}", main.replace("\"mesh_service\" \"cart\"", "\"mesh_service\" \"basket\"")),
        );
        let plan = workspace.plan();
        assert!(plan.text.contains("0 to add, 0 to change, 0 to destroy"), "{tool}: {}", plan.text);
        workspace.converge();
        destroy_all(&workspace, &namespace);
    }
}

/// The hosts log messages about plugins that violate the protocol.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn hosts_log_no_protocol_violations() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("quiet");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART).env("TF_LOG", "trace");
        for run in [
            workspace.apply().expect_success(),
            workspace.apply().expect_success(),
            workspace.destroy().expect_success(),
        ] {
            let violations =
                ["unexpected data", "failed to exit gracefully", "produced an invalid", "legacy plugin SDK", "panic"];
            for violation in violations {
                assert!(!run.stderr.contains(violation), "{tool}: {violation:?} in {}", run.stderr);
            }
        }
        destroy_all(&workspace, &namespace);
    }
}
