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
    pub http: Vec<HttpRoute>,
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
