//! Shapes of live objects: what Kubernetes and Istio mean by them. Nothing in them is sure.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::{
    json_path::{at, text},
    mesh::{manifest::StringMap, port::Protocol},
};

/// `metadata.name`
pub(super) fn name(live: &Json) -> &str {
    text(live, &["metadata", "name"]).unwrap_or_default()
}

/// `metadata.namespace`
pub(super) fn namespace(live: &Json) -> &str {
    text(live, &["metadata", "namespace"]).unwrap_or_default()
}

/// `shop/cart`
pub(super) fn namespaced_name(live: &Json) -> String {
    format!("{}/{}", namespace(live), name(live))
}

/// The elements of a list; none where there is no list.
pub(super) fn items<'a>(json: &'a Json, path: &[&str]) -> &'a [Json] {
    at(json, path).as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The texts of a list.
pub(super) fn strings<'a>(json: &'a Json, path: &[&str]) -> impl Iterator<Item = &'a str> + use<'a> {
    items(json, path).iter().filter_map(Json::as_str)
}

/// A map of texts; empty where there is none.
pub(super) fn string_map(json: &Json, path: &[&str]) -> StringMap {
    let members = at(json, path).as_object().into_iter().flatten();
    members.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

/// `metadata.labels`
pub(super) fn labels(live: &Json) -> StringMap {
    string_map(live, &["metadata", "labels"])
}

/// Whether an object carries all of these labels.
pub(super) fn selector_matches_object(selector: &StringMap, live: &Json) -> bool {
    selector.iter().all(|(key, value)| text(live, &["metadata", "labels", key]) == Some(value))
}

/// Whether all of `selector` is among `labels`.
pub(super) fn selector_matches_labels(selector: &StringMap, labels: &StringMap) -> bool {
    selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// As people read labels: `app=cart, version=v1`.
pub(super) fn format_labels(labels: &StringMap) -> String {
    if labels.is_empty() {
        return "nothing".to_owned();
    }
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(", ")
}

/// The first few names, and how many more there are.
pub(super) fn summarize_names<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: BTreeSet<&str> = names.into_iter().collect();
    let first: Vec<&str> = names.iter().copied().take(3).collect();
    match names.len().saturating_sub(first.len()) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

// === Pods ===

/// Runs, or will: not done, and not on its way out.
pub(super) fn is_pod_active(pod: &Json) -> bool {
    at(pod, &["metadata", "deletionTimestamp"]).is_null()
        && !matches!(text(pod, &["status", "phase"]), Some("Succeeded" | "Failed"))
}

/// The containers of a pod, those for the start too: a sidecar may be one of them.
pub(super) fn containers(pod: &Json) -> impl Iterator<Item = &Json> {
    items(pod, &["spec", "containers"]).iter().chain(items(pod, &["spec", "initContainers"]))
}

/// Whether a container is Istio's proxy.
pub(super) fn is_istio_proxy(container: &Json) -> bool {
    text(container, &["name"]) == Some("istio-proxy")
}

/// Whether a pod has a sidecar.
pub(super) fn has_sidecar(pod: &Json) -> bool {
    containers(pod).any(is_istio_proxy)
}

/// The service account that a pod runs as.
pub(super) fn pod_service_account(pod: &Json) -> &str {
    text(pod, &["spec", "serviceAccountName"]).filter(|account| !account.is_empty()).unwrap_or("default")
}

// === Services ===

/// What Istio takes a Service's port to speak; `None`: it looks at the first bytes.
pub(super) fn port_protocol(port: &Json) -> Option<Protocol> {
    let by_name = || text(port, &["name"]).and_then(|name| parse_protocol(name.split('-').next().unwrap_or(name)));
    text(port, &["appProtocol"]).and_then(parse_protocol).or_else(by_name)
}

fn parse_protocol(word: &str) -> Option<Protocol> {
    match word.to_ascii_lowercase().as_str() {
        "http" | "kubernetes.io/ws" => Some(Protocol::Http),
        "https" | "kubernetes.io/wss" => Some(Protocol::Https),
        "http2" | "kubernetes.io/h2c" => Some(Protocol::Http2),
        word => Protocol::ALL.iter().copied().find(|protocol| protocol.as_str() == word),
    }
}

/// The TCP ports of a Service.
pub(super) fn tcp_ports(service: &Json) -> impl Iterator<Item = &Json> {
    items(service, &["spec", "ports"]).iter().filter(|port| matches!(text(port, &["protocol"]), None | Some("TCP")))
}

/// The number of a Service's port.
pub(super) fn port_number(port: &Json) -> Option<i64> {
    at(port, &["port"]).as_i64()
}

/// Where a Service's port leads.
pub(super) enum TargetPort<'a> {
    /// A port of the pods.
    Number(i64),
    /// What their containers call it.
    Name(&'a str),
}

/// Where a Service's port leads: to its own number unless it says otherwise.
pub(super) fn service_target_port(port: &Json) -> Option<TargetPort<'_>> {
    match at(port, &["targetPort"]) {
        Json::Number(target) => {
            target.as_i64().filter(|target| *target > 0).or_else(|| port_number(port)).map(TargetPort::Number)
        }
        Json::String(name) => Some(name.parse().map_or(TargetPort::Name(name), TargetPort::Number)),
        _ => port_number(port).map(TargetPort::Number),
    }
}

/// The numbers that containers of these pods give a name.
pub(super) fn container_ports_named(pods: &[&Json], wanted: &str) -> BTreeSet<i64> {
    let ports = pods.iter().flat_map(|pod| containers(pod)).flat_map(|container| items(container, &["ports"]));
    ports
        .filter(|port| text(port, &["name"]) == Some(wanted))
        .filter_map(|p| at(p, &["containerPort"]).as_i64())
        .collect()
}

// === exportTo ===

/// Who sees an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Visibility {
    /// Every namespace.
    AllNamespaces,
    /// These namespaces.
    Namespaces(BTreeSet<String>),
}

impl Visibility {
    /// From the entries of an `exportTo`; none means what the mesh's defaults say, which is everybody.
    pub(super) fn from_export_to<'a>(entries: impl Iterator<Item = &'a str>, home: &str) -> Self {
        let entries: Vec<&str> = entries.map(str::trim).filter(|entry| !entry.is_empty()).collect();
        if entries.is_empty() || entries.contains(&"*") {
            return Self::AllNamespaces;
        }
        let named = entries.into_iter().filter(|entry| *entry != "~");
        Self::Namespaces(named.map(|entry| if entry == "." { home } else { entry }.to_owned()).collect())
    }

    /// Whether a namespace sees it.
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
            Self::Namespaces(namespaces) if namespaces.is_empty() => f.write_str("nobody"),
            Self::Namespaces(namespaces) => {
                f.write_str(&namespaces.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// Who sees a Service, by its annotation.
pub(super) fn service_visibility(service: &Json) -> Visibility {
    let said = text(service, &["metadata", "annotations", crate::mesh::istio::EXPORT_TO]).unwrap_or_default();
    Visibility::from_export_to(said.split(','), namespace(service))
}

/// Who sees an object of Istio's, by its spec.
pub(super) fn object_visibility(live: &Json) -> Visibility {
    Visibility::from_export_to(strings(live, &["spec", "exportTo"]), namespace(live))
}

// === hosts ===

/// Whether a host, maybe a wildcard, and another have a name in common.
pub(super) fn hosts_overlap(one: &str, other: &str) -> bool {
    let under =
        |wild: &str, host: &str| wild == "*" || wild.strip_prefix('*').is_some_and(|domain| host.ends_with(domain));
    one == other || under(one, other) || under(other, one)
}

/// A host as a rule in `home` means it: short names bind to the rule's namespace.
pub(super) fn fully_qualified_host(host: &str, home: &str, cluster_domain: &str) -> String {
    match host.split('.').collect::<Vec<_>>().as_slice() {
        [name] if *name != "*" => format!("{name}.{home}.svc.{cluster_domain}"),
        _ => host.to_owned(),
    }
}
