//! Against real servers: etcd and kube-apiserver with Istio's kinds, real terraform, real tofu. `make test` runs them.

// A failure in these helpers fails the test, so they may panic. Clippy exempts only functions marked as tests.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod accepted;
mod access;
mod adoption;
mod arguments;
mod behaviour;
mod bookkeeping;
mod canary;
mod conflicts;
mod conformance;
mod connections;
mod control_plane;
mod core;
mod drift;
mod early;
mod examples;
mod existing_service;
mod external_arguments;
mod external_service;
mod faults;
mod fixed_point;
mod gateways;
mod global_arguments;
mod global_name;
mod guardrails;
mod import;
mod ingress;
pub(crate) mod istioctl;
mod lifecycle;
mod live_checks;
mod mistakes;
mod moves;
mod mutation;
mod namespaces;
mod object_name;
mod offline;
mod proxy;
mod rbac;
mod reads;
mod refused;
mod replacement;
mod requests;
mod rights;
mod roll_out;
mod takeover;
mod three_states;
mod traffic;
mod unknowns;
mod zero_trust;

use std::collections::BTreeMap;

use serde_json::Value as Json;
use terraform_provider_mesh::{kubernetes::FIELD_MANAGER, object::Key};

use crate::support::{
    control_plane::{Namespace, control_plane},
    terraform::{Tool, Workspace},
    users::Grant,
};

/// A service with an object of every kind that `mesh_service` makes. `NAMESPACE` stands for the namespace of the test.
const CART: &str = r#"
resource "mesh_service" "cart" {
  name      = "cart"
  namespace = "NAMESPACE"
  service   = "managed"
  calls     = ["catalog"]

  port {
    number   = 8080
    protocol = "http"
  }
  allow {
    from = ["web"]
  }
}"#;

/// The words of an apply that asks nothing.
const APPLY: [&str; 4] = ["apply", "-input=false", "-no-color", "-auto-approve"];

/// As many services like [`CART`], in the same namespace.
fn many(services: usize) -> String {
    CART.replace("\"cart\" {", &format!("\"cart\" {{\n  count = {services}"))
        .replace("= \"cart\"", "= \"cart-${count.index}\"")
}

/// A workspace whose provider acts for `grant` in `namespace`.
fn workspace(tool: Tool, grant: Grant, namespace: &Namespace, hcl: &str) -> Workspace {
    let workspace = Workspace::new(tool);
    workspace.write_file("kubeconfig", &control_plane().kubeconfig(&namespace.user(grant)));
    configure(&workspace, grant, namespace, hcl);
    workspace
}

/// Makes `hcl` the configuration; the platform's namespace is the root of the mesh.
fn configure(workspace: &Workspace, grant: Grant, namespace: &Namespace, hcl: &str) {
    let root = if grant == Grant::Platform { &namespace.name } else { "istio-system" };
    workspace.configure(&provider(namespace, root, r#"config_path = "kubeconfig""#, hcl));
}

/// A provider block that connects by `arguments`, before `hcl`, in which `NAMESPACE` is the namespace's name.
fn provider(namespace: &Namespace, root: &str, arguments: &str, hcl: &str) -> String {
    let block = format!(
        "provider \"mesh\" {{\n  owner = \"tests/NAMESPACE\"\n  root_namespace = \"{root}\"\n  {arguments}\n}}\n{hcl}\n"
    );
    block.replace("NAMESPACE", &namespace.name)
}

/// What `hcl` makes, as anybody could have written it: its objects, applied by `manager`. The provider has left no trace.
fn hand_made(grant: Grant, namespace: &Namespace, hcl: &str, manager: &str) -> BTreeMap<Key, Json> {
    let first = workspace(Tool::Terraform, grant, namespace, hcl);
    first.apply().expect_success();
    let (_, values) = first.resources().remove(0);
    first.destroy().expect_success();
    let objects = values["objects"].as_object().expect("a map").iter().map(|(key, body)| {
        let body: Json = serde_json::from_str(body.as_str().expect("JSON")).expect("JSON");
        control_plane().api().apply(&body, manager);
        (key.parse().expect("a key"), body)
    });
    objects.collect()
}

/// Applies `hcl`, and plans again: nothing is left to do. What is in the namespace then, by `Kind/name`, live.
fn applied(workspace: &Workspace, namespace: &Namespace, arguments: &str, hcl: &str) -> BTreeMap<String, Json> {
    let arguments = format!("config_path = \"kubeconfig\"\n  {arguments}");
    workspace.configure(&provider(namespace, "istio-system", &arguments, hcl));
    workspace.converge();
    live(namespace)
}

/// What is in the namespace, by `Kind/name`.
fn live(namespace: &Namespace) -> BTreeMap<String, Json> {
    let api = control_plane().api();
    let keys = api.objects(&namespace.name).into_iter();
    keys.map(|text| {
        let key: Key = text.parse().expect("a key");
        (format!("{}/{}", key.kind.kind, key.name), api.get(&key).expect("it is there"))
    })
    .collect()
}

/// What came, changed (`~`) and went (`-`) between two looks; an object that was made again is both.
fn difference(before: &BTreeMap<String, Json>, after: &BTreeMap<String, Json>) -> Vec<String> {
    let content = |live: &Json| {
        let visible = &live["metadata"]["annotations"]["networking.istio.io/exportTo"];
        (live["spec"].clone(), visible.clone(), live["metadata"]["annotations"]["istio.io/dry-run"].clone())
    };
    let uid = |live: &Json| live["metadata"]["uid"].clone();
    let mut lines = Vec::new();
    for key in before.keys().chain(after.keys()).collect::<std::collections::BTreeSet<_>>() {
        match (before.get(key), after.get(key)) {
            (Some(_), None) => lines.push(format!("- {key}")),
            (None, Some(_)) => lines.push(format!("+ {key}")),
            (Some(old), Some(new)) if uid(old) != uid(new) => lines.push(format!("-/+ {key}")),
            (Some(old), Some(new)) if content(old) != content(new) => lines.push(format!("~ {key}")),
            _ => {}
        }
    }
    lines
}

/// The managers, other than the provider, that hold anything of an object's spec.
fn intruders(live: &Json) -> Vec<&Json> {
    let entries = live["metadata"]["managedFields"].as_array().expect("a list").iter();
    let spec = entries.filter(|entry| entry["fieldsV1"].get("f:spec").is_some());
    spec.map(|entry| &entry["manager"]).filter(|manager| *manager != FIELD_MANAGER).collect()
}

/// What a change of content, or of the object itself, changes.
fn life(live: &Json) -> (Json, Json) {
    (live["metadata"]["uid"].clone(), live["metadata"]["generation"].clone())
}
