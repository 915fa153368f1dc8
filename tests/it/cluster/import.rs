//! Imports with only the documented rights: of objects of the provider, after which a plan is empty, of objects of
//! another tool, whose differences the plan shows, and of missing objects, which is an error.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use terraform_provider_mesh::object::{FieldOwnership, Key, annotation::ARGUMENTS, kind};

use crate::support::{
    assertions::assert_contains_all,
    control_plane::{Namespace, control_plane},
    terraform::{Tool, Workspace},
    users::Grant,
};

use super::{CART, configure, destroy_all, hand_made, other_managers, uid_and_generation, workspace};

const EVERY_RESOURCE: [(Grant, &str, &str, &str); 3] = [
    (Grant::AppTeam, CART, "mesh_service.cart", "NAMESPACE/cart"),
    (
        Grant::Platform,
        r#"
resource "mesh_external_service" "bank" {
  host       = "api.bank.example"
  tls        = "originate"
  export_to  = ["pci", "shop"]
  resiliency = "high"

  timeouts {
    create = "2m"
  }
}"#,
        "mesh_external_service.bank",
        "NAMESPACE/api-bank-example",
    ),
    (
        Grant::Platform,
        r#"
resource "mesh_global_defaults" "this" {
  mtls {}
  authorization {
    mode = "audit"
  }
  sidecar {}
}"#,
        "mesh_global_defaults.this",
        "default",
    ),
];

/// A workspace in which `hcl` is applied, and its resource is removed from the state.
fn applied_without_state(tool: Tool, grant: Grant, namespace: &Namespace, hcl: &str, address: &str) -> Workspace {
    let workspace = workspace(tool, grant, namespace, hcl);
    workspace.apply().expect_success();
    workspace.remove_from_state(address);
    workspace
}

/// An `import` block. `by` is its `id` or `identity`.
fn import_block(address: &str, by: &str) -> String {
    format!("\nimport {{\n  to = {address}\n  {by}\n}}")
}

/// The `resourceVersion` of each object, which changes with every write.
fn versions(namespace: &Namespace) -> BTreeMap<String, Json> {
    let api = control_plane().api();
    let version = |key: &String| api.get(&key.parse().unwrap()).unwrap()["metadata"]["resourceVersion"].clone();
    api.objects(&namespace.name).into_iter().map(|key| (key.clone(), version(&key))).collect()
}

/// Terraform accepts an identity only from 1.12 on. OpenTofu accepts it, too.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn import_by_id_and_by_identity() {
    let id = r#"id = "NAMESPACE/cart""#;
    let identity = "identity = {\n    namespace = \"NAMESPACE\"\n    name = \"cart\"\n  }";
    for (tool, by) in [(Tool::Terraform, id), (Tool::Tofu, id), (Tool::Tofu, identity)] {
        let namespace = control_plane().namespace("imported");
        let workspace = applied_without_state(tool, Grant::AppTeam, &namespace, CART, "mesh_service.cart");
        let before = versions(&namespace);
        configure(&workspace, Grant::AppTeam, &namespace, &format!("{CART}{}", import_block("mesh_service.cart", by)));
        let plan = workspace.plan();
        let summary = "1 to import, 0 to add, 0 to change, 0 to destroy";
        assert!(plan.text.contains(summary), "{tool}, {by}: {}", plan.text);
        workspace.apply().expect_success();
        assert_eq!(versions(&namespace), before);
        workspace.assert_empty_plan();
        destroy_all(&workspace, &namespace);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn generated_configuration_equals_the_written_one() {
    for (grant, hcl, address, id) in EVERY_RESOURCE {
        for tool in Tool::ALL {
            let namespace = control_plane().namespace("generated");
            let workspace = applied_without_state(tool, grant, &namespace, hcl, address);
            configure(&workspace, grant, &namespace, &import_block(address, &format!("id = \"{id}\"")));
            workspace.run(&["plan", "-input=false", "-no-color", "-generate-config-out=generated.tf"]).expect_success();
            let before = versions(&namespace);
            workspace.apply().expect_success();
            assert_eq!(versions(&namespace), before, "{tool} {address}");
            workspace.assert_empty_plan();
            destroy_all(&workspace, &namespace);
        }
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn import_of_missing_object_is_an_error() {
    let namespace = control_plane().namespace("nothing");
    for tool in Tool::ALL {
        for (grant, hcl, address, id) in EVERY_RESOURCE {
            let workspace = workspace(tool, grant, &namespace, hcl);
            let id = id.replace("NAMESPACE", &namespace.name);
            let errors = workspace.import(address, &id).errors();
            assert_contains_all(tool, &errors, ["No objects to import", "These names were looked for: "]);
        }
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        let errors = workspace.import("mesh_service.cart", "cart").errors();
        assert!(errors.contains("The id of mesh_service is namespace/name; \"cart\" isn't one."), "{tool}: {errors}");
    }
}

/// The objects of a service have other names than those that the import looks for. The error names both.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn import_of_objects_with_other_names_is_an_error() {
    let namespace = control_plane().namespace("renamed");
    let key = Key::new(&kind::VIRTUAL_SERVICE, &namespace.name, "cart-routes");
    let routes = json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": { "name": key.name, "namespace": namespace.name },
        "spec": { "hosts": ["cart"], "http": [{ "route": [{ "destination": { "host": "cart" } }] }] },
    });
    control_plane().api().apply(&routes, "kubectl");
    for tool in Tool::ALL {
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        let errors = workspace.import("mesh_service.cart", &format!("{}/cart", namespace.name)).errors();
        let looked_for = format!("VirtualService/{0}/cart-{0}", namespace.name);
        let found = format!("For this host there are {key}, which have other names.");
        assert_contains_all(tool, &errors, ["No objects to import", &looked_for, &found, "replaces", "object_name"]);
    }
}

/// The first apply after the import adopts the objects. It doesn't change those that already are as configured.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn hand_made_objects_are_adopted_by_import() {
    let api = control_plane().api();
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("handmade");
        let objects = hand_made(Grant::AppTeam, &namespace, CART, "kubectl");
        // The Service and its ServiceAccount are deleted, because an adopted object of a shared kind survives a
        // destroy.
        for key in objects.keys().filter(|key| key.kind.field_ownership == FieldOwnership::Shared) {
            api.delete(key);
        }
        let rule = objects.keys().find(|key| key.kind == &kind::DESTINATION_RULE).expect("a DestinationRule");
        api.patch(
            rule,
            &json!({ "spec": { "trafficPolicy": { "connectionPool": { "tcp": { "maxConnections": 7 } } } } }),
        );
        let istio = || objects.iter().filter(|(key, _)| key.kind.field_ownership == FieldOwnership::Exclusive);
        let before: Vec<_> = istio().map(|(key, _)| uid_and_generation(&api.get_existing(key))).collect();

        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        let id = format!("{}/cart", namespace.name);
        workspace.import("mesh_service.cart", &id).expect_success();
        let plan = workspace.plan();
        assert_contains_all(tool, &plan.text, ["0 to add, 1 to change, 0 to destroy", "~ maxConnections = 7 -> 10000"]);
        assert!(!plan.text.contains("was changed by"), "the provider never wrote it: {}", plan.text);
        workspace.apply().expect_success();
        for ((key, body), before) in istio().zip(before) {
            let live = api.get_existing(key);
            assert_eq!(live["spec"], body["spec"]);
            assert_eq!(other_managers(&live), Vec::<&Json>::new(), "{key}");
            assert_eq!(uid_and_generation(&live).0, before.0, "{key}");
            assert_eq!(uid_and_generation(&live).1 == before.1, key != rule, "{key}");
        }
        workspace.assert_empty_plan();
        destroy_all(&workspace, &namespace);
    }
}

/// The objects that record arguments, each with these arguments.
fn recorded_arguments(namespace: &Namespace) -> Vec<(Key, Json)> {
    let api = control_plane().api();
    let keys = api.objects(&namespace.name).into_iter().map(|key| key.parse::<Key>().expect("a key"));
    let found = keys.filter_map(|key| {
        let live = api.get_existing(&key);
        let text = live["metadata"]["annotations"].get(ARGUMENTS)?.as_str()?.to_owned();
        Some((key, serde_json::from_str(&text).expect("JSON")))
    });
    found.collect()
}

/// One object records the arguments of the configuration. When it is deleted, another one records them.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn arguments_are_recorded_on_one_object() {
    let namespace = control_plane().namespace("recorded");
    let key = |kind| Key::new(kind, &namespace.name, &format!("cart-{}", namespace.name));
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, CART);
    workspace.apply().expect_success();
    let mut arguments = json!({
        "name": "cart", "namespace": namespace.name, "service": "managed", "calls": ["catalog"],
        "port": [{ "number": 8080, "protocol": "http" }], "allow": [{ "from": ["web"] }],
    });
    assert_eq!(recorded_arguments(&namespace), [(key(&kind::DESTINATION_RULE), arguments.clone())]);

    let without_service = CART.replace("\"managed\"", "\"none\"");
    configure(&workspace, Grant::AppTeam, &namespace, &without_service);
    workspace.apply().expect_success();
    arguments["service"] = "none".into();
    assert_eq!(recorded_arguments(&namespace), [(key(&kind::AUTHORIZATION_POLICY), arguments)]);

    workspace.remove_from_state("mesh_service.cart");
    let id = format!("{}/cart", namespace.name);
    workspace.import("mesh_service.cart", &id).expect_success();
    workspace.assert_empty_plan();
    destroy_all(&workspace, &namespace);
}
