//! Objects of Kubernetes itself: just the fields that we write.

use std::collections::BTreeMap;

use serde::Serialize;

use super::port::PortNumber;

/// `spec` of a Service. Its type and addresses are left to the server and to others.
#[derive(Clone, Debug, Serialize)]
pub struct Service {
    /// The workloads behind it.
    pub selector: BTreeMap<String, String>,
    /// In the order in which they were declared.
    pub ports: Vec<ServicePort>,
}

/// A port of a Service.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServicePort {
    /// Its prefix says what is spoken.
    pub name: String,
    /// What is called.
    pub port: PortNumber,
    /// Where the workload listens.
    pub target_port: PortNumber,
    /// `TCP`: part of the key by which the server keeps ports, so it is written though it is the default.
    pub protocol: &'static str,
    /// What is spoken, once more: Istio reads it before the name.
    pub app_protocol: &'static str,
}
