//! Istio's own judgement of what the provider renders: its webhook, fail-closed on the API server, and `istioctl analyze`
//! of the live cluster. `cluster::istioctl` also analyzes the golden files.

use std::collections::BTreeSet;

use serde_json::json;

use crate::{
    cluster::{
        examples::{PROVIDER, create_existing_services},
        istioctl::{ACCEPTED, complete_services, istio_objects, namespaces},
        round_trip::{golden_files, objects},
    },
    generated::{files, text},
    support::{istioctl::analyze, mesh::Mesh, namespace_finalizer::finalize_namespaces_on, terraform::Workspace},
};

/// The codes that `istioctl analyze` finds in the examples beside those of the golden files, each with its reason.
const ACCEPTED_IN_EXAMPLES: &[(&str, &str)] = &[
    ("IST0101", "What an example refers to belongs to other configurations, for example the gateway's own Gateway."),
    ("IST0102", "The namespace reporting gets the label of its revision from the example of mesh_namespace alone."),
    ("IST0127", "No pods run here, so no selector finds any."),
    ("IST0132", "Routes of an example are for Gateways of the platform, which are another example's."),
    ("IST0164", "The webhook of the tests is at an address of the host, not at a Service."),
    ("IST0173", "No pods run here, so no subset has any."),
];

/// The folders of the examples. Those of a group are applied after one another, and destroyed together.
const EXAMPLES: &[&[&str]] = &[
    // The first ones, because they make namespaces and Services that others need.
    &["scenarios/three-states/platform", "scenarios/three-states/pci", "scenarios/three-states/shop"],
    &["scenarios/zero-trust"],
    &["resources/mesh_external_service"],
    &["resources/mesh_gateway"],
    &["resources/mesh_global_defaults"],
    &["resources/mesh_global_defaults/end-users"],
    &["resources/mesh_global_defaults/guardrails"],
    &["resources/mesh_global_defaults/guardrails-namespaces"],
    &["resources/mesh_global_defaults/retries"],
    &["resources/mesh_global_defaults/telemetry"],
    &["resources/mesh_namespace"],
    &["resources/mesh_service"],
    &["resources/mesh_service/adoption"],
    &["resources/mesh_service/two-teams/pci", "resources/mesh_service/two-teams/shop"],
    &[
        "scenarios/from-istio/authorization",
        "scenarios/from-istio/canary",
        "scenarios/from-istio/cors",
        "scenarios/from-istio/database",
        "scenarios/from-istio/external-api",
        "scenarios/from-istio/gateway",
        "scenarios/from-istio/headers",
        "scenarios/from-istio/timeouts",
    ],
    &["scenarios/from-istio/jwt", "scenarios/from-istio/namespace-sidecar", "scenarios/only-authorization"],
    &["scenarios/only-traffic"],
    &["scenarios/photo-app"],
    &["scenarios/policy-tests"],
    &["scenarios/six-manifests/after"],
];

/// A workspace with an example, which has what it needs beside its own files.
fn prepared(mesh: &Mesh, folder: &str) -> Workspace {
    let workspace = mesh.example(folder);
    if !workspace.path().join("main.tf").exists() {
        workspace.configure(PROVIDER);
    }
    if folder == "scenarios/zero-trust" {
        workspace.write_file("terraform.tfvars", &text("examples/scenarios/zero-trust/steps/10-mesh.tfvars"));
    }
    if folder.starts_with("scenarios/three-states") {
        workspace.write_file("mesh.auto.tfvars", &text("examples/scenarios/three-states/mesh.tfvars"));
    } else {
        mesh.create_namespaces(["blog", "data", "shop", "pci", "orders"]);
        let configurations = files(&format!("examples/{folder}"), ".tf").into_iter().map(|path| text(&path));
        for configuration in configurations.filter(|text| text.contains("resource \"mesh_service\"")) {
            create_existing_services(mesh.api(), &configuration);
        }
    }
    workspace
}

#[test]
fn every_example_is_in_the_list() {
    let folders: BTreeSet<String> = files("examples", ".tf")
        .iter()
        .map(|path| path.trim_start_matches("examples/").rsplit_once('/').expect("a folder").0.to_owned())
        .filter(|folder| {
            folder != "provider" && !folder.starts_with("functions/") && !folder.starts_with("data-sources/")
        })
        .collect();
    let listed: BTreeSet<String> =
        EXAMPLES.iter().flat_map(|group| group.iter()).map(|folder| (*folder).to_owned()).collect();
    assert_eq!(listed, folders);
}

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn webhook_accepts_every_golden_object() {
    let mesh = Mesh::start(&json!({}));
    let mut seen = 0;
    for file in golden_files() {
        let objects = istio_objects(&complete_services(objects(&file)));
        let namespaces: BTreeSet<String> = objects.iter().flat_map(namespaces).collect();
        mesh.create_namespaces(namespaces.iter().map(String::as_str));
        for object in &objects {
            mesh.api().dry_run(object, "tests").unwrap_or_else(|e| panic!("{}: {e:?}: {object}", file.display()));
        }
        seen += objects.len();
    }
    assert!(seen > 100, "only {seen} objects were found");

    // The same request is refused for an object that the CRDs accept, and Istio doesn't.
    let rule = json!({ "from": [{ "source": {} }] });
    let refused = json!({
        "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
        "metadata": { "name": "refused", "namespace": "default" },
        "spec": { "action": "DENY", "rules": [rule] },
    });
    let error = mesh.api().dry_run(&refused, "tests").expect_err("it is refused");
    assert!(error.message.contains("admission webhook \"validation.istio.io\" denied the request"), "{error:?}");
}

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn examples_pass_webhook_and_analyze() {
    let mesh = Mesh::start(&json!({}));
    mesh.create_namespaces(["photo", "datastore", "istio-ingress", "istio-egress", "sales", "default"]);
    // Its example chooses a revision by another label.
    mesh.plane().create_namespace("reporting");
    let made_by_examples = ["shop", "pci", "storefront"];
    let _controller = finalize_namespaces_on(mesh.plane().api(), made_by_examples.map(str::to_owned).into());
    let (mut seen, mut unknown) = (BTreeSet::new(), Vec::new());
    for group in EXAMPLES {
        let workspaces: Vec<_> = group
            .iter()
            .map(|folder| {
                let workspace = prepared(&mesh, folder);
                let applied = workspace.apply();
                if applied.code != Some(0) {
                    unknown.push(format!("{folder}: {}", applied.errors()));
                }
                workspace
            })
            .collect();
        for finding in analyze(&mesh.plane().kubeconfig(&mesh.plane().admin), &[]) {
            if [ACCEPTED, ACCEPTED_IN_EXAMPLES].concat().iter().any(|(code, _)| *code == finding.code) {
                seen.insert(finding.code);
            } else {
                unknown.push(format!("{group:?}: {finding:?}"));
            }
        }
        for workspace in workspaces.iter().rev() {
            workspace.destroy().expect_success();
        }
    }
    assert!(unknown.is_empty(), "\n{}", unknown.join("\n"));
    let unseen: Vec<_> = ACCEPTED_IN_EXAMPLES.iter().filter(|(code, _)| !seen.contains(*code)).collect();
    assert!(unseen.is_empty(), "accepted codes that don't occur: {unseen:?}");
}
