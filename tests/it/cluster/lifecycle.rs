//! The whole line from HCL to objects and back, with the documented rights alone: create, an empty plan, update, an
//! empty plan, a field changed by somebody else, an object deleted by somebody else, import, destroy. With terraform
//! and with tofu.

use serde_json::{Value as Json, json};
use terraform_provider_mesh::object::Key;

use crate::support::{
    control_plane::{Namespace, control_plane},
    terraform::Tool,
    users::Grant,
};

use super::{CART, configure, workspace};

/// One resource's life. `NAMESPACE` stands for the namespace of the test.
struct Life {
    grant: Grant,
    created: &'static str,
    /// The keys of its objects, `Kind/name`, sorted.
    objects: &'static [&'static str],
    updated: &'static str,
    /// Words of the plan of the update.
    update_shows: &'static [&'static str],
    /// Of which object a field is changed, how, and what the plan says of it.
    changed: (&'static str, fn() -> Json, &'static [&'static str]),
    /// Which object is deleted.
    deleted: &'static str,
    /// Its address and its id, by which it is imported.
    imported: (&'static str, &'static str),
}

const SERVICE: Life = Life {
    grant: Grant::AppTeam,
    created: CART,
    objects: &[
        "AuthorizationPolicy/cart-NAMESPACE",
        "DestinationRule/cart-NAMESPACE",
        "Service/cart",
        "ServiceAccount/cart",
        "Sidecar/cart-NAMESPACE",
        "VirtualService/cart-NAMESPACE",
    ],
    updated: r#"
resource "mesh_service" "cart" {
  name       = "cart"
  namespace  = "NAMESPACE"
  service    = "managed"
  resiliency = "high"
  calls      = ["catalog", "shop/prices"]

  port {
    number   = 8080
    protocol = "http"
  }
  allow {
    from    = ["web", "shop/checkout"]
    methods = ["GET"]
  }
}"#,
    update_shows: &[
        r#"~ effective_resiliency = "medium" -> "high""#,
        r#"~ timeout = "15s" -> "5s""#,
        r#"+ "cluster.local/ns/shop/sa/checkout""#,
        "0 to add, 1 to change, 0 to destroy",
    ],
    changed: (
        "AuthorizationPolicy/cart-NAMESPACE",
        || json!({ "spec": { "rules": [{}] } }),
        &["AuthorizationPolicy was changed by kubectl-patch", "0 to add, 1 to change, 0 to destroy"],
    ),
    deleted: "VirtualService/cart-NAMESPACE",
    imported: ("mesh_service.cart", "NAMESPACE/cart"),
};

const EXTERNAL_SERVICE: Life = Life {
    grant: Grant::Platform,
    created: r#"
resource "mesh_external_service" "bank" {
  host      = "api.bank.example"
  tls       = "originate"
  export_to = ["pci"]
}"#,
    objects: &["DestinationRule/api-bank-example", "ServiceEntry/api-bank-example", "VirtualService/api-bank-example"],
    updated: r#"
resource "mesh_external_service" "bank" {
  host       = "api.bank.example"
  tls        = "originate"
  export_to  = ["pci", "shop"]
  resiliency = "high"
}"#,
    update_shows: &[r#"+ "shop""#, r#"~ timeout = "15s" -> "5s""#, "0 to add, 1 to change, 0 to destroy"],
    changed: (
        "ServiceEntry/api-bank-example",
        || json!({ "spec": { "exportTo": ["*"] } }),
        &["ServiceEntry was changed by kubectl-patch", "0 to add, 1 to change, 0 to destroy"],
    ),
    deleted: "DestinationRule/api-bank-example",
    imported: ("mesh_external_service.bank", "NAMESPACE/api-bank-example"),
};

const GLOBAL_DEFAULTS: Life = Life {
    grant: Grant::Platform,
    created: r#"
resource "mesh_global_defaults" "this" {
  mtls {}
  authorization {
    mode = "audit"
  }
  sidecar {}
  resiliency = "low"
}"#,
    objects: &[
        "AuthorizationPolicy/deny-all-audit",
        "DestinationRule/default",
        "EnvoyFilter/default-route",
        "PeerAuthentication/default",
        "Sidecar/default",
    ],
    updated: r#"
resource "mesh_global_defaults" "this" {
  mtls {
    mode = "permissive"
  }
  authorization {
    mode = "audit"
  }
  sidecar {}
  resiliency = "medium"
}"#,
    update_shows: &[r#"~ mode = "STRICT" -> "PERMISSIVE""#, "0 to add, 1 to change, 0 to destroy"],
    changed: (
        "PeerAuthentication/default",
        || json!({ "spec": { "selector": { "matchLabels": { "app": "cart" } } } }),
        &["PeerAuthentication was changed by kubectl-patch", "0 to add, 1 to change, 0 to destroy"],
    ),
    deleted: "Sidecar/default",
    imported: ("mesh_global_defaults.this", "default"),
};

/// `Kind/name` in the namespace.
fn key(namespace: &Namespace, text: &str) -> Key {
    let (kind, name) = text.split_once('/').expect("Kind/name");
    let name = name.replace("NAMESPACE", &namespace.name);
    format!("{kind}/{}/{name}", namespace.name).parse().expect("a key")
}

fn live(tool: Tool, life: &Life) {
    let (api, namespace) = (control_plane().api(), control_plane().namespace("life"));
    let shows = |text: &str, words: &[&str]| {
        for word in words {
            assert!(text.contains(word), "{tool}: {word:?} is not in the plan: {text}");
        }
    };

    let workspace = workspace(tool, life.grant, &namespace, life.created);
    shows(&workspace.plan().text, &["1 to add, 0 to change, 0 to destroy"]);
    workspace.apply().expect_success();
    let keys: Vec<Key> = life.objects.iter().map(|text| key(&namespace, text)).collect();
    let names: Vec<String> = keys.iter().map(Key::to_string).collect();
    assert_eq!(api.objects(&namespace.name), names);
    let unchanged = |when: &str| {
        let plan = workspace.plan();
        assert!(plan.is_empty, "{tool}, {when}: {}", plan.text);
    };
    unchanged("created");

    configure(&workspace, life.grant, &namespace, life.updated);
    shows(&workspace.plan().text, life.update_shows);
    workspace.apply().expect_success();
    unchanged("updated");

    let (changed, patch, words) = life.changed;
    let changed = key(&namespace, changed);
    let before = api.get(&changed).expect("it is there")["spec"].clone();
    api.patch(&changed, &patch());
    assert_ne!(api.get(&changed).expect("it is there")["spec"], before);
    shows(&workspace.plan().text, words);
    workspace.apply().expect_success();
    assert_eq!(api.get(&changed).expect("it is there")["spec"], before);
    unchanged("mended");

    let deleted = key(&namespace, life.deleted);
    let before = api.get(&deleted).expect("it is there")["spec"].clone();
    api.delete(&deleted);
    shows(&workspace.plan().text, &["0 to add, 1 to change, 0 to destroy"]);
    workspace.apply().expect_success();
    assert_eq!(api.get(&deleted).expect("it is there again")["spec"], before);
    unchanged("made again");

    let (address, id) = life.imported;
    workspace.run(&["state", "rm", address]).expect_success();
    let id = id.replace("NAMESPACE", &namespace.name);
    workspace.run(&["import", "-input=false", "-no-color", address, &id]).expect_success();
    unchanged("imported");

    workspace.destroy().expect_success();
    assert_eq!(api.objects(&namespace.name), Vec::<String>::new());
    assert_eq!(workspace.resources(), Vec::new());
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn mesh_service_with_terraform() {
    live(Tool::Terraform, &SERVICE);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn mesh_service_with_tofu() {
    live(Tool::Tofu, &SERVICE);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn mesh_external_service_with_terraform() {
    live(Tool::Terraform, &EXTERNAL_SERVICE);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn mesh_external_service_with_tofu() {
    live(Tool::Tofu, &EXTERNAL_SERVICE);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn mesh_global_defaults_with_terraform() {
    live(Tool::Terraform, &GLOBAL_DEFAULTS);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn mesh_global_defaults_with_tofu() {
    live(Tool::Tofu, &GLOBAL_DEFAULTS);
}
