//! `unmanaged`, `replaces` and `override`: kinds that are left to other tools, objects of others that are replaced, and patches.

use serde_json::{Value as Json, json};
use terraform_provider_mesh::object::{FIELD_MANAGER, Key, is_ownership_key, kind};

use crate::support::{
    assertions::assert_contains_all,
    control_plane::{Namespace, control_plane},
    proxy::Fault,
    terraform::Tool,
    users::Grant,
};

use super::{CART, configure, destroy_all, with_arguments, workspace, workspace_with_proxy};

fn own_key(namespace: &Namespace, kind: &'static terraform_provider_mesh::object::Kind) -> Key {
    Key::new(kind, &namespace.name, &format!("cart-{}", namespace.name))
}

/// The key and the body of a VirtualService for the same host, as a chart would create it.
fn chart_route(namespace: &Namespace) -> (Key, Json) {
    let host = format!("cart.{}.svc.cluster.local", namespace.name);
    let body = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": { "name": "cart-vs", "namespace": namespace.name },
        "spec": { "hosts": [host], "http": [{ "route": [{ "destination": { "host": host } }] }] },
    });
    (Key::new(&kind::VIRTUAL_SERVICE, &namespace.name, "cart-vs"), body)
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn unmanaged_kind_is_released_unchanged() {
    let api = control_plane().api();
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("unmanaged");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        workspace.apply().expect_success();
        let route = own_key(&namespace, &kind::VIRTUAL_SERVICE);
        let before = api.get(&route).expect("it exists");

        configure(&workspace, Grant::AppTeam, &namespace, &with_arguments(CART, "unmanaged = [\"VirtualService\"]"));
        let plan = workspace.plan();
        assert!(plan.text.contains("VirtualService is left in place"), "{tool}: {}", plan.text);
        workspace.apply().expect_success();
        let released = api.get(&route).expect("the object is kept");
        assert_eq!(released["spec"], before["spec"]);
        assert_eq!(released["metadata"]["uid"], before["metadata"]["uid"]);
        assert_eq!(released["metadata"]["generation"], before["metadata"]["generation"]);
        for part in ["labels", "annotations"] {
            let names = released["metadata"][part].as_object();
            assert!(names.into_iter().flatten().all(|(name, _)| !is_ownership_key(name)), "{released}");
        }
        let managers = released["metadata"]["managedFields"].as_array();
        assert!(managers.into_iter().flatten().all(|entry| entry["manager"] != FIELD_MANAGER), "{released}");

        // Later changes by the other tool aren't drift.
        api.patch(&route, &json!({ "spec": { "http": [{ "route": [{ "destination": { "host": "elsewhere" } }] }] } }));
        workspace.assert_empty_plan();

        // The object now belongs to another tool, so managing it again needs adopt_existing.
        configure(&workspace, Grant::AppTeam, &namespace, CART);
        let errors = workspace.try_plan().errors();
        assert!(errors.contains(&format!("{route} is in the cluster")), "{tool}: {errors}");
        configure(&workspace, Grant::AppTeam, &namespace, &with_arguments(CART, "adopt_existing = true"));
        workspace.apply().expect_success();
        assert_eq!(api.get_existing(&route)["spec"], before["spec"]);
        assert!(workspace.plan().is_empty, "{tool}");

        configure(&workspace, Grant::AppTeam, &namespace, &with_arguments(CART, "unmanaged = [\"VirtualService\"]"));
        workspace.apply().expect_success();
        workspace.destroy().expect_success();
        assert_eq!(api.objects(&namespace.name), [route.to_string()], "{tool}: only the released object is left");
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn replaced_object_is_deleted_last() {
    let api = control_plane().api();
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("replaces");
        let (key, body) = chart_route(&namespace);
        let (workspace, proxy) = workspace_with_proxy(
            tool,
            Grant::AppTeam,
            &namespace,
            &with_arguments(CART, "replaces = [\"VirtualService/cart-vs\"]"),
        );
        // No object to replace exists, so nothing is to do.
        workspace.apply().expect_success();
        assert!(workspace.plan().is_empty, "{tool}");
        workspace.destroy().expect_success();

        api.apply(&body, "helm");
        let plan = workspace.plan();
        assert_contains_all(
            tool,
            &plan.text,
            ["VirtualService will be deleted", &format!("{key} is in the cluster"), "written by helm"],
        );
        proxy.reset();
        workspace.apply().expect_success();
        assert!(api.get(&key).is_none(), "{tool}");
        assert!(api.get(&own_key(&namespace, &kind::VIRTUAL_SERVICE)).is_some(), "{tool}");
        let writes = proxy.writes();
        let last = writes.last().expect("a write");
        assert!(last.method == "DELETE" && last.path.ends_with("/cart-vs"), "{tool}: {writes:?}");
        assert!(workspace.plan().is_empty, "{tool}");
        destroy_all(&workspace, &namespace);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn failed_deletion_of_a_replaced_object_is_repeated() {
    let api = control_plane().api();
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("replaces");
        let (key, body) = chart_route(&namespace);
        let (workspace, proxy) = workspace_with_proxy(tool, Grant::AppTeam, &namespace, CART);
        workspace.apply().expect_success();
        let before = api.get_existing(&own_key(&namespace, &kind::VIRTUAL_SERVICE));
        api.apply(&body, "helm");
        configure(
            &workspace,
            Grant::AppTeam,
            &namespace,
            &with_arguments(CART, "replaces = [\"VirtualService/cart-vs\"]"),
        );
        proxy.inject_fault(0, usize::MAX, Fault::Status(403), |request| request.method == "DELETE");
        let errors = workspace.apply().errors();
        assert!(errors.contains("injected fault"), "{tool}: {errors}");
        assert!(api.get(&key).is_some(), "{tool}");
        // The state doesn't contain the new argument, so the next plan shows that the deletion is still to do.
        let plan = workspace.plan();
        assert!(!plan.is_empty && plan.text.contains("VirtualService/cart-vs"), "{tool}: {}", plan.text);
        proxy.reset();
        workspace.apply().expect_success();
        assert!(api.get(&key).is_none(), "{tool}");
        assert!(workspace.plan().is_empty, "{tool}");
        let now = api.get_existing(&own_key(&namespace, &kind::VIRTUAL_SERVICE));
        assert_eq!(now["metadata"]["generation"], before["metadata"]["generation"], "{tool}");
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn object_of_a_resource_cannot_be_replaced() {
    let (api, namespace) = (control_plane().api(), control_plane().namespace("replaces"));
    let other = workspace(Tool::Tofu, Grant::AppTeam, &namespace, &CART.replace("\"cart\"", "\"basket\""));
    other.apply().expect_success();
    let taken = format!("VirtualService/basket-{}", namespace.name);
    let workspace = workspace(
        Tool::Terraform,
        Grant::AppTeam,
        &namespace,
        &with_arguments(CART, &format!("replaces = [\"{taken}\"]")),
    );
    let errors = workspace.try_plan().errors();
    assert_contains_all(
        "plan",
        &errors,
        ["VirtualService belongs to a resource", "Remove it there, or take it out of replaces"],
    );
    assert!(
        api.get(&Key::new(&kind::VIRTUAL_SERVICE, &namespace.name, &format!("basket-{}", namespace.name))).is_some()
    );
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn override_patch_is_added_changed_and_removed() {
    let api = control_plane().api();
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("override");
        let rule = own_key(&namespace, &kind::DESTINATION_RULE);
        let live = || api.get_existing(&rule)["spec"].clone();
        let patched = |spec: &str| {
            with_arguments(
                CART,
                &format!(
                    "override {{\n    kind  = \"DestinationRule\"\n    patch = jsonencode({{ spec = {spec} }})\n  }}"
                ),
            )
        };
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        workspace.apply().expect_success();
        let without = live();

        for (spec, field, value) in [
            (
                "{ trafficPolicy = { loadBalancer = { simple = \"LEAST_REQUEST\" } } }",
                "/trafficPolicy/loadBalancer/simple",
                json!("LEAST_REQUEST"),
            ),
            (
                "{ trafficPolicy = { loadBalancer = { simple = \"ROUND_ROBIN\" } } }",
                "/trafficPolicy/loadBalancer/simple",
                json!("ROUND_ROBIN"),
            ),
            (
                "{ trafficPolicy = { connectionPool = { tcp = { maxConnections = 7 } } } }",
                "/trafficPolicy/connectionPool/tcp/maxConnections",
                json!(7),
            ),
        ] {
            configure(&workspace, Grant::AppTeam, &namespace, &patched(spec));
            workspace.apply().expect_success();
            assert_eq!(live().pointer(field), Some(&value), "{tool}: {spec}");
            workspace.assert_empty_plan();
        }
        // A field that Istio doesn't know is a plan error on the patch.
        configure(&workspace, Grant::AppTeam, &namespace, &patched("{ trafficPolicy = { loadBalancing = 1 } }"));
        let errors = workspace.try_plan().errors();
        assert_contains_all(tool, &errors, ["loadBalancing", "patch = jsonencode("]);
        configure(&workspace, Grant::AppTeam, &namespace, CART);
        workspace.apply().expect_success();
        assert_eq!(live(), without, "{tool}");
        assert!(workspace.plan().is_empty, "{tool}");
        workspace.destroy().expect_success();
    }
}
