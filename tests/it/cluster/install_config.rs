//! `mesh_install_config` in Terraform and OpenTofu without a cluster, and what istioctl makes of its documents.

use std::{fmt::Write as _, fs, process::Command};

use serde_json::Value as Json;
use tempfile::TempDir;

use crate::{
    generated::text,
    support::{
        control_plane::tools_folder,
        terraform::{Tool, Workspace},
    },
};

const EXAMPLE: &str = "examples/data-sources/mesh_install_config/data-source.tf";

/// An offline provider, the example, and all documents as outputs.
fn configuration() -> String {
    let mut configuration = "provider \"mesh\" {\n  owner   = \"tests\"\n  offline = true\n}\n".to_owned();
    configuration.push_str(&text(EXAMPLE));
    for name in ["production", "open", "fips"] {
        writeln!(
            configuration,
            "output \"{name}_operator\" {{\n  value = data.mesh_install_config.{name}.istio_operator_yaml\n}}"
        )
        .expect("a string");
    }
    configuration.push_str(
        "output \"fips_operator_1_27\" {\n  value = data.mesh_install_config.fips.rendered[\"1.27\"].istio_operator_yaml\n}\n\
         output \"older_versions\" {\n  value = keys(data.mesh_install_config.fips.rendered)\n}\n\
         output \"trust_domain\" {\n  value = yamldecode(data.mesh_install_config.production.mesh_config_yaml).trustDomain\n}\n",
    );
    configuration
}

fn outputs(workspace: &Workspace) -> Json {
    workspace.configure(&configuration());
    workspace.apply().expect_success();
    let outputs = workspace.run(&["output", "-json", "-no-color"]).expect_success().stdout;
    serde_json::from_str(&outputs).expect("JSON")
}

#[test]
#[ignore = "needs terraform, and tofu of `make tools`"]
fn install_config_works_without_a_cluster() {
    for tool in Tool::ALL {
        let workspace = Workspace::new(tool);
        let outputs = outputs(&workspace);
        assert_eq!(
            outputs["installed"]["value"],
            serde_json::json!({ "dns_capture": true, "outbound_traffic_policy": "registry_only" }),
            "{tool}"
        );
        assert_eq!(outputs["older_versions"]["value"], serde_json::json!(["1.27", "1.28", "1.29", "1.30"]), "{tool}");
        assert_eq!(outputs["trust_domain"]["value"], "prod.example.com", "{tool}");
        let values = outputs["istiod_values_1_30"]["value"].as_str().expect("a text");
        assert!(values.contains("COMPLIANCE_POLICY: fips-140-2"), "{tool}: {values}");

        // A field that there isn't can't be written, and a mistake is an error of the plan.
        for (wrong, error) in [
            ("trust_domian = \"prod.example.com\"", "trust_domian"),
            ("outbound_traffic_policy = \"allow_any\"\n  default_export_to = [\".\"]", "clear text"),
        ] {
            workspace.configure(&format!(
                "provider \"mesh\" {{\n  owner   = \"tests\"\n  offline = true\n}}\n\
                 data \"mesh_install_config\" \"wrong\" {{\n  {wrong}\n}}\n"
            ));
            let errors = workspace.try_plan().errors();
            assert!(errors.contains(error), "{tool}: {errors}");
        }
    }
}

/// istioctl refuses values that the charts don't know. It takes any `meshConfig`, which must arrive as it was written.
#[test]
#[ignore = "needs terraform, and istioctl of `make tools`"]
fn istioctl_generates_manifests_from_the_operator() {
    let workspace = Workspace::new(Tool::Terraform);
    let outputs = outputs(&workspace);
    let documents = ["production_operator", "open_operator", "fips_operator", "fips_operator_1_27"]
        .map(|name| outputs[name]["value"].as_str().expect("a text").to_owned());
    for document in &documents {
        let manifests = manifests(document).unwrap_or_else(|error| panic!("{error}\n{document}"));
        let written: Json = serde_saphyr::from_str(document).expect("YAML");
        let manifests: Vec<Json> =
            manifests.split("\n---\n").filter_map(|manifest| serde_saphyr::from_str(manifest).ok()).collect();
        let find = |kind: &str, name: &str| {
            let found =
                manifests.iter().find(|manifest| manifest["kind"] == kind && manifest["metadata"]["name"] == name);
            found.unwrap_or_else(|| panic!("there is no {kind} {name}"))
        };
        let config = find("ConfigMap", "istio");
        let mesh: Json = serde_saphyr::from_str(config["data"]["mesh"].as_str().expect("a text")).expect("YAML");
        for (name, value) in written["spec"]["meshConfig"].as_object().expect("an object") {
            match value.as_object() {
                Some(fields) => {
                    for (field, value) in fields {
                        assert_eq!(&mesh[name][field], value, "{name}");
                    }
                }
                None => assert_eq!(&mesh[name], value, "{name}"),
            }
        }
        let policy = &written["spec"]["values"]["pilot"]["env"]["COMPLIANCE_POLICY"];
        let containers = &find("Deployment", "istiod")["spec"]["template"]["spec"]["containers"];
        let environment = containers[0]["env"].as_array().expect("a list");
        let found = environment.iter().find(|variable| variable["name"] == "COMPLIANCE_POLICY");
        assert_eq!(found.map_or(&Json::Null, |variable| &variable["value"]), policy);
    }
    let wrong = documents[2].replace("pilot:", "pilot:\n      unknown: 1");
    assert!(manifests(&wrong).unwrap_err().contains("unknown field"));
}

/// The manifests that istioctl makes of an IstioOperator; the error is its output.
pub(super) fn manifests(operator: &str) -> Result<String, String> {
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("operator.yaml");
    fs::write(&file, operator).expect("writing a file");
    let output = Command::new(tools_folder().join("istioctl"))
        .args(["manifest", "generate", "--filename"])
        .arg(&file)
        .env_clear()
        .env("HOME", "/nonexistent")
        .output()
        .expect("istioctl");
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}
