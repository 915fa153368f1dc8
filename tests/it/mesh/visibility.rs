//! What a caller's proxy does with a service that it doesn't see: nothing of it may leave as clear text.

use std::time::Duration;

use http::Method;
use serde_json::json;

use crate::support::{
    mesh::{Mesh, Workload, start_all},
    polling::wait_until,
};

/// The provider block, with this statement of the mesh's outbound traffic policy, and a service that `elsewhere` may not call.
fn configuration(policy: &str, arguments: &str) -> String {
    format!(
        "provider \"mesh\" {{\n  owner = \"tests/visibility\"\n  installed {{\n    outbound_traffic_policy = \"{policy}\"\n  }}\n  checks = {{ \
         \"outbound-policy\" = \"warn\" }}\n}}\nresource \"mesh_global_defaults\" \"this\" {{\n  mtls {{}}\n}}\nresource \"mesh_service\" \
         \"ledger\" {{\n  name = \"ledger\"\n  namespace = \"pci\"\n  {arguments}\n  port {{\n    number = 80\n    protocol = \"http\"\n    \
         target_port = 8080\n  }}\n}}\n"
    )
}

/// Whether a request of `ledger` with this credential can be read on the wire, sent to the address that a DNS server gives.
fn leaks(mesh: &Mesh, caller: &Workload, ledger: &Workload, code: u16) -> bool {
    let url = "http://ledger.pci.svc.cluster.local:8080/";
    let request = || {
        caller.request(Method::GET, url).connect_to((ledger.address(), 8080)).header("authorization", "secret-token")
    };
    request().becomes(code);
    let capture = mesh.capture();
    request().becomes(code);
    capture.stop().contains("secret-token")
}

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn hidden_service_is_not_called_in_clear_text() {
    let mesh = Mesh::start(&json!({}));
    mesh.create_namespaces(["pci", "shop"]);
    mesh.service("pci", "ledger", &[("http", 80, 8080)]);
    let [caller, ledger] = start_all([mesh.workload("shop", "caller"), mesh.workload("pci", "ledger")]);
    let workspace = mesh.workspace();

    // By default the service is seen everywhere: the policy refuses, over mutual TLS.
    workspace.configure(&configuration("allow_any", ""));
    workspace.converge();
    caller.request(Method::GET, "http://ledger.pci/").becomes(403);

    // Negative control: hidden by a statement that is false, its requests leave in clear text. STRICT resets them, too late.
    workspace.configure(&configuration("registry_only", ""));
    let plan = workspace.plan();
    assert!(plan.text.contains("The mesh lets calls of unknown hosts out"), "{}", plan.text);
    workspace.apply().expect_success();
    assert!(leaks(&mesh, &caller, &ledger, 0), "the statement is false");

    // With the statement made true, nothing leaves.
    let defaults = configuration("registry_only", "")
        .replace("  mtls {}", "  mtls {}\n  outbound_traffic_policy = \"registry_only\"");
    workspace.configure(&defaults);
    workspace.converge();
    wait_until(Duration::from_secs(30), "nothing leaves in clear text", || {
        (0..3).all(|_| !leaks(&mesh, &caller, &ledger, 0))
    });
    workspace.destroy().expect_success();
}
