//! Against real servers: etcd and kube-apiserver with Istio's kinds, real terraform, real tofu. `make test` runs them.

// A failure here is a test's failure: it may panic, and clippy knows only functions marked as tests.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod behaviour;
mod conflicts;
mod conformance;
mod connections;
mod control_plane;
mod core;
mod drift;
mod early;
mod examples;
mod faults;
mod fixed_point;
mod lifecycle;
mod mistakes;
mod mutation;
mod offline;
mod proxy;
mod rbac;
mod reads;
mod refused;
mod replacement;
mod requests;
mod rights;
mod unknowns;

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
    workspace.file("kubeconfig", &control_plane().kubeconfig(&namespace.user(grant)));
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
