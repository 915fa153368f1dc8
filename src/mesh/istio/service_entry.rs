//! ServiceEntry: a host that Kubernetes doesn't know, for the mesh to see.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;
use serde_json::Value as Json;

use super::ExportTo;
use crate::{
    mesh::port::PortNumber,
    object::{Transition, UpdateStrategy},
};

/// `spec`
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceEntry {
    /// Exact, or with `*.` in front.
    pub hosts: Vec<String>,
    /// Addresses or ranges that applications connect to: of a port that carries no names, they alone tell hosts apart.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Always written: an entry that is hidden by the mesh's default lets clear text leave the mesh.
    pub export_to: ExportTo,
    /// `MESH_EXTERNAL`, or `MESH_INTERNAL`.
    pub location: &'static str,
    /// `DNS`; `NONE`: to the address that the application asked for; `STATIC`: to endpoints.
    pub resolution: &'static str,
    /// The server keeps them as a map by name.
    pub ports: Vec<ServicePort>,
    /// Where the hosts are, with resolution `STATIC`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<Endpoint>,
}

/// Where the hosts are.
#[derive(Clone, Debug, Serialize)]
pub struct Endpoint {
    /// An IP address.
    pub address: String,
    /// Where it listens, by the names of ports; else as the port says.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub ports: BTreeMap<String, PortNumber>,
    /// `region/zone`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locality: Option<String>,
}

/// A port of the host.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServicePort {
    /// What the application calls.
    pub number: PortNumber,
    /// Unique in the entry.
    pub name: String,
    /// In capitals.
    pub protocol: &'static str,
    /// Where it is listened, where that is another port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_port: Option<PortNumber>,
}

/// An entry that leaves resolution NONE keeps its empty `status.addresses`, and istiod never gives it an address again.
pub const TRANSITION: Transition = Transition::Computed { strategy: transition, propagation_delay: Duration::ZERO };

fn transition(live: &Json, wanted: &Json) -> UpdateStrategy {
    let resolution = |body: &Json| body.pointer("/spec/resolution").and_then(Json::as_str).unwrap_or("NONE").to_owned();
    if resolution(live) == "NONE" && resolution(wanted) != "NONE" {
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
    fn leaving_none_recreates() {
        let entry = |resolution: &str| json!({ "spec": { "resolution": resolution } });
        assert_eq!(transition(&entry("NONE"), &entry("DNS")), UpdateStrategy::Recreate);
        assert_eq!(transition(&json!({ "spec": {} }), &entry("DNS")), UpdateStrategy::Recreate);
        assert_eq!(transition(&entry("DNS"), &entry("NONE")), UpdateStrategy::InPlace);
        assert_eq!(transition(&entry("NONE"), &entry("NONE")), UpdateStrategy::InPlace);
    }
}
