//! VirtualService: where requests and connections to a host go, for how long, and how often.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::{ExportTo, PortSelector};
use crate::mesh::{duration::Duration, port::PortNumber};

/// `spec`
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VirtualService {
    /// Whole names.
    pub hosts: Vec<String>,
    /// `namespace/name`; none: the mesh's own proxies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<String>,
    /// Always written: the mesh's default may hide the object.
    pub export_to: ExportTo,
    /// In order; the first that matches. None is named `default`, the name of Istio's generated routes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<HttpRoute>,
    /// Of ports that speak TLS of the application.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tls: Vec<TlsRoute>,
    /// Of connections, likewise. Istio doesn't look here on ports that speak TLS of the application.
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

/// One rule for requests. It has a `route` or a `redirect`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRoute {
    /// For metrics and access logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is for; each of them suffices. None: everything.
    #[serde(rename = "match", skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<HttpMatch>,
    /// The answer, where the proxy gives it itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect: Option<Redirect>,
    /// Another path or host on the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rewrite: Option<Rewrite>,
    /// Failures that are made. Istio gives such a route neither timeout nor retries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// What gets a copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirror: Option<Destination>,
    /// Of what it gets a copy; of everything, where it isn't written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirror_percentage: Option<PercentValue>,
    /// Of a whole request. `None` is none at all: Istio has no default, and its schema refuses `0s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// Written wherever there is a `route`: what is left out would be retried by the mesh's hidden default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<HttpRetry>,
    /// Where to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub route: Vec<RouteDestination>,
}

/// A condition on a request: all that is written must hold.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpMatch {
    /// The port that the caller called; `None` at a gateway, whose ports are its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<PortNumber>,
    /// The path, without the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<StringMatch>,
    /// The method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<StringMatch>,
    /// By name, in lower case.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, StringMatch>,
    /// By name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub query_params: BTreeMap<String, StringMatch>,
}

impl HttpMatch {
    /// Every request that calls `port`.
    pub fn all(port: PortNumber) -> Self {
        Self { port: Some(port), ..Self::default() }
    }

    /// Every request of such a path, at a gateway.
    pub fn path(path: StringMatch) -> Self {
        Self { uri: Some(path), ..Self::default() }
    }
}

/// A condition on a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StringMatch {
    /// This very text.
    Exact(String),
    /// A text that begins so.
    Prefix(String),
    /// Any text.
    Present,
}

impl Serialize for StringMatch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Exact(text) => serializer.collect_map([("exact", text)]),
            Self::Prefix(text) => serializer.collect_map([("prefix", text)]),
            // To Istio, a match without a text asks whether there is any.
            Self::Present => serializer.collect_map([("", ""); 0]),
        }
    }
}

/// An answer that sends the caller elsewhere.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Redirect {
    /// The whole path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// The host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// The status.
    pub redirect_code: u32,
}

/// Another path or host on the way.
#[derive(Clone, Debug, Serialize)]
pub struct Rewrite {
    /// What takes the place of the matched path or prefix; of the first `/` where no path is matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// The host that the workload is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
}

/// Failures that are made.
#[derive(Clone, Debug, Serialize)]
pub struct Fault {
    /// Requests are held up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<Delay>,
    /// Requests are answered by the proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abort: Option<Abort>,
}

/// Requests are held up.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Delay {
    /// How long.
    pub fixed_delay: Duration,
    /// How many.
    pub percentage: PercentValue,
}

/// Requests are answered by the proxy.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Abort {
    /// With this status.
    pub http_status: u32,
    /// How many.
    pub percentage: PercentValue,
}

/// A share.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PercentValue {
    /// 0 to 100.
    pub value: u32,
}

/// Sending again.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRetry {
    /// 0: never, and then nothing else may be written.
    pub attempts: u32,
    /// Envoy's conditions, comma-separated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_on: Option<&'static str>,
    /// Of one try. One that takes longer is sent again only where `retry_on` has `gateway-error` or `reset`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_try_timeout: Option<Duration>,
}

impl HttpRetry {
    /// Nothing is sent again.
    pub const NONE: Self = Self { attempts: 0, retry_on: None, per_try_timeout: None };
}

/// One rule for connections.
#[derive(Clone, Debug, Serialize)]
pub struct TcpRoute {
    /// What it is for; each of them suffices.
    #[serde(rename = "match")]
    pub matches: Vec<TcpMatch>,
    /// Where to.
    pub route: Vec<RouteDestination>,
}

/// A condition on a connection.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct TcpMatch {
    /// The port that the caller called.
    pub port: PortNumber,
}

/// Where requests or connections go.
#[derive(Clone, Debug, Serialize)]
pub struct RouteDestination {
    /// The host and its port.
    pub destination: Destination,
    /// Its share; `None` where there is no other. 0 is none at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
}

/// A host of the registry.
#[derive(Clone, Debug, Serialize)]
pub struct Destination {
    /// Whole.
    pub host: String,
    /// Some of its endpoints, as its DestinationRule names them. While that has no such subset, requests fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subset: Option<String>,
    /// Always written: without it the port that was called is taken, which the destination may not have.
    pub port: PortSelector,
}

impl RouteDestination {
    /// All of it to one port of a host.
    pub fn to_port(host: &str, port: PortNumber) -> Self {
        Self {
            destination: Destination { host: host.to_owned(), subset: None, port: PortSelector { number: port } },
            weight: None,
        }
    }
}

impl HttpRoute {
    /// The rule for all requests to one port of a host.
    pub fn to_port(host: &str, port: PortNumber, timeout: Duration, retries: HttpRetry) -> Self {
        let destination = Destination { host: host.to_owned(), subset: None, port: PortSelector { number: port } };
        Self {
            matches: vec![HttpMatch::all(port)],
            timeout: nonzero_timeout(timeout),
            retries: Some(retries),
            route: vec![RouteDestination { destination, weight: None }],
            ..Self::default()
        }
    }
}

/// A timeout as Istio's schema takes it: nothing for none.
pub fn nonzero_timeout(timeout: Duration) -> Option<Duration> {
    (timeout > Duration::ZERO).then_some(timeout)
}
