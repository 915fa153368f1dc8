//! Forms of a path: which of them pass a rule, with both settings of the mesh.

use http::Method;
use serde_json::{Value as Json, json};

use super::wrong_rendering::{apply_wrong_rendering, repair};
use crate::support::{
    mesh::{Mesh, start_all},
    terraform::Workspace,
};

/// What `mesh_cluster` says of the installation.
const AUDIT: &str = r#"
provider "mesh" {
  owner = "tests/audit"
}
data "mesh_cluster" "this" {}
output "codes" {
  value = data.mesh_cluster.this.findings[*].code
}
output "revision" {
  value = data.mesh_cluster.this.revisions["default"]
}
"#;

/// The Deployment of istiod as the charts make it. In these tests istiod is a process without one.
fn istiod_deployment() -> Json {
    let container = json!({ "name": "discovery", "image": "docker.io/istio/pilot:1.31.1" });
    let labels = json!({ "app": "istiod", "istio.io/rev": "default" });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "istiod", "namespace": "istio-system", "labels": labels },
        "spec": {
            "selector": { "matchLabels": { "app": "istiod" } },
            "template": { "metadata": { "labels": { "app": "istiod" } }, "spec": { "containers": [container] } },
        },
    })
}

/// Whether `path-normalization` is among the findings, and the revision of istiod.
fn audit(workspace: &Workspace) -> (bool, Json) {
    workspace.apply().expect_success();
    let outputs = workspace.run(&["output", "-json", "-no-color"]).expect_success().stdout;
    let outputs: Json = serde_json::from_str(&outputs).expect("JSON");
    let codes = outputs["codes"]["value"].as_array().expect("a list");
    (codes.iter().any(|code| code == "path-normalization"), outputs["revision"]["value"].clone())
}

/// Forms of `/internal/x` that applications may take for it.
const FORMS: [&str; 4] = ["//internal/x", "/internal%2fx", "/public/..%2finternal/x", "/internal%5cx"];

/// The block that denies paths.
fn deny(paths: &str) -> String {
    format!("deny {{\n    from  = [\"*\"]\n    paths = [{paths:?}]\n  }}")
}

fn configure(workspace: &Workspace, deny: &str) {
    write(workspace, deny);
    workspace.converge();
}

/// Writes the service with a `deny` block.
fn write(workspace: &Workspace, deny: &str) {
    workspace.configure(&format!(
        r#"
provider "mesh" {{
  owner = "tests/path-normalization"
}}
resource "mesh_service" "api" {{
  name      = "api"
  namespace = "shop"
  service   = "managed"
  {deny}
  allow {{
    from = ["caller"]
  }}
  port {{
    number      = 80
    protocol    = "http"
    target_port = 8080
  }}
}}
"#
    ));
}

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn escaped_slashes_pass_rules_unless_the_mesh_decodes_them() {
    let mesh = Mesh::start(&json!({}));
    mesh.create_namespaces(["shop"]);
    let (workspace, proxy) = mesh.workspace_with_proxy();
    configure(&workspace, "");
    let [caller, _api] = start_all([mesh.workload("shop", "caller"), mesh.workload("shop", "api")]);
    let request = |path: &str| caller.request(Method::GET, &format!("http://api{path}"));

    // Negative control: without the rule, each path is answered.
    request("/internal/x").becomes(200);
    mesh.api().apply(&istiod_deployment(), "helm");
    let auditor = mesh.workspace();
    auditor.configure(AUDIT);
    let (is_found, revision) = audit(&auditor);
    assert!(!is_found, "no rule names paths");
    assert_eq!(revision["version"], "1.31.1");
    assert_eq!(revision["control_plane"], "istio-system/istiod");
    assert!(!revision["mesh_config"].as_str().expect("YAML").contains("pathNormalization"), "{revision}");
    configure(&workspace, &deny("/internal/*"));
    request("/internal/x").becomes(403);
    // The default of Istio: all forms pass, as they are, and a plan says so.
    for form in FORMS {
        let answer = request(form).becomes(200);
        assert_eq!(answer.received()["path"], form);
    }
    assert!(audit(&auditor).0, "forms of the path pass the rule");
    let warning = "Rules on paths can be passed by other forms of a path";
    write(&workspace, &deny("/private/*"));
    let plan = workspace.plan().text;
    assert!(plan.contains(warning) && plan.contains("/private/*"), "{plan}");
    configure(&workspace, &deny("/internal/*"));

    let wrong = |change: fn(&mut serde_json::Value)| {
        apply_wrong_rendering((&mesh, &proxy, &workspace), "AuthorizationPolicy/shop/api-shop-deny", change);
    };
    wrong(|policy| policy["spec"]["rules"][0]["to"][0]["operation"]["paths"] = json!(["/internal"]));
    request("/internal/x").becomes(200);
    wrong(|policy| policy["metadata"]["annotations"]["istio.io/dry-run"] = json!("true"));
    request("/internal/x").becomes(200);
    repair(&proxy, &workspace);
    request("/internal/x").becomes(403);

    // With the other setting all forms are refused, and applications receive the decoded path.
    mesh.change_config(&json!({ "pathNormalization": { "normalization": "DECODE_AND_MERGE_SLASHES" } }));
    for form in FORMS {
        request(form).becomes(403);
    }
    let (is_found, revision) = audit(&auditor);
    assert!(
        !is_found && revision["mesh_config"].as_str().expect("YAML").contains("DECODE_AND_MERGE_SLASHES"),
        "{revision}"
    );
    let answer = request("/public%2fx//y").becomes(200);
    assert_eq!(answer.received()["path"], "/public/x/y");
    write(&workspace, &deny("/private/*"));
    assert!(!workspace.plan().text.contains(warning));
    // Upper and lower case stay different.
    request("/Internal/x").becomes(200);
    workspace.destroy().expect_success();
}
