//! ServiceEntry: a host that Kubernetes doesn't know, for the mesh to see.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value as Json;

use super::ExportTo;
use crate::{
    mesh::port::PortNumber,
    object::{Move, Transition},
};

/// `spec`
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceEntry {
    /// Exact, or with `*.` in front.
    pub hosts: Vec<String>,
    /// Always written: an entry that is hidden by the mesh's default lets clear text leave the mesh.
    pub export_to: ExportTo,
    /// `MESH_EXTERNAL`, or `MESH_INTERNAL`.
    pub location: &'static str,
    /// `DNS`; `NONE`: to the address that the application asked for; `STATIC`: to endpoints, of which we write none.
    pub resolution: &'static str,
    /// The server keeps them as a map by name.
    pub ports: Vec<ServicePort>,
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
pub const TRANSITION: Transition = Transition::By { how: transition, settle: Duration::ZERO };

fn transition(live: &Json, wanted: &Json) -> Move {
    let resolution = |body: &Json| body.pointer("/spec/resolution").and_then(Json::as_str).unwrap_or("NONE").to_owned();
    if resolution(live) == "NONE" && resolution(wanted) != "NONE" { Move::Recreate } else { Move::InPlace }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn leaving_none_recreates() {
        let entry = |resolution: &str| json!({ "spec": { "resolution": resolution } });
        assert_eq!(transition(&entry("NONE"), &entry("DNS")), Move::Recreate);
        assert_eq!(transition(&json!({ "spec": {} }), &entry("DNS")), Move::Recreate);
        assert_eq!(transition(&entry("DNS"), &entry("NONE")), Move::InPlace);
        assert_eq!(transition(&entry("NONE"), &entry("NONE")), Move::InPlace);
    }
}
