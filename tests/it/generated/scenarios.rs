//! The scenarios match their pictures and guides.

use std::collections::BTreeSet;

use serde_json::Value as Json;
use terraform_provider_mesh::{
    diagnostics::{Diagnostics, Path},
    mesh::{Defaults, Mesh, installed_mesh::InstalledMesh},
    object::kind::AUTHORIZATION_POLICY,
    resources::{ResourceType, service::Service},
    schema::model::Model,
};

use super::{examples::provider_blocks, files, text};
use crate::golden::hcl::body as value;

/// The calls that the policies of a configuration's services allow, as (policy, principal).
fn allowed(path: &str) -> Vec<(String, String)> {
    let mesh = Mesh {
        root_namespace: "istio-system".to_owned(),
        cluster_domain: "cluster.local".to_owned(),
        trust_domain: "cluster.local".to_owned(),
        global_name_template: None,
        global_names: true,
        gateway_namespaces: ["istio-ingress".to_owned()].into(),
        platform_hosts: [].into(),
        revisions: ["default".to_owned()].into(),
        installed: InstalledMesh::default(),
        labels: [].into(),
        annotations: [].into(),
        defaults: Defaults::default(),
    };
    let mut found = Vec::new();
    // Without a value of the variable, which objects there are would be unknown.
    let configuration = text(path).replace("var.backend_resiliency", "\"medium\"");
    for (kind, body) in provider_blocks(path, &configuration) {
        if kind != Service::NAME {
            continue;
        }
        let config = Service::decode(&value(&body, Service::schema()), &Path::root(), &mut Diagnostics::default());
        let objects = Service::render(&config, &mesh).unwrap();
        let policies: Vec<_> = objects.into_iter().filter(|(key, _)| key.kind == &AUTHORIZATION_POLICY).collect();
        let [(key, Ok(policy))] = policies.as_slice() else { panic!("a service has one policy") };
        assert_eq!(policy.body["spec"]["action"], "ALLOW");
        for rule in policy.body["spec"]["rules"].as_array().unwrap() {
            let [from] = rule["from"].as_array().unwrap().as_slice() else { panic!("one source: {rule}") };
            let members = from["source"].as_object().unwrap();
            assert_eq!(members.keys().collect::<Vec<_>>(), ["principals"]);
            let principals = members["principals"].as_array().unwrap().iter().filter_map(Json::as_str);
            found.extend(principals.map(|principal| (key.name.clone(), principal.to_owned())));
        }
    }
    found.sort();
    found
}

/// Only gateway → photo-frontend → photo-backend → datastore is allowed: photo-frontend can't call the datastore.
#[test]
fn photo_application_allows_the_calls_of_its_picture() {
    let arrow = |to: &str, from: &str| (to.to_owned(), format!("cluster.local/ns/{from}"));
    assert_eq!(
        allowed("examples/scenarios/photo-app/main.tf"),
        [
            arrow("datastore-datastore", "photo/sa/photo-backend"),
            arrow("photo-backend-photo", "photo/sa/photo-frontend"),
            arrow("photo-frontend-photo", "istio-ingress/sa/istio-ingressgateway"),
        ]
    );
}

/// Every code block of the guide is part of a file that the test of the scenario applies.
#[test]
fn adoption_guide_shows_its_scenario_files() {
    let guide = text("docs/guides/adopting-existing-objects.md");
    // The rest of the guide is about other services.
    let (guide, _) = guide.split_once("## Objects with other names").unwrap();
    let scenario: Vec<String> = files("examples/scenarios/six-manifests", "").iter().map(|path| text(path)).collect();
    let shown = ["```terraform\n", "```yaml\n"].into_iter().flat_map(|fence| guide.split(fence).skip(1));
    let shown: Vec<&str> = shown.map(|block| block.split("```").next().unwrap()).collect();
    assert_eq!(shown.len(), 3);
    for block in shown {
        assert!(scenario.iter().any(|file| file.contains(block)), "no file of the scenario says\n{block}");
    }
}

/// The guides show the manifests and the resources of their scenarios, and each of these.
#[test]
fn guides_of_moving_in_show_their_scenario_files() {
    for (guide, folders) in [
        ("docs/guides/from-istio.md", &["examples/scenarios/from-istio"][..]),
        (
            "docs/guides/only-authorization-only-traffic.md",
            &["examples/scenarios/only-authorization", "examples/scenarios/only-traffic"],
        ),
    ] {
        let page = text(guide);
        let fences = ["```terraform\n", "```yaml\n"];
        let shown = fences.into_iter().flat_map(|fence| page.split(fence).skip(1));
        let mut shown: BTreeSet<&str> = shown.map(|block| block.split("```").next().unwrap()).collect();
        for path in folders.iter().flat_map(|folder| files(folder, "")) {
            let file = text(&path);
            let block = shown.iter().copied().find(|block| file.ends_with(block));
            assert!(block.is_some_and(|block| shown.remove(block)), "{guide} doesn't show the end of {path}");
        }
        assert_eq!(shown, BTreeSet::new(), "{guide} shows what no file has");
    }
}

/// The guide shows all steps in order. Its other code blocks are parts of the configuration.
#[test]
fn zero_trust_guide_shows_its_scenario_steps() {
    let (guide, main) = (text("docs/guides/zero-trust-rollout.md"), text("examples/scenarios/zero-trust/main.tf"));
    let shown = guide.split("```terraform\n").skip(1).map(|block| block.split("```").next().unwrap());
    let steps = shown.filter(|block| !main.contains(block)).map(str::to_owned).collect::<Vec<_>>();
    let files = files("examples/scenarios/zero-trust/steps", ".tfvars");
    assert_eq!(steps, files.iter().map(|path| text(path)).collect::<Vec<_>>());
}
