//! Where the workloads of a live Gateway are, and as which service account they run, by the arguments that `mesh_gateway` records.
//! Gateways of other tools say nothing about it. Only live checks use it: everyone who may write a Gateway may write its
//! annotations.

use serde_json::Value as Json;

use super::live_objects::{annotation_value, name, namespace};
use crate::{
    json_path::text,
    object::{annotation, resource_id, resource_type},
};

/// The workloads of a Gateway, as its `mesh_gateway` names them.
#[derive(Clone, Debug)]
pub(super) struct GatewayWorkloads {
    /// The namespace of the pods.
    pub(super) namespace: String,
    /// The service account of the pods.
    pub(super) service_account: String,
}

/// Returns the workloads of a live Gateway, with the defaults of `mesh_gateway`; `None` for Gateways of other tools.
pub(super) fn recorded_workloads(live: &Json) -> Option<GatewayWorkloads> {
    let annotation = |key: &str| annotation_value(live, key);
    resource_id(resource_type::GATEWAY, annotation(annotation::RESOURCE)?)?;
    let arguments: Json = serde_json::from_str(annotation(annotation::ARGUMENTS)?).ok()?;
    let argument = |name: &str, default: &str| text(&arguments, &[name]).unwrap_or(default).to_owned();
    Some(GatewayWorkloads {
        namespace: argument("workload_namespace", namespace(live)),
        service_account: argument("service_account", name(live)),
    })
}

/// Returns the namespace of the workloads of a live Gateway. Those of other tools count as being in that of the Gateway.
pub(super) fn workload_namespace(live: &Json) -> String {
    recorded_workloads(live).map_or_else(|| namespace(live).to_owned(), |workloads| workloads.namespace)
}
