//! VirtualService: where requests to a host go, for how long, and how often.

use serde::Serialize;

use super::{ExportTo, PortSelector};
use crate::mesh::{duration::Duration, port::PortNumber, resiliency::Preset};

/// `spec`
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VirtualService {
    /// Whole names.
    pub hosts: Vec<String>,
    /// Always written: the mesh's default may hide the object.
    pub export_to: ExportTo,
    /// In order; the first that matches. None is named `default`, the name of Istio's generated routes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<HttpRoute>,
    /// Of ports that speak TLS of the application.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tls: Vec<TlsRoute>,
    /// Of the other ports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tcp: Vec<TcpRoute>,
}

/// One rule for connections whose server name the proxy reads.
#[derive(Clone, Debug, Serialize)]
pub struct TlsRoute {
    /// What it is for.
    #[serde(rename = "match")]
    pub matches: Vec<TlsMatch>,
    /// Where to.
    pub route: Vec<RouteDestination>,
}

/// A condition on a TLS connection.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsMatch {
    /// The port that the caller called.
    pub port: PortNumber,
    /// The names that the caller asked for. On this port of *every* host of the VirtualService others are cut off.
    pub sni_hosts: Vec<String>,
}

/// One rule for connections of bytes.
#[derive(Clone, Debug, Serialize)]
pub struct TcpRoute {
    /// What it is for.
    #[serde(rename = "match")]
    pub matches: Vec<PortMatch>,
    /// Where to.
    pub route: Vec<RouteDestination>,
}

/// A condition on a connection.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PortMatch {
    /// The port that the caller called.
    pub port: PortNumber,
}

/// One rule.
#[derive(Clone, Debug, Serialize)]
pub struct HttpRoute {
    /// What it is for; each of them suffices.
    #[serde(rename = "match")]
    pub matches: Vec<HttpMatch>,
    /// Of a whole request. `None` is none at all: Istio has no default, and its schema refuses `0s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// Always written: what is left out would be retried by the mesh's hidden default.
    pub retries: Retries,
    /// Where to.
    pub route: Vec<RouteDestination>,
}

/// A condition on a request.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct HttpMatch {
    /// The port that the caller called.
    pub port: PortNumber,
}

/// Sending again.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Retries {
    /// 0: never.
    pub attempts: u32,
    /// Envoy's conditions, comma-separated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_on: Option<&'static str>,
}

impl Retries {
    /// As a preset has them.
    pub fn of(preset: Preset) -> Self {
        match preset.resiliency() {
            Some(r) => Self { attempts: r.retry_attempts, retry_on: Some(r.retry_on) },
            None => Self { attempts: 0, retry_on: None },
        }
    }
}

/// Where a request goes.
#[derive(Clone, Debug, Serialize)]
pub struct RouteDestination {
    /// The host and its port.
    pub destination: Destination,
}

/// A host of the registry.
#[derive(Clone, Debug, Serialize)]
pub struct Destination {
    /// Whole.
    pub host: String,
    /// Always written: without it the port that was called is taken, which the destination may not have.
    pub port: PortSelector,
}

impl RouteDestination {
    /// All of it to one port of a host.
    pub fn to_port(host: &str, port: PortNumber) -> Self {
        Self { destination: Destination { host: host.to_owned(), port: PortSelector { number: port } } }
    }
}

impl HttpRoute {
    /// The rule for all requests that call `listener`; `port` of the host takes them.
    pub fn to_port(host: &str, listener: PortNumber, port: PortNumber, timeout: Duration, retries: Retries) -> Self {
        Self {
            matches: vec![HttpMatch { port: listener }],
            timeout: (timeout > Duration::ZERO).then_some(timeout),
            retries,
            route: vec![RouteDestination {
                destination: Destination { host: host.to_owned(), port: PortSelector { number: port } },
            }],
        }
    }
}
