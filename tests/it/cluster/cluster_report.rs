//! `mesh_cluster` on a real API server with the objects of Istio's charts: with all rights, with the documented ones, with none,
//! and without a server.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use crate::{
    generated::text,
    support::{
        control_plane::ControlPlane,
        terraform::{Tool, Workspace},
        users::{Grant, User},
    },
};

use super::{examples::PROVIDER, install_config::manifests};

const EXAMPLE: &str = "examples/data-sources/mesh_cluster/data-source.tf";

const OPERATOR: &str = "
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
spec:
  profile: minimal
  meshConfig:
    trustDomain: prod.example.com
";

const REPORT: &str = "
data \"mesh_cluster\" \"report\" {
}
output \"report\" {
  value = data.mesh_cluster.report
}
";

/// The findings that `mesh_global_defaults` fixes.
const DEFAULTS: &str = "
resource \"mesh_global_defaults\" \"this\" {
  outbound_traffic_policy = \"registry_only\"
  mtls {}
  sidecar {}
  authorization {
    mode = \"enforce\"
  }
}
";

/// The objects of Istio's charts that say what is installed.
fn install(plane: &ControlPlane) {
    plane.create_namespace("istio-system");
    plane.create_namespace("shop");
    let manifests = manifests(OPERATOR).expect("manifests");
    let manifests = manifests.split("\n---\n").filter_map(|manifest| serde_saphyr::from_str::<Json>(manifest).ok());
    for manifest in manifests {
        let is_of_installation =
            ["Deployment", "ConfigMap", "MutatingWebhookConfiguration"].iter().any(|kind| manifest["kind"] == *kind);
        if is_of_installation {
            plane.api().apply(&manifest, "helm");
        }
    }
    plane.api().apply(
        &json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": { "name": "shop", "labels": { "istio.io/rev": "canary" } },
        }),
        "tests",
    );
}

fn workspace(tool: Tool, plane: &ControlPlane, user: &User) -> Workspace {
    let workspace = Workspace::new(tool).env("KUBE_CONFIG_PATH", "kubeconfig");
    workspace.write_file("kubeconfig", &plane.kubeconfig(user));
    workspace
}

/// The attributes of the data source after an apply of `hcl`.
fn report(workspace: &Workspace, hcl: &str) -> Json {
    workspace.configure(&format!("{PROVIDER}{hcl}"));
    workspace.converge();
    let outputs = workspace.run(&["output", "-json", "-no-color"]).expect_success().stdout;
    let outputs: Json = serde_json::from_str(&outputs).expect("JSON");
    outputs["report"]["value"].clone()
}

fn codes(report: &Json) -> BTreeSet<&str> {
    let findings = report["findings"].as_array().expect("a list");
    findings.iter().map(|finding| finding["code"].as_str().expect("a code")).collect()
}

fn texts(list: &Json) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|item| item.as_str().expect("a text")).collect()
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn installation_and_findings_are_read_with_the_documented_rights() {
    let plane = ControlPlane::start();
    install(&plane);
    let admin = report(&workspace(Tool::Tofu, &plane, &plane.admin), REPORT);
    let grants = [(Grant::MeshCluster, "istio-system"), (Grant::MeshClusterRoot, "istio-system")];
    let auditor = plane.user_with_grants("auditor", &grants);
    let report_of_auditor = report(&workspace(Tool::Terraform, &plane, &auditor), REPORT);
    assert_eq!(report_of_auditor, admin);

    assert_eq!(admin["reachable"], true);
    assert_eq!(admin["not_visible"], json!([]));
    assert!(admin["kubernetes_version"].as_str().is_some_and(|version| version.starts_with("v1.")), "{admin}");
    assert_eq!(admin["istio_versions"], json!(["1.31.1"]));
    assert_eq!(admin["third_party_tokens"], true);
    assert_eq!(admin["kinds"]["VirtualService.networking.istio.io"], json!(["v1", "v1alpha3", "v1beta1"]));
    assert_eq!(admin["kinds"].as_object().map(|kinds| kinds.contains_key("Deployment.apps")), Some(false));
    let revision = &admin["revisions"]["default"];
    assert_eq!((&revision["version"], &revision["control_plane"]), (&json!("1.31.1"), &json!("istio-system/istiod")));
    assert!(revision["mesh_config"].as_str().expect("YAML").contains("trustDomain: prod.example.com"), "{revision}");
    assert_eq!(admin["data_planes"]["shop"], "sidecar");
    assert_eq!(admin["data_planes"]["istio-system"], "none");
    assert_eq!(admin["injection_labels"], json!({ "shop": "istio.io/rev=canary" }));
    let open = [
        "mesh-export",
        "mesh-outbound",
        "minimum-tls",
        "missing-deny-all",
        "missing-sidecar",
        "permissive-mtls",
        "unknown-revision",
    ];
    assert_eq!(codes(&admin), open.into());
}

/// The same configuration fixes its findings, and its plan is empty afterwards.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn findings_go_with_what_they_are_about() {
    let plane = ControlPlane::start();
    install(&plane);
    for tool in Tool::ALL {
        let workspace = workspace(tool, &plane, &plane.admin);
        // The example in a mesh that is open: its checks warn.
        workspace.configure(&format!("{PROVIDER}{}", text(EXAMPLE)));
        let output = workspace.apply().expect_success().stdout;
        assert!(output.contains("permissive-mtls: Namespace/istio-system"), "{tool}: {output}");
        assert!(output.contains("prod.example.com"), "{tool}: {output}");

        let dependent = REPORT.replace("\n}\noutput", "\n  depends_on = [mesh_global_defaults.this]\n}\noutput");
        let fixed = report(&workspace, &format!("{DEFAULTS}{dependent}"));
        assert_eq!(codes(&fixed), ["mesh-export", "minimum-tls", "unknown-revision"].into(), "{tool}");
        workspace.destroy().expect_success();
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn missing_rights_and_a_missing_server_are_no_errors() {
    let plane = ControlPlane::start();
    install(&plane);
    let user = plane.certificate_user("no-rights", &[]);
    for tool in Tool::ALL {
        let workspace = workspace(tool, &plane, &user);
        let blind = report(&workspace, REPORT);
        assert_eq!((&blind["reachable"], &blind["third_party_tokens"]), (&json!(true), &json!(true)), "{tool}");
        assert!(blind["kinds"].as_object().is_some_and(|kinds| kinds.contains_key("Sidecar.networking.istio.io")));
        assert_eq!((&blind["findings"], &blind["revisions"]), (&json!([]), &json!({})), "{tool}");
        let not_visible = texts(&blind["not_visible"]);
        for right in [
            "list pods everywhere",
            "list deployments in istio-system",
            "get configmaps in istio-system",
            "list namespaces everywhere",
        ] {
            assert!(not_visible.contains(&format!("no right to {right}").as_str()), "{tool}: {not_visible:?}");
        }
        assert_eq!(not_visible.len(), 13, "{not_visible:?}");

        let unreachable = Workspace::new(tool);
        let provider = PROVIDER.replace("owner =", "host  = \"https://127.0.0.1:1\"\n  owner =");
        unreachable.configure(&format!("{provider}{}", REPORT.replace("value = data.mesh_cluster.report", "value = {\n    reachable = data.mesh_cluster.report.reachable\n    why = data.mesh_cluster.report.not_visible\n  }")));
        unreachable.apply().expect_success();
        let outputs = unreachable.run(&["output", "-json", "-no-color"]).expect_success().stdout;
        let outputs: Json = serde_json::from_str(&outputs).expect("JSON");
        let value = &outputs["report"]["value"];
        assert_eq!(value["reachable"], false, "{tool}");
        assert!(texts(&value["why"])[0].starts_with("the API server: no answer"), "{tool}: {value}");
    }
}
