//! Gateway: what a proxy at the edge of the mesh listens for.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::mesh::port::PortNumber;

/// `spec`
#[derive(Clone, Debug, Serialize)]
pub struct Gateway {
    /// The labels of the gateway's workloads.
    pub selector: BTreeMap<String, String>,
    /// In order.
    pub servers: Vec<Server>,
}

/// A port, and the hosts that are served there.
#[derive(Clone, Debug, Serialize)]
pub struct Server {
    /// The port.
    pub port: Port,
    /// `namespace/host`: the namespace whose VirtualServices may bind to the host, `*` for any.
    pub hosts: BTreeSet<String>,
    /// Of HTTPS and TLS; of HTTP, whether it only redirects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
}

/// A port.
#[derive(Clone, Debug, Serialize)]
pub struct Port {
    /// Of the gateway's Service.
    pub number: PortNumber,
    /// Unique in the Gateway.
    pub name: String,
    /// `HTTPS`
    pub protocol: &'static str,
}

/// TLS of a server. Of several versions Istio takes a minimum above the maximum, and then every handshake fails.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tls {
    /// Requests are told to come back by HTTPS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub https_redirect: Option<bool>,
    /// `SIMPLE`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<&'static str>,
    /// A Secret in the namespace of the gateway's workloads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_name: Option<String>,
    /// `TLSV1_3`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_protocol_version: Option<&'static str>,
    /// Likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_protocol_version: Option<&'static str>,
    /// Of TLS 1.2. Istio leaves out unknown ones, and only warns.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub cipher_suites: BTreeSet<String>,
}
