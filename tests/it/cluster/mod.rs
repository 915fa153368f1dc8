//! Tests with real servers (etcd and kube-apiserver with Istio's kinds), and with the real Terraform and OpenTofu.
//! `make test` runs them.

// A failure in these helpers fails the test, so they may panic. Clippy exempts only functions marked as tests.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod access;
mod access_data;
mod adoption;
mod arguments;
mod canary;
mod cluster_report;
mod conflicts;
mod conformance;
mod connections;
mod control_plane;
mod demo;
mod drift;
pub(crate) mod examples;
mod existing_service;
mod external_arguments;
mod external_service;
mod faults;
mod functions;
mod gateways;
mod global_arguments;
mod global_name;
mod guardrails;
mod import;
mod ingress;
mod install_config;
mod invalid_configurations;
mod istio_fields;
pub(crate) mod istioctl;
mod killed;
mod lifecycle;
mod live_checks;
mod moves;
mod moving_in;
mod mutation;
mod namespaces;
mod object_name;
mod offline;
mod plan_errors;
mod private_state;
mod provider_comparison;
mod proxy;
mod random_configurations;
mod rbac;
mod reads;
mod recorded_arguments;
mod replacement;
mod requests;
mod rights;
mod roll_out;
pub(crate) mod round_trip;
mod screens;
mod takeover;
mod terraform_features;
mod three_states;
mod traffic;
mod unknowns;
mod zero_trust;

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value as Json;
use terraform_provider_mesh::object::{FIELD_MANAGER, Key, from_text};

use crate::support::{
    control_plane::{Namespace, control_plane},
    proxy::Proxy,
    terraform::{Tool, Workspace},
    users::Grant,
};

/// A service with an object of every kind that `mesh_service` creates. `NAMESPACE` is replaced by the test's namespace.
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

/// The arguments of a non-interactive apply.
const APPLY: [&str; 4] = ["apply", "-input=false", "-no-color", "-auto-approve"];

/// The configuration of `services` services like [`CART`] in one namespace.
fn many_carts(services: usize) -> String {
    CART.replace("\"cart\" {", &format!("\"cart\" {{\n  count = {services}"))
        .replace("= \"cart\"", "= \"cart-${count.index}\"")
}

/// An environment variable with which Terraform plans one resource after the other, so that the time shows whether each waits.
const PLAN_ONE_BY_ONE: (&str, &str) = ("TF_CLI_ARGS_plan", "-parallelism=1");

/// How many times a run of this duration may read a list: the provider reads it again after ten seconds.
fn reads_of_a_list(run: Duration) -> u64 {
    1 + run.as_secs() / 10
}

/// The content of a resource whose replacement is created before the former one is destroyed.
const CREATE_BEFORE_DESTROY: &str = "  lifecycle {\n    create_before_destroy = true\n  }";

/// [`CART`] with more in its block, after its arguments.
fn cart_with(content: &str) -> String {
    format!("{}{content}\n}}\n", CART.trim_end().strip_suffix('}').expect("a block"))
}

/// `hcl` with more arguments before its first `port` block.
fn with_arguments(hcl: &str, arguments: &str) -> String {
    hcl.replacen("  port {", &format!("  {arguments}\n  port {{"), 1)
}

/// The key of an object that [`CART`] creates in `namespace`, of a kind whose names end with the namespace.
fn cart_key(namespace: &Namespace, kind: &str) -> Key {
    format!("{kind}/{0}/cart-{0}", namespace.name).parse().expect("a key")
}

/// A workspace whose provider has the rights of `grant` in `namespace`.
fn workspace(tool: Tool, grant: Grant, namespace: &Namespace, hcl: &str) -> Workspace {
    let workspace = Workspace::new(tool);
    workspace.write_file("kubeconfig", &control_plane().kubeconfig(&namespace.user(grant)));
    configure(&workspace, grant, namespace, hcl);
    workspace
}

/// A workspace like that of [`workspace`], whose provider connects through a proxy.
fn workspace_with_proxy(tool: Tool, grant: Grant, namespace: &Namespace, hcl: &str) -> (Workspace, Proxy) {
    let (workspace, proxy) = (workspace(tool, grant, namespace, hcl), Proxy::start(control_plane()));
    workspace.write_file("kubeconfig", &proxy.kubeconfig(&namespace.user(grant)));
    (workspace, proxy)
}

/// Replaces the configuration by `hcl`. For [`Grant::Platform`], the namespace is the root namespace of the mesh.
fn configure(workspace: &Workspace, grant: Grant, namespace: &Namespace, hcl: &str) {
    let root = if grant == Grant::Platform { &namespace.name } else { "istio-system" };
    workspace.configure(&provider(namespace, root, r#"config_path = "kubeconfig""#, hcl));
}

/// The arguments of a provider block that states `registry_only`, where services are hidden from those who may not call them.
const REGISTRY_ONLY: &str =
    "config_path = \"kubeconfig\"\n  installed {\n    outbound_traffic_policy = \"registry_only\"\n  }";

/// A provider block with `arguments`, followed by `hcl`. `NAMESPACE` in either is replaced by the namespace's name. By its defaults
/// each service has a DestinationRule and, if it speaks HTTP, a VirtualService, unless `arguments` have other defaults.
fn provider(namespace: &Namespace, root: &str, arguments: &str, hcl: &str) -> String {
    let defaults = "defaults {\n    resiliency = \"medium\"\n    request_timeout = \"15s\"\n  }";
    let defaults = if arguments.contains("defaults {") { "" } else { defaults };
    let block = format!(
        "provider \"mesh\" {{\n  owner = \"tests/NAMESPACE\"\n  root_namespace = \"{root}\"\n  {defaults}\n  {arguments}\n}}\n{hcl}\n"
    );
    block.replace("NAMESPACE", &namespace.name)
}

/// Applies the objects of `hcl` as `manager`, without any labels or annotations of the provider, and returns them.
fn hand_made(grant: Grant, namespace: &Namespace, hcl: &str, manager: &str) -> BTreeMap<Key, Json> {
    let first = workspace(Tool::Terraform, grant, namespace, hcl);
    first.apply().expect_success();
    let (_, values) = first.resources().remove(0);
    first.destroy().expect_success();
    let objects = values["objects"].as_object().expect("a map").iter().map(|(key, body)| {
        let key: Key = key.parse().expect("a key");
        let body = from_text(&key, body.as_str().expect("text")).expect("an object");
        control_plane().api().apply(&body, manager);
        (key, body)
    });
    objects.collect()
}

/// Applies `hcl`, checks that the next plan is empty, and returns the live objects of the namespace by `Kind/name`.
fn apply_and_read(workspace: &Workspace, namespace: &Namespace, arguments: &str, hcl: &str) -> BTreeMap<String, Json> {
    let arguments = format!("config_path = \"kubeconfig\"\n  {arguments}");
    workspace.configure(&provider(namespace, "istio-system", &arguments, hcl));
    workspace.converge();
    live_objects(namespace)
}

/// Destroys everything, and checks that the namespace is empty then.
#[track_caller]
fn destroy_all(workspace: &Workspace, namespace: &Namespace) {
    workspace.destroy().expect_success();
    namespace.assert_empty();
}

/// The part of a plan between the first resource that is created and the summary, which starts with `summary`.
fn created_part<'a>(text: &'a str, summary: &str) -> &'a str {
    let (_, after) = text.split_once("will be created").expect("a resource is created");
    after.split_once(summary).expect("the summary").0
}

/// The live objects of the namespace by `Kind/name`.
fn live_objects(namespace: &Namespace) -> BTreeMap<String, Json> {
    let api = control_plane().api();
    let keys = api.objects(&namespace.name).into_iter();
    keys.map(|text| {
        let key: Key = text.parse().expect("a key");
        (format!("{}/{}", key.kind.kind, key.name), api.get_existing(&key))
    })
    .collect()
}

/// The objects that were created (`+`), changed (`~`), deleted (`-`) and recreated (`-/+`) between two states.
fn difference(before: &BTreeMap<String, Json>, after: &BTreeMap<String, Json>) -> Vec<String> {
    let content = |live: &Json| {
        let export_to = &live["metadata"]["annotations"]["networking.istio.io/exportTo"];
        (live["spec"].clone(), export_to.clone(), live["metadata"]["annotations"]["istio.io/dry-run"].clone())
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

/// The field managers other than the provider that own a field of the object's spec.
fn other_managers(live: &Json) -> Vec<&Json> {
    let entries = live["metadata"]["managedFields"].as_array().expect("a list").iter();
    let spec = entries.filter(|entry| entry["fieldsV1"].get("f:spec").is_some());
    spec.map(|entry| &entry["manager"]).filter(|manager| *manager != FIELD_MANAGER).collect()
}

/// The uid, which changes when the object is recreated, and the generation, which changes with its spec.
fn uid_and_generation(live: &Json) -> (Json, Json) {
    (live["metadata"]["uid"].clone(), live["metadata"]["generation"].clone())
}
