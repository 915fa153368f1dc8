//! Invalid arguments are plan errors, all at once, each with the position of its argument, and nothing is written.

use crate::support::{assertions::assert_contains_all, control_plane::control_plane, terraform::Tool, users::Grant};

use super::workspace;

/// Invalid configurations, each with parts of the expected errors. `NAMESPACE` is replaced by the namespace of the
/// test.
const INVALID: &[(&str, &[&str])] = &[
    (
        // An invalid caller.
        r#"
resource "mesh_service" "cart" {
  name      = "cart"
  namespace = "NAMESPACE"
  port {
    number   = 80
    protocol = "http"
  }
  allow {
    from = ["web", "*/web"]
  }
}"#,
        &["Invalid allow[0].from", r#""*/web" isn't a caller"#, "on main.tf line"],
    ),
    (
        // The ServiceAccount of all workloads without their own.
        r#"
resource "mesh_service" "cart" {
  name            = "cart"
  namespace       = "NAMESPACE"
  service_account = "default"
  port {
    number   = 80
    protocol = "http"
  }
}"#,
        &[r#"Service account "default""#, r#"service_account = "default" Every workload"#],
    ),
    (
        // An unknown preset.
        r#"
resource "mesh_external_service" "bank" {
  host       = "api.bank.example"
  export_to  = ["shop"]
  resiliency = "hihg"
}"#,
        &["Invalid resiliency", r#""hihg" isn't one of "low", "medium", "high", "none""#],
    ),
    (
        // A rule on requests for a TCP port.
        r#"
resource "mesh_service" "cart" {
  name      = "cart"
  namespace = "NAMESPACE"
  port {
    number   = 5432
    protocol = "tcp"
  }
  allow {
    from    = ["web"]
    methods = ["GET"]
    ports   = [5432]
  }
}"#,
        &["HTTP rule on tcp port 5432"],
    ),
    (
        // A missing required argument.
        r#"
resource "mesh_external_service" "bank" {
  host = "api.bank.example"
}"#,
        &["Missing required argument", "\"export_to\""],
    ),
    (
        // Three errors at once.
        r#"
resource "mesh_service" "cart" {
  name       = "cart"
  namespace  = "NAMESPACE"
  resiliency = "hihg"
  calls      = ["shop/"]
  port {
    number   = 0
    protocol = "http"
  }
}"#,
        &["Invalid resiliency", "Invalid calls", "Invalid port[0].number"],
    ),
    (
        // A resource without any object.
        r#"
resource "mesh_global_defaults" "this" {
}"#,
        &["No objects to create: set at least one argument"],
    ),
];

#[test]
#[ignore = "needs the servers of `make tools`"]
fn invalid_arguments_are_plan_errors_and_nothing_is_written() {
    let namespace = control_plane().namespace("invalid");
    for tool in Tool::ALL {
        let workspace = workspace(tool, Grant::AppTeam, &namespace, "");
        for (hcl, parts) in INVALID {
            super::configure(&workspace, Grant::AppTeam, &namespace, hcl);
            let errors = workspace.try_plan().errors();
            assert_contains_all(tool, &errors, *parts);
            assert!(!errors.contains("panic"), "{errors}");
        }
    }
    namespace.assert_empty();
}
