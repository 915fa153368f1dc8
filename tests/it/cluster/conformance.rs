//! The protocol's cases that need real objects and real hosts (tests/it/protocol/mod.rs says where the others are).

use crate::support::{
    control_plane::{Namespace, control_plane},
    terraform::{Tool, Workspace},
    users::Grant,
};

use super::{CART, workspace};

/// A workspace with an applied [`CART`].
fn applied(tool: Tool, namespace: &Namespace) -> Workspace {
    let workspace = workspace(tool, Grant::AppTeam, namespace, CART);
    workspace.apply().expect_success();
    workspace
}

fn end(workspace: &Workspace, namespace: &Namespace) {
    workspace.destroy().expect_success();
    assert_eq!(control_plane().api().objects(&namespace.name), Vec::<String>::new());
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn case_57_an_import_is_an_empty_plan() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("imported");
        let workspace = applied(tool, &namespace);
        let before = workspace.resources();
        workspace.run(&["state", "rm", "mesh_service.cart"]).expect_success();
        workspace
            .run(&["import", "-input=false", "mesh_service.cart", &format!("{}/cart", namespace.name)])
            .expect_success();
        assert_eq!(workspace.resources(), before, "{tool}");
        workspace.assert_empty_plan();
        end(&workspace, &namespace);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn case_61_63_a_renamed_address_touches_nothing() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("moved");
        let workspace = applied(tool, &namespace);
        let main = std::fs::read_to_string(workspace.path().join("main.tf")).expect("it is there");
        let moved = "moved {\n  from = mesh_service.cart\n  to   = mesh_service.basket\n}\n";
        workspace.write_file(
            "main.tf",
            &format!("{}{moved}", main.replace("\"mesh_service\" \"cart\"", "\"mesh_service\" \"basket\"")),
        );
        let plan = workspace.plan();
        assert!(plan.text.contains("0 to add, 0 to change, 0 to destroy"), "{tool}: {}", plan.text);
        workspace.converge();
        end(&workspace, &namespace);
    }
}

/// What a host says of a plugin that doesn't keep to the protocol.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn case_63_hosts_have_nothing_to_complain_of() {
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("quiet");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART).env("TF_LOG", "trace");
        for run in [
            workspace.apply().expect_success(),
            workspace.apply().expect_success(),
            workspace.destroy().expect_success(),
        ] {
            let complaints =
                ["unexpected data", "failed to exit gracefully", "produced an invalid", "legacy plugin SDK", "panic"];
            for complaint in complaints {
                assert!(!run.stderr.contains(complaint), "{tool}: {complaint:?} in {}", run.stderr);
            }
        }
        end(&workspace, &namespace);
    }
}
