//! Functions in Terraform and OpenTofu, without a cluster and without a configured provider.

use serde_json::json;

use crate::{
    generated::{files, text},
    support::terraform::{Tool, Workspace, unframe},
};

/// A configuration without a provider block, which functions don't need.
const HEAD: &str = r#"
locals {
  objects = { "Namespace/pci" = jsonencode({ metadata = { labels = { team = "pci" } } }) }
}
"#;

#[test]
#[ignore = "needs terraform, and tofu of `make tools`"]
fn functions_work_without_a_cluster() {
    for tool in Tool::ALL {
        let workspace = Workspace::new(tool);
        let mut configuration = HEAD.to_owned();
        for path in files("examples/functions", ".tf") {
            configuration.push_str(&text(&path).replace("mesh_service.payments.objects", "local.objects"));
        }
        configuration.push_str("output \"namespaces\" {\n  value = local.namespaces\n}\n");
        workspace.configure(&configuration);
        workspace.apply().expect_success();
        let outputs = workspace.run(&["output", "-json", "-no-color"]).expect_success().stdout;
        let outputs: serde_json::Value = serde_json::from_str(&outputs).expect("JSON");
        for (name, value) in [
            ("max_connections", json!(10000)),
            ("namespaces", json!(["reports", "shop"])),
            ("payments", json!("prod.example.com/ns/pci/sa/payments")),
            ("payments_name", json!("payments.pci.example.internal")),
            ("payments_url", json!("http://payments.pci.svc.cluster.local:8080")),
            (
                "payments_yaml",
                json!("apiVersion: v1\nkind: Namespace\nmetadata:\n  labels:\n    team: pci\n  name: pci\n"),
            ),
            ("virtual_service", json!("pci/payments-pci")),
        ] {
            assert_eq!(outputs[name]["value"], value, "{tool}: {name}");
        }

        workspace.configure(&format!(
            "{HEAD}output \"wrong\" {{\n  value = provider::mesh::host(\"Payments\", \"pci\")\n}}\n"
        ));
        let errors = workspace.try_plan().errors();
        assert!(
            errors.contains("Lowercase letters, digits and dashes") && errors.contains("\"Payments\""),
            "{tool}: {errors}"
        );
    }
}

/// The policy tests of the example hold, and fail where a change breaks a rule.
#[test]
#[ignore = "needs terraform, and tofu of `make tools`"]
fn policy_tests_of_the_example_run_without_a_cluster() {
    const FOLDER: &str = "examples/scenarios/policy-tests";
    for tool in Tool::ALL {
        let workspace = Workspace::new(tool);
        let configuration = text(&format!("{FOLDER}/main.tf"));
        workspace.write_file("main.tf", &configuration);
        workspace.write_file("policies.tftest.hcl", &text(&format!("{FOLDER}/policies.tftest.hcl")));
        let output = workspace.run(&["test", "-no-color"]).expect_success().stdout;
        assert!(output.contains("4 passed, 0 failed"), "{tool}: {output}");

        for (from, to, broken) in [
            ("from    = [\"shop/checkout\"]", "from    = [\"*\"]", "A service admits every workload of the mesh."),
            ("[\"/charges\"]", "[\"/charges\", \"/refunds\"]", "The policy of payments admits other paths."),
        ] {
            workspace.write_file("main.tf", &configuration.replace(from, to));
            let output = workspace.run(&["test", "-no-color"]);
            assert!(output.code == Some(1) && unframe(&output.stderr).contains(broken), "{tool}: {output}");
        }
    }
}
