//! Types of Istio's API, one file for each kind, with only the fields that this provider writes. Names and meanings are
//! those of Istio. A field that is `None` isn't serialized, so that the provider doesn't own it in server-side apply.

pub mod authorization_policy;
pub mod destination_rule;
pub mod envoy_filter;
pub mod gateway;
pub mod peer_authentication;
pub mod policy_transition;
pub mod request_authentication;
pub mod route_transition;
pub mod service_entry;
pub mod sidecar;
pub mod telemetry;
pub mod virtual_service;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// The annotation of a Service with the namespaces that it is exported to, separated by commas.
pub const EXPORT_TO: &str = "networking.istio.io/exportTo";

/// The annotation of an AuthorizationPolicy by which proxies only report in metrics and logs what the policy would
/// decide.
pub const DRY_RUN: &str = "istio.io/dry-run";

/// The label of a Namespace that switches sidecar injection by the default revision on or off. Istio ignores [`REVISION`]
/// beside it.
pub const INJECTION: &str = "istio-injection";

/// The label of a Namespace that names the revision whose sidecars are injected.
pub const REVISION: &str = "istio.io/rev";

/// The label of a Namespace or a pod with its data plane mode, `ambient` or `none`.
pub const DATAPLANE_MODE: &str = "istio.io/dataplane-mode";

/// The workloads that a policy applies to.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadSelector {
    /// Labels that a workload must have, all of them.
    pub match_labels: BTreeMap<String, String>,
}

/// A reference to a port of a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PortSelector {
    /// Number of the port.
    pub number: crate::mesh::port::PortNumber,
}

/// The namespaces in which an object is visible: `.` (its own), names, or `*`.
pub type ExportTo = BTreeSet<String>;
