//! Istio's objects: small structs of just the fields that we write. What is `None` isn't written, so that it isn't owned.
//! One file a kind; field names and meanings are Istio's.

pub mod authorization_policy;
pub mod destination_rule;
pub mod envoy_filter;
pub mod gateway;
pub mod peer_authentication;
pub mod request_authentication;
pub mod service_entry;
pub mod sidecar;
pub mod telemetry;
pub mod virtual_service;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// The annotation on a Service that says who sees it, comma-separated.
pub const EXPORT_TO: &str = "networking.istio.io/exportTo";

/// The annotation on an AuthorizationPolicy that makes it tell what it would do, and do nothing.
pub const DRY_RUN: &str = "istio.io/dry-run";

/// The workloads that a policy is for.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadSelector {
    /// All of these labels.
    pub match_labels: BTreeMap<String, String>,
}

/// A port by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PortSelector {
    /// The Service's port.
    pub number: crate::mesh::port::PortNumber,
}

/// The namespaces that see an object: `.` (its own), names, or `*`.
pub type ExportTo = BTreeSet<String>;
