//! Gateway: the ports, hosts and TLS settings of a proxy at the edge of the mesh.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::mesh::port::PortNumber;

/// `spec` of a Gateway.
#[derive(Clone, Debug, Serialize)]
pub struct Gateway {
    /// Labels of the pods of the gateway.
    pub selector: BTreeMap<String, String>,
    /// Servers in the order of their declaration.
    pub servers: Vec<Server>,
}

/// A port of a Gateway, and the hosts that it serves.
#[derive(Clone, Debug, Serialize)]
pub struct Server {
    /// Port to listen on.
    pub port: Port,
    /// Hosts as `namespace/host`. Only VirtualServices of that namespace may bind to the host. `*` is any namespace.
    pub hosts: BTreeSet<String>,
    /// TLS settings. An HTTP server has them only for the redirect to HTTPS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
}

/// A port of a server.
#[derive(Clone, Debug, Serialize)]
pub struct Port {
    /// Number of the port in the gateway's Service.
    pub number: PortNumber,
    /// Name, unique in the Gateway.
    pub name: String,
    /// Protocol in upper case, like `HTTPS`.
    pub protocol: &'static str,
}

/// The TLS settings of a server. Istio accepts a minimum version above the maximum version, with which every handshake
/// fails.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tls {
    /// Whether HTTP requests are redirected to HTTPS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub https_redirect: Option<bool>,
    /// TLS mode, like `SIMPLE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<&'static str>,
    /// Name of the Secret with the certificate, in the namespace of the gateway's pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_name: Option<String>,
    /// Minimum TLS version, like `TLSV1_3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_protocol_version: Option<&'static str>,
    /// Maximum TLS version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_protocol_version: Option<&'static str>,
    /// Cipher suites of TLS 1.2. Istio ignores unknown ones with a warning.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub cipher_suites: BTreeSet<String>,
}
