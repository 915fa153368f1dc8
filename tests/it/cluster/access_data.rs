//! `mesh_access` in Terraform and OpenTofu: the example, whose `check` block warns of other callers than the one that it names.

use serde_json::{Value as Json, json};

use super::examples::{PROVIDER, initialized};
use crate::support::{api::Api, control_plane::ControlPlane, terraform::Tool};

fn policy(name: &str, callers: &[&str]) -> Json {
    json!({
        "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
        "metadata": { "name": name, "namespace": "pci" },
        "spec": {
            "selector": { "matchLabels": { "app": "payments" } },
            "rules": [{ "from": [{ "source": { "principals": callers } }] }],
        },
    })
}

fn service(api: &Api, port_name: &str) {
    let spec = json!({ "selector": { "app": "payments" }, "ports": [{ "name": port_name, "port": 80 }] });
    let metadata = json!({ "name": "payments", "namespace": "pci" });
    api.apply(&json!({ "apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec }), "helm");
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn check_of_the_example_tells_of_unexpected_callers() {
    let plane = ControlPlane::start();
    let api = plane.api();
    for name in ["pci", "istio-system"] {
        plane.create_namespace(name);
    }
    for tool in Tool::ALL {
        service(&api, "http");
        api.apply(&policy("payments", &["cluster.local/ns/shop/sa/checkout"]), "another-tool");
        let workspace = initialized(&plane, tool, "data-sources/mesh_access");
        assert!(workspace.read_file("main.tf").contains(PROVIDER.trim_end()), "{tool}");
        let output = workspace.apply().expect_success().stdout;
        assert!(!output.contains("Check block assertion failed"), "{tool}: {output}");

        // A policy of another tool admits another caller.
        api.apply(&policy("other", &["cluster.local/ns/shop/sa/report"]), "another-tool");
        let plan = workspace.try_plan();
        let text = format!("{}{}", plan.stdout, plan.stderr);
        assert!(text.contains("Callers of payments: shop/checkout, shop/report."), "{tool}: {text}");

        // On a port without requests, a rule about methods admits no connection.
        let mut rule = policy("payments", &["cluster.local/ns/shop/sa/checkout"]);
        rule["spec"]["rules"][0]["to"] = json!([{ "operation": { "methods": ["GET"] } }]);
        api.apply(&rule, "another-tool");
        service(&api, "tcp");
        let plan = workspace.try_plan();
        let text = format!("{}{}", plan.stdout, plan.stderr);
        assert!(text.contains("Callers of payments: shop/report."), "{tool}: {text}");
        api.delete(&"AuthorizationPolicy/pci/other".parse().expect("a key"));
    }
}
