//! The configurations of the guide "From VirtualServices and DestinationRules to mesh_service": manifests of other tools become
//! resources. `moving_in.txt` lists the fields in which the resources' objects differ from the manifests. And those of the guide
//! "Only authorization, only traffic": objects of other tools stay as they are.

use std::{collections::BTreeMap, fmt::Write as _};

use expect_test::expect_file;
use serde_json::{Value as Json, json};
use terraform_provider_mesh::object;

use super::{
    arguments::differences,
    examples::{create_existing_services, initialized},
};
use crate::{
    generated::{files, text},
    support::{
        api::Api,
        control_plane::{ControlPlane, parse_yaml},
        terraform::Tool,
    },
};

/// The specs of Istio objects in the namespaces, by kind and namespace. A resource names its objects itself, so names don't count.
fn specs(api: &Api, namespaces: &[&str]) -> BTreeMap<String, Json> {
    let mut found: BTreeMap<String, Vec<Json>> = BTreeMap::new();
    for (key, object) in namespaces.iter().flat_map(|namespace| api.live_objects(namespace)) {
        if key.kind.group.ends_with("istio.io") {
            let place = format!("{} in {}", key.kind.kind, key.namespace.as_deref().unwrap_or_default());
            found.entry(place).or_default().push(json!({ "spec": object["spec"] }));
        }
    }
    found
        .into_iter()
        .flat_map(|(place, specs)| (1..).zip(specs).map(move |(n, spec)| (format!("{place} {n}"), spec)))
        .collect()
}

/// Whether an object is the provider's.
fn is_managed(object: &Json) -> bool {
    !object["metadata"]["labels"][object::label::MANAGED].is_null()
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn configurations_of_the_guide_take_over_manifests() {
    // A control plane of its own, since the manifests are in namespaces with ordinary names.
    let plane = ControlPlane::start();
    let api = plane.api();
    let namespaces = ["blog", "data", "istio-ingress", "istio-system", "shop"];
    for namespace in namespaces {
        plane.create_namespace(namespace);
    }
    let mut report = String::new();
    for path in files("examples/scenarios/from-istio", "before.yaml") {
        let (folder, _) = path.rsplit_once('/').expect("a folder");
        let folder = folder.strip_prefix("examples/").expect("an example");
        writeln!(report, "=== {}", folder.rsplit('/').next().unwrap_or_default()).unwrap();
        create_existing_services(&api, &text(&format!("examples/{folder}/main.tf")));
        for manifest in parse_yaml(&text(&path)) {
            api.apply(&manifest, "kubectl");
        }
        let before = specs(&api, &namespaces);
        let workspace = initialized(&plane, Tool::Terraform, folder);
        workspace.converge();
        let left: Vec<_> = namespaces
            .iter()
            .flat_map(|namespace| api.live_objects(namespace))
            .filter(|(key, object)| key.kind.group.ends_with("istio.io") && !is_managed(object))
            .map(|(key, _)| key.to_string())
            .collect();
        assert_eq!(left, Vec::<String>::new(), "{folder}: objects that no resource has");
        for line in differences(&before, &specs(&api, &namespaces)) {
            writeln!(report, "{line}").unwrap();
        }
        workspace.destroy().expect_success();
        assert_eq!(specs(&api, &namespaces), BTreeMap::new(), "{folder}");
    }
    expect_file!["moving_in.txt"].assert_eq(&report);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn one_half_leaves_the_objects_of_other_tools() {
    let plane = ControlPlane::start();
    let api = plane.api();
    plane.create_namespace("istio-system");
    plane.create_namespace("shop");
    for (folder, own) in [
        ("scenarios/only-authorization", vec!["AuthorizationPolicy/shop/cart-shop"]),
        ("scenarios/only-traffic", vec!["DestinationRule/shop/cart-shop", "VirtualService/shop/cart-shop"]),
    ] {
        create_existing_services(&api, &text(&format!("examples/{folder}/main.tf")));
        let others = parse_yaml(&text(&format!("examples/{folder}/others.yaml")));
        for manifest in &others {
            api.apply(manifest, "another-tool");
        }
        let live = || {
            let istio = api.live_objects("shop").into_iter().filter(|(key, _)| key.kind.group.ends_with("istio.io"));
            istio.partition::<BTreeMap<_, _>, _>(|(_, object)| is_managed(object))
        };
        let (_, before) = live();
        assert_eq!(before.len(), others.len());
        let workspace = initialized(&plane, Tool::Terraform, folder);
        workspace.converge();
        let (managed, after) = live();
        assert_eq!(managed.keys().map(ToString::to_string).collect::<Vec<_>>(), own, "{folder}");
        assert_eq!(after, before, "{folder}");
        workspace.destroy().expect_success();
        assert_eq!(live(), (BTreeMap::new(), before.clone()), "{folder}");
        for key in before.keys() {
            api.delete(key);
        }
    }
}
