//! ServiceEntry: a host that isn't a Kubernetes Service, as a service of the mesh.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;
use serde_json::Value as Json;

use super::ExportTo;
use crate::{
    mesh::port::PortNumber,
    object::{Transition, UpdateStrategy},
};

/// `spec` of a ServiceEntry.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceEntry {
    /// Hosts, exact or with the prefix `*.`.
    pub hosts: Vec<String>,
    /// Addresses or CIDR blocks that applications connect to. On a port whose protocol carries no host name, proxies
    /// tell hosts apart only by them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Namespaces in which the host is visible. It is always written: if the default of `meshConfig` hid the entry,
    /// requests would leave the mesh as clear text.
    pub export_to: ExportTo,
    /// `MESH_EXTERNAL` or `MESH_INTERNAL`.
    pub location: &'static str,
    /// `DNS`, `DNS_ROUND_ROBIN`, `DYNAMIC_DNS` (the host of each request), `STATIC` (the addresses in `endpoints`) or `NONE` (the
    /// address that the application has connected to).
    pub resolution: &'static str,
    /// Ports. Server-side apply merges them by their names.
    pub ports: Vec<ServicePort>,
    /// Endpoints of the hosts, for the resolutions `STATIC` and `DNS`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<Endpoint>,
}

/// An endpoint of the hosts.
#[derive(Clone, Debug, Serialize)]
pub struct Endpoint {
    /// IP address, or a name that proxies look up.
    pub address: String,
    /// Ports that the endpoint listens on, by the names of the entry's ports. The default is the number or target port
    /// there.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub ports: BTreeMap<String, PortNumber>,
    /// Locality, like `region/zone`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locality: Option<String>,
}

/// A port of the hosts.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServicePort {
    /// Port that applications connect to.
    pub number: PortNumber,
    /// Name, unique in the entry.
    pub name: String,
    /// Protocol in upper case, like `HTTP`.
    pub protocol: &'static str,
    /// Port of the endpoints, if it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_port: Option<PortNumber>,
}

/// The transition of a ServiceEntry. An entry whose resolution changes from `NONE` is recreated: an update would keep
/// its empty `status.addresses`, and istiod would never allocate an address for it.
pub const TRANSITION: Transition = Transition::Computed { strategy: transition, propagation_delay: Duration::ZERO };

fn transition(live: &Json, desired: &Json) -> UpdateStrategy {
    let resolution = |body: &Json| body.pointer("/spec/resolution").and_then(Json::as_str).unwrap_or("NONE").to_owned();
    if resolution(live) == "NONE" && resolution(desired) != "NONE" {
        UpdateStrategy::Recreate
    } else {
        UpdateStrategy::InPlace
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn change_from_resolution_none_recreates() {
        let entry = |resolution: &str| json!({ "spec": { "resolution": resolution } });
        assert_eq!(transition(&entry("NONE"), &entry("DNS")), UpdateStrategy::Recreate);
        assert_eq!(transition(&json!({ "spec": {} }), &entry("DNS")), UpdateStrategy::Recreate);
        assert_eq!(transition(&entry("DNS"), &entry("NONE")), UpdateStrategy::InPlace);
        assert_eq!(transition(&entry("NONE"), &entry("NONE")), UpdateStrategy::InPlace);
    }
}
