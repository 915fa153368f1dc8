//! The whole life cycle of each resource type with only the documented rights: creation, update, a field changed by
//! another client, an object deleted by another client, import and destruction, each followed by an empty plan. With
//! Terraform and with OpenTofu.

use serde_json::{Value as Json, json};
use terraform_provider_mesh::object::Key;

use crate::support::{
    assertions::assert_contains_all,
    control_plane::{Namespace, control_plane},
    terraform::Tool,
    users::Grant,
};

use super::{CART, configure, destroy_all, workspace};

/// The life cycle of a resource. `NAMESPACE` is replaced by the namespace of the test.
struct LifeCycle {
    grant: Grant,
    created: &'static str,
    /// Its objects as `Kind/name`, sorted.
    objects: &'static [&'static str],
    updated: &'static str,
    /// Parts of the plan of the update.
    update_plan: &'static [&'static str],
    /// An object that another client changes, the merge patch, and parts of the next plan.
    changed: (&'static str, fn() -> Json, &'static [&'static str]),
    /// An object that another client deletes.
    deleted: &'static str,
    /// Address and id for the import.
    imported: (&'static str, &'static str),
}

const SERVICE: LifeCycle = LifeCycle {
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
    update_plan: &[
        r#"~ effective_resiliency = "medium" -> "high""#,
        r#"~ connectTimeout = "5s" -> "2s""#,
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

const EXTERNAL_SERVICE: LifeCycle = LifeCycle {
    grant: Grant::Platform,
    created: r#"
resource "mesh_external_service" "bank" {
  host       = "api.bank.example"
  tls        = "originate"
  export_to  = ["pci"]
  resiliency = "medium"
}"#,
    objects: &["DestinationRule/api-bank-example", "ServiceEntry/api-bank-example", "VirtualService/api-bank-example"],
    updated: r#"
resource "mesh_external_service" "bank" {
  host       = "api.bank.example"
  tls        = "originate"
  export_to  = ["pci", "shop"]
  resiliency = "high"
}"#,
    update_plan: &[r#"+ "shop""#, r#"~ connectTimeout = "5s" -> "2s""#, "0 to add, 1 to change, 0 to destroy"],
    changed: (
        "ServiceEntry/api-bank-example",
        || json!({ "spec": { "exportTo": ["*"] } }),
        &["ServiceEntry was changed by kubectl-patch", "0 to add, 1 to change, 0 to destroy"],
    ),
    deleted: "DestinationRule/api-bank-example",
    imported: ("mesh_external_service.bank", "NAMESPACE/api-bank-example"),
};

const GLOBAL_DEFAULTS: LifeCycle = LifeCycle {
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
    update_plan: &[r#"~ mode = "STRICT" -> "PERMISSIVE""#, "0 to add, 1 to change, 0 to destroy"],
    changed: (
        "PeerAuthentication/default",
        || json!({ "spec": { "selector": { "matchLabels": { "app": "cart" } } } }),
        &["PeerAuthentication was changed by kubectl-patch", "0 to add, 1 to change, 0 to destroy"],
    ),
    deleted: "Sidecar/default",
    imported: ("mesh_global_defaults.this", "default"),
};

/// The key of `Kind/name` in the namespace.
fn key(namespace: &Namespace, text: &str) -> Key {
    let (kind, name) = text.split_once('/').expect("Kind/name");
    let name = name.replace("NAMESPACE", &namespace.name);
    format!("{kind}/{}/{name}", namespace.name).parse().expect("a key")
}

fn check_life_cycle(tool: Tool, life_cycle: &LifeCycle) {
    let (api, namespace) = (control_plane().api(), control_plane().namespace("life"));
    let workspace = workspace(tool, life_cycle.grant, &namespace, life_cycle.created);
    assert_contains_all(tool, &workspace.plan().text, ["1 to add, 0 to change, 0 to destroy"]);
    workspace.apply().expect_success();
    let keys: Vec<Key> = life_cycle.objects.iter().map(|text| key(&namespace, text)).collect();
    let names: Vec<String> = keys.iter().map(Key::to_string).collect();
    assert_eq!(api.objects(&namespace.name), names);
    let assert_empty_plan = |when: &str| {
        let plan = workspace.plan();
        assert!(plan.is_empty, "{tool}, {when}: {}", plan.text);
    };
    assert_empty_plan("created");

    configure(&workspace, life_cycle.grant, &namespace, life_cycle.updated);
    assert_contains_all(tool, &workspace.plan().text, life_cycle.update_plan);
    workspace.apply().expect_success();
    assert_empty_plan("updated");

    let (changed, patch, plan_parts) = life_cycle.changed;
    let changed = key(&namespace, changed);
    let before = api.get_existing(&changed)["spec"].clone();
    api.patch(&changed, &patch());
    assert_ne!(api.get_existing(&changed)["spec"], before);
    assert_contains_all(tool, &workspace.plan().text, plan_parts);
    workspace.apply().expect_success();
    assert_eq!(api.get_existing(&changed)["spec"], before);
    assert_empty_plan("reverted");

    let deleted = key(&namespace, life_cycle.deleted);
    let before = api.get_existing(&deleted)["spec"].clone();
    api.delete(&deleted);
    assert_contains_all(tool, &workspace.plan().text, ["0 to add, 1 to change, 0 to destroy"]);
    workspace.apply().expect_success();
    assert_eq!(api.get_existing(&deleted)["spec"], before);
    assert_empty_plan("recreated");

    let (address, id) = life_cycle.imported;
    workspace.remove_from_state(address);
    let id = id.replace("NAMESPACE", &namespace.name);
    workspace.import(address, &id).expect_success();
    assert_empty_plan("imported");

    destroy_all(&workspace, &namespace);
    assert_eq!(workspace.resources(), Vec::new());
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn mesh_service_with_terraform() {
    check_life_cycle(Tool::Terraform, &SERVICE);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn mesh_service_with_tofu() {
    check_life_cycle(Tool::Tofu, &SERVICE);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn mesh_external_service_with_terraform() {
    check_life_cycle(Tool::Terraform, &EXTERNAL_SERVICE);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn mesh_external_service_with_tofu() {
    check_life_cycle(Tool::Tofu, &EXTERNAL_SERVICE);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn mesh_global_defaults_with_terraform() {
    check_life_cycle(Tool::Terraform, &GLOBAL_DEFAULTS);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn mesh_global_defaults_with_tofu() {
    check_life_cycle(Tool::Tofu, &GLOBAL_DEFAULTS);
}
