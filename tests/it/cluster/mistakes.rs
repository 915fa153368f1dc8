//! Mistakes are told at plan, all at once, each where it was made, and nothing is written.

use crate::support::{control_plane::control_plane, terraform::Tool, users::Grant};

use super::workspace;

/// What is written, and the words that its errors must have. `NAMESPACE` stands for the namespace of the test.
const MISTAKES: &[(&str, &[&str])] = &[
    (
        // A reference that can't be parsed.
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
        // The identity that everybody has.
        r#"
resource "mesh_service" "cart" {
  name            = "cart"
  namespace       = "NAMESPACE"
  service         = "managed"
  service_account = "default"
  port {
    number   = 80
    protocol = "http"
  }
}"#,
        &[r#"Service account "default""#, r#"service_account = "default" Every workload"#],
    ),
    (
        // A value that there isn't.
        r#"
resource "mesh_external_service" "bank" {
  host       = "api.bank.example"
  export_to  = ["shop"]
  resiliency = "hihg"
}"#,
        &["Invalid resiliency", r#""hihg" isn't one of "low", "medium", "high", "none""#],
    ),
    (
        // HTTP words for a port that speaks no HTTP.
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
        // A missing argument.
        r#"
resource "mesh_external_service" "bank" {
  host = "api.bank.example"
}"#,
        &["Missing required argument", "\"export_to\""],
    ),
    (
        // Three at once.
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
        // Nothing said.
        r#"
resource "mesh_global_defaults" "this" {
}"#,
        &["The resource says nothing"],
    ),
];

#[test]
#[ignore = "needs the servers of `make tools`"]
fn mistakes_are_told_at_plan_and_nothing_is_written() {
    let namespace = control_plane().namespace("mistakes");
    for tool in Tool::ALL {
        let workspace = workspace(tool, Grant::AppTeam, &namespace, "");
        for (hcl, words) in MISTAKES {
            super::configure(&workspace, Grant::AppTeam, &namespace, hcl);
            let told = workspace.try_plan().errors();
            for word in *words {
                assert!(told.contains(word), "{tool}: {word:?} is not in: {told}");
            }
            assert!(!told.contains("panic"), "{told}");
        }
    }
    assert_eq!(control_plane().api().objects(&namespace.name), Vec::<String>::new());
}
