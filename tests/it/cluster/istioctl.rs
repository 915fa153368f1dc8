//! Istio's own tools accept what the provider renders: every golden object passes the rules of Istio's webhook, and
//! `istioctl analyze` finds in a cluster with the objects of a golden file only the codes accepted below.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use serde_json::{Value as Json, json};

use super::round_trip::{golden_files, is_cluster_scoped, objects};
use crate::support::{
    api::Api,
    control_plane::ControlPlane,
    istioctl::{analyze, validate},
};

/// The codes that `istioctl analyze` finds in the provider's objects, each with the reason why the object is correct.
pub(crate) const ACCEPTED: &[(&str, &str)] = &[
    ("IST0129", "A proxy without a configured authority verifies server certificates with the system's."),
    (
        "IST0133",
        "The mesh's Sidecar lists `./*` and the root namespace, which are the same only in the root namespace.",
    ),
    (
        "IST0134",
        "A global name gets its address from Istio, in the status of its ServiceEntry, where analyze doesn't look.",
    ),
    (
        "IST0174",
        "The DestinationRule of the mesh's defaults is for `*.svc.cluster.local`, which isn't the name of a Service.",
    ),
];

#[test]
#[ignore = "needs the servers of `make tools`"]
fn webhook_accepts_every_golden_object() {
    let files = golden_files();
    let objects = files.iter().flat_map(|file| complete_services(objects(file)));
    let objects: Vec<Json> = objects.filter(|object| !is_cluster_scoped(object)).collect();
    assert!(objects.len() > 40, "only {} objects were found", objects.len());
    validate(&objects).unwrap_or_else(|error| panic!("{error}"));
}

/// On its own control plane, because the analysis covers the whole cluster, and other tests create invalid objects.
#[test]
#[ignore = "needs the servers of `make tools`"]
fn analyze_finds_only_accepted_codes() {
    let plane = ControlPlane::start();
    let kubeconfig = plane.kubeconfig(&plane.admin);
    let (mut seen, mut unknown) = (BTreeSet::new(), Vec::new());
    for file in golden_files() {
        let mut objects = complete_services(objects(&file));
        objects.retain(|object| !is_cluster_scoped(object));
        let gateways = gateways(&objects);
        create_related_objects(&plane.api(), &[objects.clone(), gateways.clone()].concat());
        for finding in analyze(&kubeconfig, &istio_objects(&[objects, gateways].concat())) {
            if ACCEPTED.iter().any(|(code, _)| *code == finding.code) {
                seen.insert(finding.code);
            } else {
                unknown.push(format!("{}: {finding:?}", file.display()));
            }
        }
    }
    assert!(unknown.is_empty(), "\n{}", unknown.join("\n"));
    let accepted: BTreeSet<String> = ACCEPTED.iter().map(|(code, _)| (*code).to_owned()).collect();
    assert_eq!(seen, accepted, "each accepted code occurs");

    // The analysis finds errors in invalid objects.
    let valid = complete_services(objects(&golden("service/every_argument.yaml")));
    let found = |objects: &[Json]| -> BTreeSet<String> {
        analyze(&kubeconfig, &istio_objects(objects)).into_iter().map(|finding| finding.code).collect()
    };
    let missing = changed(&valid, "VirtualService", |object| {
        object["spec"]["http"][0]["route"][0]["destination"]["subset"] = json!("v1");
    });
    assert!(found(&missing).contains("IST0101"));
    let another = changed(&valid, "VirtualService", |object| object["metadata"]["name"] = json!("another"));
    assert!(found(&[valid.clone(), another].concat()).contains("IST0109"));
    let unselective = changed(&valid, "AuthorizationPolicy", |object| {
        object["spec"]["selector"]["matchLabels"] = json!({ "app": "no-such-app" });
    });
    assert!(found(&unselective).contains("IST0127"));
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn webhook_rejects_invalid_objects() {
    let valid = complete_services(objects(&golden("service/every_argument.yaml")));
    validate(&valid).expect("the objects are valid");
    let invalid =
        changed(&valid, "VirtualService", |object| object["spec"]["http"][0]["retries"]["attempts"] = json!(-1));
    let error = validate(&invalid).expect_err("the objects are invalid");
    assert!(error.contains("attempts cannot be negative"), "{error}");
}

/// The path of a golden file.
fn golden(name: &str) -> PathBuf {
    golden_files().into_iter().find(|file| file.ends_with(name)).expect("the file")
}

/// A copy of the objects, in which the one of `kind` is changed.
fn changed(objects: &[Json], kind: &str, change: fn(&mut Json)) -> Vec<Json> {
    let mut objects = objects.to_vec();
    change(objects.iter_mut().find(|object| object["kind"] == kind).expect("one of the kind"));
    objects
}

/// The objects of Istio's kinds, since istioctl doesn't accept others in files.
pub(crate) fn istio_objects(objects: &[Json]) -> Vec<Json> {
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

/// Completes Services of other tools, of which the provider writes only an annotation, as their charts would.
pub(crate) fn complete_services(mut objects: Vec<Json>) -> Vec<Json> {
    let routed = ports(&objects);
    for object in objects.iter_mut().filter(|object| object["kind"] == "Service" && object.get("spec").is_none()) {
        let selector = json!({ "app": text(object, "/metadata/name") });
        object["spec"] = json!({ "selector": selector, "ports": routed });
    }
    objects
}

/// Ports of a Service for the routes of a file. Without routes, the port is arbitrary.
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

/// Creates what the objects refer to: Namespaces with injection, Services, workloads and Secrets.
fn create_related_objects(api: &Api, objects: &[Json]) {
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
            // The containers of a Pod after the injection of its sidecar.
            let containers = json!([{ "name": "app", "image": "app" }, { "name": "istio-proxy", "image": "proxyv2" }]);
            let spec = json!({ "containers": containers });
            api.apply(&json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec }), "tests");
        }
        if object["kind"] == "Gateway" {
            api.apply(&gateway_service(object), "tests");
        }
        for server in list(object, "/spec/servers") {
            if let Some(name) = server["tls"]["credentialName"].as_str() {
                api.apply(&certificate(namespace, name), "tests");
            }
        }
        let host = text(object, "/spec/host").strip_suffix(".svc.cluster.local").and_then(|host| host.split_once('.'));
        if let Some((name, namespace)) = host {
            let metadata = json!({ "name": name, "namespace": namespace });
            let spec = json!({ "selector": { "app": name }, "ports": ports(objects) });
            api.apply(&json!({ "apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec }), "tests");
        }
    }
    for object in objects.iter().filter(|object| object["apiVersion"] == "v1") {
        api.apply(object, "tests");
    }
}

/// The Gateways of others that the routes refer to, each with the hosts of its routes.
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
    let own = objects.iter().filter(|object| object["kind"] == "Gateway");
    let own: BTreeSet<String> = own
        .map(|object| format!("{}/{}", text(object, "/metadata/namespace"), text(object, "/metadata/name")))
        .collect();
    gateways.into_iter().filter(|(name, _)| !own.contains(*name)).map(gateway).collect()
}

/// All namespaces that an object refers to.
pub(crate) fn namespaces(object: &Json) -> BTreeSet<String> {
    let sources = list(object, "/spec/rules").flat_map(|rule| list(rule, "/from"));
    let named = sources.flat_map(|from| texts(&from["source"]["namespaces"]));
    let exported = texts(&object["spec"]["exportTo"]);
    let own = [text(object, "/metadata/namespace")].into_iter();
    own.chain(named).chain(exported).filter(|name| !matches!(*name, "" | "." | "*")).map(str::to_owned).collect()
}

/// The labels of the workloads that an object selects. Workloads of subsets also have the labels that the Service
/// selects.
fn selectors(object: &Json, objects: &[Json]) -> Vec<Json> {
    let pointers =
        ["/spec/selector/matchLabels", "/spec/workloadSelector/labels", "/spec/workloadSelector/matchLabels"];
    let mut selectors: Vec<Json> = pointers.iter().filter_map(|pointer| object.pointer(pointer)).cloned().collect();
    if object["kind"] == "Gateway" {
        selectors.push(object["spec"]["selector"].clone());
    }
    let host = text(object, "/spec/host").split('.').next().unwrap_or_default();
    let is_service_of_host = |other: &&Json| other["kind"] == "Service" && text(other, "/metadata/name") == host;
    let service = objects.iter().find(is_service_of_host).map(|service| service["spec"]["selector"].clone());
    for subset in list(object, "/spec/subsets") {
        let mut labels = service.clone().unwrap_or_else(|| json!({ "app": host }));
        let subset_labels = subset["labels"].as_object().cloned().unwrap_or_default();
        labels.as_object_mut().expect("labels").extend(subset_labels);
        selectors.push(labels);
    }
    selectors
}

/// The Service of a gateway's workloads, as its chart would create it.
fn gateway_service(gateway: &Json) -> Json {
    let numbers: BTreeSet<u64> =
        list(gateway, "/spec/servers").filter_map(|server| server["port"]["number"].as_u64()).collect();
    let ports: Vec<Json> =
        numbers.into_iter().map(|number| json!({ "name": format!("tcp-{number}"), "port": number })).collect();
    let metadata = json!({ "name": "gateway", "namespace": text(gateway, "/metadata/namespace") });
    let spec = json!({ "selector": gateway["spec"]["selector"], "ports": ports });
    json!({ "apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec })
}

/// A Secret with a certificate of its own, because analyze reports equal ones.
fn certificate(namespace: &str, name: &str) -> Json {
    let signed = rcgen::generate_simple_self_signed(vec![format!("{name}.example.com")]).expect("a certificate");
    let certificate = signed.cert.pem();
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": { "name": name, "namespace": namespace },
        "stringData": { "tls.crt": certificate, "tls.key": signed.signing_key.serialize_pem(), "ca.crt": certificate },
    })
}
