//! Sensitive values and the annotation that records arguments.

use terraform_provider_mesh::object::annotation::ARGUMENTS;

use crate::support::{
    control_plane::control_plane,
    terraform::{Tool, Workspace},
};

use super::{CART, cart_with, provider};

/// Core marks a value as sensitive where it is an argument, and not where the provider computes something of it.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn sensitive_value_is_in_no_annotation_of_arguments_without_recording() {
    let plane = control_plane();
    let kubeconfig = plane.kubeconfig(&plane.admin);
    let hcl = cart_with("  annotations = { \"example.com/secret\" = var.secret }");
    let hcl = format!("variable \"secret\" {{\n  sensitive = true\n  default = \"hunter2hunter2\"\n}}\n{hcl}");
    for tool in Tool::ALL {
        let namespace = plane.namespace("unrecorded");
        let workspace = Workspace::new(tool);
        workspace.write_file("kubeconfig", &kubeconfig);
        let configure = |arguments: &str, hcl: &str| {
            let arguments = format!("config_path = \"kubeconfig\"\n  {arguments}");
            workspace.configure(&provider(&namespace, "istio-system", &arguments, hcl));
        };
        let recorded = || {
            let live = plane.api().objects(&namespace.name).into_iter();
            let live = live.filter_map(|key| plane.api().get(&key.parse().expect("a key")));
            let values = live.filter_map(|live| live["metadata"]["annotations"][ARGUMENTS].as_str().map(str::to_owned));
            values.collect::<Vec<_>>()
        };
        configure("", &hcl);
        workspace.apply().expect_success();
        assert!(recorded().len() == 1 && recorded()[0].contains("hunter2hunter2"), "{tool}: {:?}", recorded());
        // The annotation goes with the next change of the resource.
        configure("record_arguments = false", &hcl.replace("8080", "8081"));
        workspace.apply().expect_success();
        assert!(recorded().is_empty(), "{tool}: {:?}", recorded());
        workspace.assert_empty_plan();

        workspace.remove_from_state("mesh_service.cart");
        let import = format!("\nimport {{\n  to = mesh_service.cart\n  id = \"{}/cart\"\n}}", namespace.name);
        configure("record_arguments = false", &(hcl.replace("8080", "8081") + &import));
        let plan = workspace.plan();
        assert!(plan.text.contains("The imported objects don't record arguments"), "{tool}: {}", plan.text);
        workspace.apply().expect_success();
        workspace.assert_empty_plan();
    }
    assert!(CART.contains("8080"), "the port that the test changes");
}
