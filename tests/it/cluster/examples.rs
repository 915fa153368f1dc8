//! The examples do what they say, installed the way users install: `init` from a mirror, then plan, apply, an empty plan,
//! destroy.

use std::{collections::BTreeMap, fs};

use serde_json::{Value as Json, json};

use crate::support::{
    api::Api,
    control_plane::{control_plane, repository},
    terraform::{Tool, Workspace},
};

/// A workspace with the configuration of examples/`folder`, after `init`.
fn initialized(tool: Tool, folder: &str) -> Workspace {
    let workspace = Workspace::with_mirror(tool).env("KUBE_CONFIG_PATH", "kubeconfig");
    workspace.file("kubeconfig", &control_plane().kubeconfig(&control_plane().admin));
    for entry in fs::read_dir(repository().join("examples").join(folder)).expect("the example is there") {
        let path = entry.expect("a file").path();
        if path.extension().is_some_and(|extension| extension == "tf") {
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
            workspace.file(name, &fs::read_to_string(&path).expect("reading an example"));
        }
    }
    if !workspace.path().join("main.tf").exists() {
        workspace.configure("provider \"mesh\" {\n  owner = \"tests/examples\"\n}\n");
    }
    let told = workspace.run(&["init", "-input=false", "-no-color"]).succeeded().stdout;
    assert!(told.contains("mesh-provider/mesh v"), "{told}");
    workspace
}

/// Who may call each service, by the AuthorizationPolicies of `namespaces` as the API server has them.
fn callers(api: &Api, namespaces: &[&str]) -> BTreeMap<String, Vec<String>> {
    let policies = namespaces.iter().flat_map(|namespace| {
        let path = format!("/apis/security.istio.io/v1/namespaces/{namespace}/authorizationpolicies");
        api.request(http::Method::GET, &path, None).expect("a list")["items"].as_array().expect("a list").clone()
    });
    let mut callers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for policy in policies {
        assert_eq!(policy["spec"]["action"], "ALLOW");
        let workload = policy["spec"]["selector"]["matchLabels"]["app"].as_str().unwrap_or("everybody").to_owned();
        let rules = policy["spec"]["rules"].as_array().expect("written, even when empty").clone();
        let sources = rules.iter().flat_map(|rule| rule["from"].as_array().expect("who").clone());
        let principals = sources.flat_map(|from| from["source"]["principals"].as_array().expect("identities").clone());
        let principals = principals.map(|principal| principal.as_str().expect("a text").to_owned());
        callers.entry(workload).or_default().extend(principals);
    }
    callers
}

fn everything(api: &Api) -> Vec<String> {
    ["photo", "datastore", "istio-system", "shop", "pci", "reporting"]
        .iter()
        .flat_map(|name| api.objects(name))
        .collect()
}

/// One test, because the examples share the mesh's root namespace.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn every_example_is_applied() {
    let api = control_plane().api();
    for name in ["photo", "datastore", "istio-system", "shop", "pci", "reporting"] {
        api.apply(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } }), "tests");
    }
    for tool in Tool::ALL {
        let photo = initialized(tool, "scenarios/photo-app");
        photo.apply().succeeded();
        let unchanged = photo.plan();
        assert!(unchanged.is_empty, "{tool}: {}", unchanged.text);
        let expected = [
            ("datastore", vec!["cluster.local/ns/photo/sa/photo-backend"]),
            ("everybody", vec![]),
            ("photo-backend", vec!["cluster.local/ns/photo/sa/photo-frontend"]),
            ("photo-frontend", vec!["cluster.local/ns/istio-ingress/sa/istio-ingressgateway"]),
        ];
        let expected: BTreeMap<String, Vec<String>> =
            expected.map(|(who, by)| (who.to_owned(), by.into_iter().map(str::to_owned).collect())).into();
        assert_eq!(callers(&api, &["photo", "datastore", "istio-system"]), expected, "{tool}");
        photo.destroy().succeeded();
        assert_eq!(everything(&api), Vec::<String>::new(), "{tool}");
    }

    // These Services are somebody else's: a chart makes them.
    let services: Vec<Json> = [("shop", "catalog", 8080), ("pci", "payments", 80)]
        .map(|(namespace, name, port)| {
            json!({
                "apiVersion": "v1", "kind": "Service", "metadata": { "name": name, "namespace": namespace },
                "spec": { "ports": [{ "port": port }] },
            })
        })
        .into();
    for service in &services {
        api.apply(service, "helm");
    }
    let theirs = everything(&api);
    for resource in [
        "mesh_service",
        "mesh_external_service",
        "mesh_global_defaults",
        "mesh_global_defaults/end-users",
        "mesh_global_defaults/guardrails",
        "mesh_global_defaults/telemetry",
    ] {
        let workspace = initialized(Tool::Tofu, &format!("resources/{resource}"));
        workspace.apply().succeeded();
        let unchanged = workspace.plan();
        assert!(unchanged.is_empty, "{resource}: {}", unchanged.text);
        workspace.destroy().succeeded();
        assert_eq!(everything(&api), theirs, "{resource}");
    }
}
