//! Import: of what this provider made it is an empty plan, of what somebody made by hand an honest one, of nothing an
//! error. With the documented rights alone.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use terraform_provider_mesh::{
    engine::ownership::ARGUMENTS,
    object::{FieldOwnership, Key, kind},
};

use crate::support::{
    control_plane::{Namespace, control_plane},
    terraform::{Tool, Workspace},
    users::Grant,
};

use super::{CART, configure, hand_made, intruders, life, workspace};

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

/// An applied configuration that the state has forgotten.
fn forgotten(tool: Tool, grant: Grant, namespace: &Namespace, hcl: &str, address: &str) -> Workspace {
    let workspace = workspace(tool, grant, namespace, hcl);
    workspace.apply().expect_success();
    workspace.run(&["state", "rm", address]).expect_success();
    workspace
}

fn import(address: &str, by: &str) -> String {
    format!("\nimport {{\n  to = {address}\n  {by}\n}}")
}

/// What tells whether anything was written.
fn versions(namespace: &Namespace) -> BTreeMap<String, Json> {
    let api = control_plane().api();
    let version = |key: &String| api.get(&key.parse().unwrap()).unwrap()["metadata"]["resourceVersion"].clone();
    api.objects(&namespace.name).into_iter().map(|key| (key.clone(), version(&key))).collect()
}

fn end(workspace: &Workspace, namespace: &Namespace) {
    workspace.destroy().expect_success();
    assert_eq!(control_plane().api().objects(&namespace.name), Vec::<String>::new());
}

/// Terraform takes an identity from 1.12 on, as tofu does.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn by_id_and_by_identity() {
    let id = r#"id = "NAMESPACE/cart""#;
    let identity = "identity = {\n    namespace = \"NAMESPACE\"\n    name = \"cart\"\n  }";
    for (tool, by) in [(Tool::Terraform, id), (Tool::Tofu, id), (Tool::Tofu, identity)] {
        let namespace = control_plane().namespace("imported");
        let workspace = forgotten(tool, Grant::AppTeam, &namespace, CART, "mesh_service.cart");
        let before = versions(&namespace);
        configure(&workspace, Grant::AppTeam, &namespace, &format!("{CART}{}", import("mesh_service.cart", by)));
        let plan = workspace.plan();
        let words = "1 to import, 0 to add, 0 to change, 0 to destroy";
        assert!(plan.text.contains(words), "{tool}, {by}: {}", plan.text);
        workspace.apply().expect_success();
        assert_eq!(versions(&namespace), before);
        workspace.assert_empty_plan();
        end(&workspace, &namespace);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn generated_configuration_says_what_was_written() {
    for (grant, hcl, address, id) in EVERY_RESOURCE {
        for tool in Tool::ALL {
            let namespace = control_plane().namespace("generated");
            let workspace = forgotten(tool, grant, &namespace, hcl, address);
            configure(&workspace, grant, &namespace, &import(address, &format!("id = \"{id}\"")));
            workspace.run(&["plan", "-input=false", "-no-color", "-generate-config-out=generated.tf"]).expect_success();
            let before = versions(&namespace);
            workspace.apply().expect_success();
            assert_eq!(versions(&namespace), before, "{tool} {address}");
            workspace.assert_empty_plan();
            end(&workspace, &namespace);
        }
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn nothing_is_told() {
    let namespace = control_plane().namespace("nothing");
    for tool in Tool::ALL {
        for (grant, hcl, address, id) in EVERY_RESOURCE {
            let workspace = workspace(tool, grant, &namespace, hcl);
            let id = id.replace("NAMESPACE", &namespace.name);
            let told = workspace.run(&["import", "-input=false", "-no-color", address, &id]).errors();
            assert!(told.contains("Cannot import non-existent remote object"), "{tool}: {told}");
        }
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        let told = workspace.run(&["import", "-input=false", "-no-color", "mesh_service.cart", "cart"]).errors();
        assert!(told.contains("The id of mesh_service is namespace/name; \"cart\" isn't one."), "{tool}: {told}");
    }
}

/// Objects that somebody made are ours from the first apply on; what is as it should be isn't touched by it.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn hand_made_objects_are_taken_over() {
    let api = control_plane().api();
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("handmade");
        let made = hand_made(Grant::AppTeam, &namespace, CART, "kubectl");
        // The Service and its account come by a chart, which goes on with them.
        for key in made.keys().filter(|key| key.kind.territory == FieldOwnership::Shared) {
            api.delete(key);
        }
        let rule = made.keys().find(|key| key.kind == &kind::DESTINATION_RULE).expect("it is there");
        api.patch(
            rule,
            &json!({ "spec": { "trafficPolicy": { "connectionPool": { "tcp": { "maxConnections": 7 } } } } }),
        );
        let istio = || made.iter().filter(|(key, _)| key.kind.territory == FieldOwnership::Exclusive);
        let before: Vec<_> = istio().map(|(key, _)| life(&api.get(key).expect("it is there"))).collect();

        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        let id = format!("{}/cart", namespace.name);
        workspace.run(&["import", "-input=false", "-no-color", "mesh_service.cart", &id]).expect_success();
        let plan = workspace.plan();
        for word in ["0 to add, 1 to change, 0 to destroy", "~ maxConnections = 7 -> 1024"] {
            assert!(plan.text.contains(word), "{tool}: {word:?} is not in: {}", plan.text);
        }
        assert!(!plan.text.contains("was changed by"), "it was never ours: {}", plan.text);
        workspace.apply().expect_success();
        for ((key, body), before) in istio().zip(before) {
            let live = api.get(key).expect("it is there");
            assert_eq!(live["spec"], body["spec"]);
            assert_eq!(intruders(&live), Vec::<&Json>::new(), "{key}");
            assert_eq!(life(&live).0, before.0, "{key}");
            assert_eq!(life(&live).1 == before.1, key != rule, "{key}");
        }
        workspace.assert_empty_plan();
        end(&workspace, &namespace);
    }
}

/// Which objects record arguments, and which.
fn recorded(namespace: &Namespace) -> Vec<(Key, Json)> {
    let api = control_plane().api();
    let keys = api.objects(&namespace.name).into_iter().map(|key| key.parse::<Key>().expect("a key"));
    let found = keys.filter_map(|key| {
        let live = api.get(&key).expect("it is there");
        let text = live["metadata"]["annotations"].get(ARGUMENTS)?.as_str()?.to_owned();
        Some((key, serde_json::from_str(&text).expect("JSON")))
    });
    found.collect()
}

/// One object has the arguments as they were written; when it goes, another one has them.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn the_arguments_are_recorded_once() {
    let namespace = control_plane().namespace("recorded");
    let own = |kind| Key::new(kind, &namespace.name, &format!("cart-{}", namespace.name));
    let workspace = workspace(Tool::Terraform, Grant::AppTeam, &namespace, CART);
    workspace.apply().expect_success();
    let mut written = json!({
        "name": "cart", "namespace": namespace.name, "service": "managed", "calls": ["catalog"],
        "port": [{ "number": 8080, "protocol": "http" }], "allow": [{ "from": ["web"] }],
    });
    assert_eq!(recorded(&namespace), [(own(&kind::DESTINATION_RULE), written.clone())]);

    let nameless = CART.replace("\"managed\"", "\"none\"");
    configure(&workspace, Grant::AppTeam, &namespace, &nameless);
    workspace.apply().expect_success();
    written["service"] = "none".into();
    assert_eq!(recorded(&namespace), [(own(&kind::AUTHORIZATION_POLICY), written)]);

    workspace.run(&["state", "rm", "mesh_service.cart"]).expect_success();
    let id = format!("{}/cart", namespace.name);
    workspace.run(&["import", "-input=false", "-no-color", "mesh_service.cart", &id]).expect_success();
    workspace.assert_empty_plan();
    end(&workspace, &namespace);
}
