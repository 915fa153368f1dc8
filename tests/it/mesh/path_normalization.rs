//! Forms of a path: which of them pass a rule, with both settings of the mesh.

use http::Method;
use serde_json::json;

use super::wrong_rendering::{apply_wrong_rendering, repair};
use crate::support::{
    mesh::{Mesh, start_all},
    terraform::Workspace,
};

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
    configure(&workspace, &deny("/internal/*"));
    request("/internal/x").becomes(403);
    // The default of Istio: all forms pass, as they are, and a plan says so.
    for form in FORMS {
        let answer = request(form).becomes(200);
        assert_eq!(answer.received()["path"], form);
    }
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
    let answer = request("/public%2fx//y").becomes(200);
    assert_eq!(answer.received()["path"], "/public/x/y");
    write(&workspace, &deny("/private/*"));
    assert!(!workspace.plan().text.contains(warning));
    // Upper and lower case stay different.
    request("/Internal/x").becomes(200);
    workspace.destroy().expect_success();
}
