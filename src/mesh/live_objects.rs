//! Accessors for live objects, with the meaning that Kubernetes and Istio give their fields. The objects are JSON from
//! the API server, so any field may be missing or have an unexpected type.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::{
    json_path::{at, text},
    mesh::{manifest::StringMap, port::Protocol},
};

/// Returns `metadata.name`, or an empty text.
pub(super) fn name(live: &Json) -> &str {
    text(live, &["metadata", "name"]).unwrap_or_default()
}

/// Returns `metadata.namespace`, or an empty text.
pub(super) fn namespace(live: &Json) -> &str {
    text(live, &["metadata", "namespace"]).unwrap_or_default()
}

/// Returns namespace and name, like `shop/cart`.
pub(super) fn namespaced_name(live: &Json) -> String {
    format!("{}/{}", namespace(live), name(live))
}

/// Returns the elements of the list at `path`, or an empty slice if there is none.
pub(super) fn items<'a>(json: &'a Json, path: &[&str]) -> &'a [Json] {
    at(json, path).as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Returns the texts in the list at `path`.
pub(super) fn strings<'a>(json: &'a Json, path: &[&str]) -> impl Iterator<Item = &'a str> + use<'a> {
    items(json, path).iter().filter_map(Json::as_str)
}

/// Returns the texts in the object at `path`, or an empty map if there is none.
pub(super) fn string_map(json: &Json, path: &[&str]) -> StringMap {
    let members = at(json, path).as_object().into_iter().flatten();
    members.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

/// Returns `metadata.labels`.
pub(super) fn labels(live: &Json) -> StringMap {
    string_map(live, &["metadata", "labels"])
}

/// Returns the label `key`.
pub(super) fn label<'a>(live: &'a Json, key: &str) -> Option<&'a str> {
    text(live, &["metadata", "labels", key])
}

/// Returns the annotation `key`.
pub(super) fn annotation_value<'a>(live: &'a Json, key: &str) -> Option<&'a str> {
    text(live, &["metadata", "annotations", key])
}

/// Whether an object has all labels of `selector`.
pub(super) fn selector_matches_object(selector: &StringMap, live: &Json) -> bool {
    selector.iter().all(|(key, value)| label(live, key) == Some(value))
}

/// Whether `labels` include all labels of `selector`.
pub(super) fn selector_matches_labels(selector: &StringMap, labels: &StringMap) -> bool {
    selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// Formats labels for a message, like `app=cart, version=v1`.
pub(super) fn format_labels(labels: &StringMap) -> String {
    if labels.is_empty() {
        return "nothing".to_owned();
    }
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(", ")
}

/// Formats a set of names for a message: the first three, and the number of the others.
pub(super) fn summarize_names<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: BTreeSet<&str> = names.into_iter().collect();
    let first: Vec<&str> = names.iter().copied().take(3).collect();
    match names.len().saturating_sub(first.len()) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// Formats a set of objects for a message, as [`summarize_names`] does.
pub(super) fn summarize_objects<'a>(objects: impl IntoIterator<Item = &'a Json>) -> String {
    let names: Vec<String> = objects.into_iter().map(namespaced_name).collect();
    summarize_names(names.iter().map(String::as_str))
}

// === Pods ===

/// Whether a pod is running or will run: it has neither finished nor is it being deleted.
pub(super) fn is_pod_active(pod: &Json) -> bool {
    at(pod, &["metadata", "deletionTimestamp"]).is_null()
        && !matches!(text(pod, &["status", "phase"]), Some("Succeeded" | "Failed"))
}

/// Returns the containers and init containers of a pod. The sidecar may be a native one, which is an init container.
pub(super) fn containers(pod: &Json) -> impl Iterator<Item = &Json> {
    items(pod, &["spec", "containers"]).iter().chain(items(pod, &["spec", "initContainers"]))
}

/// Whether a container is the proxy of Istio.
pub(super) fn is_istio_proxy(container: &Json) -> bool {
    text(container, &["name"]) == Some("istio-proxy")
}

/// Whether a pod has the proxy of Istio.
pub(super) fn has_sidecar(pod: &Json) -> bool {
    containers(pod).any(is_istio_proxy)
}

/// Returns the name of the service account of a pod.
pub(super) fn pod_service_account(pod: &Json) -> &str {
    text(pod, &["spec", "serviceAccountName"]).filter(|account| !account.is_empty()).unwrap_or("default")
}

// === Services ===

/// Returns the protocol that Istio selects for a port of a Service. `None`: Istio detects the protocol from the first
/// bytes of a connection.
pub(super) fn port_protocol(port: &Json) -> Option<Protocol> {
    let by_name = || text(port, &["name"]).and_then(|name| parse_protocol(name.split('-').next().unwrap_or(name)));
    text(port, &["appProtocol"]).and_then(parse_protocol).or_else(by_name)
}

/// Parses a value of `appProtocol`, or the prefix of a port's name.
fn parse_protocol(word: &str) -> Option<Protocol> {
    match word.to_ascii_lowercase().as_str() {
        "http" | "kubernetes.io/ws" => Some(Protocol::Http),
        "https" | "kubernetes.io/wss" => Some(Protocol::Https),
        "http2" | "kubernetes.io/h2c" => Some(Protocol::Http2),
        word => Protocol::ALL.iter().copied().find(|protocol| protocol.as_str() == word),
    }
}

/// Returns the TCP ports of a Service.
pub(super) fn tcp_ports(service: &Json) -> impl Iterator<Item = &Json> {
    items(service, &["spec", "ports"]).iter().filter(|port| matches!(text(port, &["protocol"]), None | Some("TCP")))
}

/// Returns the number of a port of a Service.
pub(super) fn port_number(port: &Json) -> Option<i64> {
    at(port, &["port"]).as_i64()
}

/// The target port of a port of a Service.
pub(super) enum TargetPort<'a> {
    /// Number of a port of the pods.
    Number(i64),
    /// Name of a port of the pods' containers.
    Name(&'a str),
}

/// Returns the target port of a port of a Service, which is its own number by default.
pub(super) fn service_target_port(port: &Json) -> Option<TargetPort<'_>> {
    match at(port, &["targetPort"]) {
        Json::Number(target) => {
            target.as_i64().filter(|target| *target > 0).or_else(|| port_number(port)).map(TargetPort::Number)
        }
        Json::String(name) => Some(name.parse().map_or(TargetPort::Name(name), TargetPort::Number)),
        _ => port_number(port).map(TargetPort::Number),
    }
}

/// Returns the numbers of the container ports named `port_name` in these pods. Pods may have different numbers for one
/// name.
pub(super) fn container_ports_named(pods: &[&Json], port_name: &str) -> BTreeSet<i64> {
    let ports = pods.iter().flat_map(|pod| containers(pod)).flat_map(|container| items(container, &["ports"]));
    ports
        .filter(|port| text(port, &["name"]) == Some(port_name))
        .filter_map(|p| at(p, &["containerPort"]).as_i64())
        .collect()
}

// === exportTo ===

/// The namespaces that an object is exported to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Visibility {
    /// The object is visible in every namespace.
    AllNamespaces,
    /// The object is visible in these namespaces only.
    Namespaces(BTreeSet<String>),
}

impl Visibility {
    /// Reads the entries of an `exportTo`. `own_namespace` is the namespace of the object. Without entries the object
    /// is visible everywhere, the default of Istio's installation.
    pub(super) fn from_export_to<'a>(entries: impl Iterator<Item = &'a str>, own_namespace: &str) -> Self {
        let entries: Vec<&str> = entries.map(str::trim).filter(|entry| !entry.is_empty()).collect();
        if entries.is_empty() || entries.contains(&"*") {
            return Self::AllNamespaces;
        }
        let named = entries.into_iter().filter(|entry| *entry != "~");
        Self::Namespaces(named.map(|entry| if entry == "." { own_namespace } else { entry }.to_owned()).collect())
    }

    /// Whether the object is visible in `namespace`.
    pub(super) fn includes(&self, namespace: &str) -> bool {
        match self {
            Self::AllNamespaces => true,
            Self::Namespaces(namespaces) => namespaces.contains(namespace),
        }
    }
}

impl std::fmt::Display for Visibility {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AllNamespaces => f.write_str("every namespace"),
            Self::Namespaces(namespaces) if namespaces.is_empty() => f.write_str("no namespace"),
            Self::Namespaces(namespaces) => {
                f.write_str(&namespaces.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// Returns the visibility of a Service, which is in an annotation.
pub(super) fn service_visibility(service: &Json) -> Visibility {
    let export_to = annotation_value(service, crate::mesh::istio::EXPORT_TO).unwrap_or_default();
    Visibility::from_export_to(export_to.split(','), namespace(service))
}

/// Returns the visibility of an Istio object, which is in its `spec`.
pub(super) fn object_visibility(live: &Json) -> Visibility {
    Visibility::from_export_to(strings(live, &["spec", "exportTo"]), namespace(live))
}

// === VirtualServices and hosts ===

/// Whether a VirtualService applies to the traffic between workloads, and not only to gateways.
pub(super) fn routes_in_mesh(virtual_service: &Json) -> bool {
    let mut gateways = strings(virtual_service, &["spec", "gateways"]).peekable();
    gateways.peek().is_none() || gateways.any(|gateway| gateway == "mesh")
}

/// Whether two hosts, each of which may be a wildcard, have a name in common.
pub(super) fn hosts_overlap(one: &str, other: &str) -> bool {
    let matches = |wildcard: &str, host: &str| {
        wildcard == "*" || wildcard.strip_prefix('*').is_some_and(|domain| host.ends_with(domain))
    };
    one == other || matches(one, other) || matches(other, one)
}

/// Returns the fully qualified form of a host in an object of the namespace `own_namespace`. Istio resolves short names
/// in the namespace of the object.
pub(super) fn fully_qualified_host(host: &str, own_namespace: &str, cluster_domain: &str) -> String {
    match host.split('.').collect::<Vec<_>>().as_slice() {
        [name] if *name != "*" => format!("{name}.{own_namespace}.svc.{cluster_domain}"),
        _ => host.to_owned(),
    }
}
