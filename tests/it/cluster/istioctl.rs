//! Istio's own tools have nothing against what we render: the rules of its webhook pass every golden object, and
//! `istioctl analyze` finds in every golden file, put among what it is for, only what is accepted below.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use serde_json::{Value as Json, json};

use super::fixed_point::{golden_files, objects};
use crate::support::{
    api::Api,
    control_plane::ControlPlane,
    istioctl::{analyze, validate},
};

/// What `istioctl analyze` says of what we render, and why it is right all the same.
pub(crate) const ACCEPTED: &[(&str, &str)] = &[
    ("IST0129", "A proxy that is told no authority checks server certificates against the system's."),
    (
        "IST0133",
        "The mesh's Sidecar lists `./*` and the root namespace: in the root namespace these are the same, elsewhere not.",
    ),
    (
        "IST0134",
        "A global name gets its address from Istio, in the status of its ServiceEntry, where analyze doesn't look.",
    ),
    ("IST0174", "The mesh's defaults are for `*.svc.cluster.local`, which is the name of no one service."),
];

#[test]
#[ignore = "needs the servers of `make tools`"]
fn the_webhook_accepts_every_golden_object() {
    let files = golden_files();
    let objects: Vec<Json> = files.iter().flat_map(|file| whole(objects(file))).collect();
    assert!(objects.len() > 40, "only {} objects were found", objects.len());
    validate(&objects).unwrap_or_else(|refusal| panic!("{refusal}"));
}

/// On a server of its own: the analysis is of everything there, and what other tests do is wrong on purpose.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn analyze_finds_what_is_accepted_alone() {
    let plane = ControlPlane::start();
    let kubeconfig = plane.kubeconfig(&plane.admin);
    let (mut seen, mut unknown) = (BTreeSet::new(), Vec::new());
    for file in golden_files() {
        let objects = whole(objects(&file));
        let gateways = gateways(&objects);
        surround(&plane.api(), &[objects.clone(), gateways.clone()].concat());
        for finding in analyze(&kubeconfig, &of_istio(&[objects, gateways].concat())) {
            if ACCEPTED.iter().any(|(code, _)| *code == finding.code) {
                seen.insert(finding.code);
            } else {
                unknown.push(format!("{}: {finding:?}", file.display()));
            }
        }
    }
    assert!(unknown.is_empty(), "\n{}", unknown.join("\n"));
    let accepted: BTreeSet<String> = ACCEPTED.iter().map(|(code, _)| (*code).to_owned()).collect();
    assert_eq!(seen, accepted, "what is accepted, and doesn't occur, goes from the table");

    // What is wrong is told: else the above would show nothing.
    let sound = whole(objects(&golden("service/every_argument.yaml")));
    let found = |objects: &[Json]| -> BTreeSet<String> {
        analyze(&kubeconfig, &of_istio(objects)).into_iter().map(|finding| finding.code).collect()
    };
    let missing = changed(&sound, "VirtualService", |object| {
        object["spec"]["http"][0]["route"][0]["destination"]["subset"] = json!("v1");
    });
    assert!(found(&missing).contains("IST0101"));
    let another = changed(&sound, "VirtualService", |object| object["metadata"]["name"] = json!("another"));
    assert!(found(&[sound.clone(), another].concat()).contains("IST0109"));
    let nobody = changed(&sound, "AuthorizationPolicy", |object| {
        object["spec"]["selector"]["matchLabels"] = json!({ "app": "nobody" });
    });
    assert!(found(&nobody).contains("IST0127"));
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn the_webhook_would_refuse_what_is_wrong() {
    let sound = whole(objects(&golden("service/every_argument.yaml")));
    validate(&sound).expect("it is sound");
    let wrong =
        changed(&sound, "VirtualService", |object| object["spec"]["http"][0]["retries"]["attempts"] = json!(-1));
    let refusal = validate(&wrong).expect_err("it isn't sound");
    assert!(refusal.contains("attempts cannot be negative"), "{refusal}");
}

fn golden(name: &str) -> PathBuf {
    golden_files().into_iter().find(|file| file.ends_with(name)).expect("the file")
}

/// The objects, the one of `kind` changed.
fn changed(objects: &[Json], kind: &str, change: fn(&mut Json)) -> Vec<Json> {
    let mut objects = objects.to_vec();
    change(objects.iter_mut().find(|object| object["kind"] == kind).expect("one of the kind"));
    objects
}

/// istioctl takes files for objects of Istio's alone.
fn of_istio(objects: &[Json]) -> Vec<Json> {
    objects.iter().filter(|object| text(object, "/apiVersion").contains("istio.io")).cloned().collect()
}

fn text<'a>(object: &'a Json, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Json::as_str).unwrap_or_default()
}

fn texts(list: &Json) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Json::as_str)
}

fn list<'a>(object: &'a Json, pointer: &str) -> impl Iterator<Item = &'a Json> {
    object.pointer(pointer).and_then(Json::as_array).into_iter().flatten()
}

/// Of a Service that isn't ours we write an annotation alone: the rest, as its chart makes it.
fn whole(mut objects: Vec<Json>) -> Vec<Json> {
    let routed = ports(&objects);
    for object in objects.iter_mut().filter(|object| object["kind"] == "Service" && object.get("spec").is_none()) {
        let selector = json!({ "app": text(object, "/metadata/name") });
        object["spec"] = json!({ "selector": selector, "ports": routed });
    }
    objects
}

/// The ports of a Service that a file's routes are for and go to; any, where there are none.
fn ports(objects: &[Json]) -> Json {
    let mut numbers = BTreeSet::new();
    for object in objects.iter().filter(|object| object["kind"] == "VirtualService") {
        for route in ["/spec/http", "/spec/tls", "/spec/tcp"].into_iter().flat_map(|kind| list(object, kind)) {
            numbers.extend(list(route, "/match").filter_map(|on| on["port"].as_u64()));
            numbers.extend(list(route, "/route").filter_map(|to| to["destination"]["port"]["number"].as_u64()));
        }
    }
    let numbers = if numbers.is_empty() { BTreeSet::from([5432]) } else { numbers };
    numbers.into_iter().map(|number| json!({ "name": format!("tcp-{number}"), "port": number })).collect()
}

/// Makes what the objects are about: namespaces with sidecars, Services, workloads.
fn surround(api: &Api, objects: &[Json]) {
    let namespaces: BTreeSet<String> = objects.iter().flat_map(namespaces).collect();
    for name in namespaces.iter().map(String::as_str).chain(["default"]) {
        let metadata = json!({ "name": name, "labels": { "istio-injection": "enabled" } });
        api.apply(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata }), "tests");
    }
    for object in objects {
        let namespace = text(object, "/metadata/namespace");
        for (n, labels) in selectors(object, objects).into_iter().enumerate() {
            let name = format!("{}-{}-{n}", text(object, "/kind").to_lowercase(), text(object, "/metadata/name"));
            let metadata = json!({ "name": name, "namespace": namespace, "labels": labels });
            // As injection leaves it.
            let containers = json!([{ "name": "app", "image": "app" }, { "name": "istio-proxy", "image": "proxyv2" }]);
            let spec = json!({ "containers": containers });
            api.apply(&json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec }), "tests");
        }
        let host = text(object, "/spec/host").strip_suffix(".svc.cluster.local").and_then(|host| host.split_once('.'));
        let gateway = (text(object, "/metadata/name"), namespace);
        if let Some((name, namespace)) = host.or((object["kind"] == "Gateway").then_some(gateway)) {
            let metadata = json!({ "name": name, "namespace": namespace });
            let open = if host.is_some() { ports(objects) } else { json!([{ "name": "http", "port": 80 }]) };
            let spec = json!({ "selector": { "app": name }, "ports": open });
            api.apply(&json!({ "apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec }), "tests");
        }
    }
    for object in objects.iter().filter(|object| object["apiVersion"] == "v1") {
        api.apply(object, "tests");
    }
}

/// The Gateways that an object's routes are for, each with what they serve.
fn gateways(objects: &[Json]) -> Vec<Json> {
    let mut gateways: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for object in objects {
        for gateway in texts(&object["spec"]["gateways"]).filter(|gateway| *gateway != "mesh") {
            gateways.entry(gateway).or_default().extend(texts(&object["spec"]["hosts"]));
        }
    }
    let gateway = |(gateway, hosts): (&str, BTreeSet<&str>)| {
        let (namespace, name) = gateway.split_once('/').expect("namespace and name");
        let port = json!({ "number": 80, "name": "http", "protocol": "HTTP" });
        json!({
            "apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": { "name": name, "namespace": namespace },
            "spec": { "selector": { "app": name }, "servers": [{ "port": port, "hosts": hosts }] },
        })
    };
    gateways.into_iter().map(gateway).collect()
}

/// Every namespace that an object names.
fn namespaces(object: &Json) -> BTreeSet<String> {
    let sources = list(object, "/spec/rules").flat_map(|rule| list(rule, "/from"));
    let named = sources.flat_map(|from| texts(&from["source"]["namespaces"]));
    let exported = texts(&object["spec"]["exportTo"]);
    let own = [text(object, "/metadata/namespace")].into_iter();
    own.chain(named).chain(exported).filter(|name| !matches!(*name, "" | "." | "*")).map(str::to_owned).collect()
}

/// The labels of the workloads that an object is about; for subsets, those of the Service beside theirs.
fn selectors(object: &Json, objects: &[Json]) -> Vec<Json> {
    let pointers =
        ["/spec/selector/matchLabels", "/spec/workloadSelector/labels", "/spec/workloadSelector/matchLabels"];
    let mut selectors: Vec<Json> = pointers.iter().filter_map(|pointer| object.pointer(pointer)).cloned().collect();
    if object["kind"] == "Gateway" {
        selectors.push(object["spec"]["selector"].clone());
    }
    let host = text(object, "/spec/host").split('.').next().unwrap_or_default();
    let is_meant = |other: &&Json| other["kind"] == "Service" && text(other, "/metadata/name") == host;
    let service = objects.iter().find(is_meant).map(|service| service["spec"]["selector"].clone());
    for subset in list(object, "/spec/subsets") {
        let mut labels = service.clone().unwrap_or_else(|| json!({ "app": host }));
        let own = subset["labels"].as_object().expect("labels").clone();
        labels.as_object_mut().expect("labels").extend(own);
        selectors.push(labels);
    }
    selectors
}
