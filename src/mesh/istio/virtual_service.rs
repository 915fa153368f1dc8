//! VirtualService: the routes of requests and connections to a host, with their timeouts and retries.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Serialize, Serializer};

use super::{ExportTo, PortSelector};
use crate::mesh::{duration::Duration, port::PortNumber};

/// `spec` of a VirtualService.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VirtualService {
    /// Hosts, fully qualified.
    pub hosts: Vec<String>,
    /// Gateways as `namespace/name`. Empty: the routes apply to the sidecars of the mesh.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<String>,
    /// Namespaces of the callers that use the routes. It is always written, because the default of `meshConfig` may
    /// hide the object.
    pub export_to: ExportTo,
    /// HTTP routes. The first that matches applies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<HttpRoute>,
    /// TLS routes, for ports on which applications start TLS.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tls: Vec<TlsRoute>,
    /// TCP routes. Istio ignores them on ports on which applications start TLS.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tcp: Vec<TcpRoute>,
}

/// A route for TLS connections, which are matched by their server name (SNI).
#[derive(Clone, Debug, Serialize)]
pub struct TlsRoute {
    /// Conditions, at least one of which must match.
    #[serde(rename = "match")]
    pub matches: Vec<TlsMatch>,
    /// Weighted destinations.
    pub route: Vec<RouteDestination>,
}

/// A condition on a TLS connection.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsMatch {
    /// Port that the caller has connected to. `None`: every port of a gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<PortNumber>,
    /// Server names. On this port of *every* host of the VirtualService, connections with other server names are
    /// closed.
    pub sni_hosts: Vec<String>,
}

/// A route for HTTP requests, which has one of `route`, `redirect` and `direct_response`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRoute {
    /// Name of the route in metrics and access logs. [`HttpRoute::GENERATED`] for routes that mesh-wide defaults apply to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Conditions, at least one of which must match. Empty: every request matches.
    #[serde(rename = "match", skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<HttpMatch>,
    /// Redirect with which the proxy responds itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect: Option<Redirect>,
    /// Change of the path or host before the request is forwarded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rewrite: Option<Rewrite>,
    /// Response with which the proxy answers itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direct_response: Option<DirectResponse>,
    /// Changes of headers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<Headers>,
    /// Cross-origin resource sharing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cors_policy: Option<CorsPolicy>,
    /// Fault injection. Istio ignores timeout and retries of a route with faults.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// Destinations that receive copies of requests.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mirrors: Vec<Mirror>,
    /// Timeout of a request, including its retries. `None`: no timeout, which is the default of Istio. Its schema
    /// refuses `0s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// Retries. `None`: those of the mesh's configuration, which are two by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<HttpRetry>,
    /// Weighted destinations.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub route: Vec<RouteDestination>,
}

/// A destination that receives copies of requests; its responses are discarded.
#[derive(Clone, Debug, Serialize)]
pub struct Mirror {
    /// Destination of the copies.
    pub destination: Destination,
    /// Percentage of requests that are copied.
    pub percentage: PercentValue,
}

/// A response of the proxy itself.
#[derive(Clone, Debug, Serialize)]
pub struct DirectResponse {
    /// HTTP status code.
    pub status: u32,
    /// Body of the response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<ResponseBody>,
}

/// A body, which Istio has as an object.
#[derive(Clone, Debug, Serialize)]
pub struct ResponseBody {
    /// Text of the body.
    pub string: String,
}

/// Changes of the headers of requests and responses.
#[derive(Clone, Debug, Serialize)]
pub struct Headers {
    /// Changes of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<HeaderOperations>,
    /// Changes of the response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<HeaderOperations>,
}

/// Changes of headers. Envoy removes, then sets and adds.
#[derive(Clone, Debug, Serialize)]
pub struct HeaderOperations {
    /// Headers that are replaced, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, String>,
    /// Headers that are added to those of the same name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub add: BTreeMap<String, String>,
    /// Names of headers that are removed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
}

/// Cross-origin resource sharing.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CorsPolicy {
    /// Origins.
    pub allow_origins: Vec<StringMatch>,
    /// Methods that pages may use.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_methods: Vec<String>,
    /// Headers that pages may send.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_headers: Vec<String>,
    /// Headers of responses that pages may read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expose_headers: Vec<String>,
    /// Time for which browsers keep the answer to a preflight request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Duration>,
    /// Whether pages may send credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_credentials: Option<bool>,
}

/// A condition on a request. Fields that are set must all match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpMatch {
    /// Port that the caller has connected to. `None` at a gateway, whose ports differ from those of the Service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<PortNumber>,
    /// Path of the request, without the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<StringMatch>,
    /// Scheme of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<StringMatch>,
    /// Method of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<StringMatch>,
    /// Host of the request, with the port if the caller named one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority: Option<StringMatch>,
    /// Headers of the request, by name in lower case.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, StringMatch>,
    /// Query parameters of the request, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub query_params: BTreeMap<String, StringMatch>,
    /// Labels of the calling workload.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub source_labels: BTreeMap<String, String>,
    /// Namespace of the calling workload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_namespace: Option<String>,
}

impl HttpMatch {
    /// Returns the condition that matches every request to `port`.
    pub fn all(port: PortNumber) -> Self {
        Self { port: Some(port), ..Self::default() }
    }

    /// Returns the condition that matches a path at a gateway.
    pub fn path(path: StringMatch) -> Self {
        Self { uri: Some(path), ..Self::default() }
    }
}

/// A condition on the text of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StringMatch {
    /// The text is equal.
    Exact(String),
    /// The text has this prefix.
    Prefix(String),
    /// The whole text matches this regular expression (RE2).
    Regex(String),
    /// The text exists, with any content.
    Present,
}

impl Serialize for StringMatch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Exact(text) => serializer.collect_map([("exact", text)]),
            Self::Prefix(text) => serializer.collect_map([("prefix", text)]),
            Self::Regex(text) => serializer.collect_map([("regex", text)]),
            // Istio reads an empty match as a test for existence.
            Self::Present => serializer.collect_map([("", ""); 0]),
        }
    }
}

/// A redirect.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Redirect {
    /// New path, which replaces the whole path of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// New host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// HTTP status code.
    pub redirect_code: u32,
}

/// A change of the path or host of a request before it is forwarded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rewrite {
    /// Replacement of the matched path or prefix. If the route matches no path, it replaces the first `/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// Host that the workload receives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
}

/// Fault injection.
#[derive(Clone, Debug, Serialize)]
pub struct Fault {
    /// Delay of requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<Delay>,
    /// Error responses of the proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abort: Option<Abort>,
}

/// A delay of a percentage of requests.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Delay {
    /// Duration of the delay.
    pub fixed_delay: Duration,
    /// Percentage of requests.
    pub percentage: PercentValue,
}

/// An error with which the proxy responds to a percentage of requests.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Abort {
    /// HTTP status code of the response.
    pub http_status: u32,
    /// Percentage of requests.
    pub percentage: PercentValue,
}

/// A whole percentage, which Istio has as an object.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PercentValue {
    /// Percentage from 0 to 100.
    pub value: u32,
}

/// The retries of failed requests.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRetry {
    /// Maximum number of retries. With 0, meaning none, no other field may be set.
    pub attempts: u32,
    /// Envoy's conditions of a retry and status codes, separated by commas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_on: Option<Cow<'static, str>>,
    /// Timeout of each attempt. An attempt that times out is retried only if `retry_on` has `gateway-error` or `reset`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_try_timeout: Option<Duration>,
}

impl HttpRetry {
    /// The value that disables retries.
    pub const NONE: Self = Self { attempts: 0, retry_on: None, per_try_timeout: None };
}

/// A route for TCP connections.
#[derive(Clone, Debug, Serialize)]
pub struct TcpRoute {
    /// Conditions, at least one of which must match.
    #[serde(rename = "match")]
    pub matches: Vec<TcpMatch>,
    /// Weighted destinations.
    pub route: Vec<RouteDestination>,
}

/// A condition on a connection.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct TcpMatch {
    /// Port that the caller has connected to.
    pub port: PortNumber,
}

/// A destination of a route with its weight.
#[derive(Clone, Debug, Serialize)]
pub struct RouteDestination {
    /// Destination of the requests or connections.
    pub destination: Destination,
    /// Changes of headers for this destination alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<Headers>,
    /// Percentage of the traffic, which may be 0. `None` if the route has only one destination.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
}

/// A destination: a host of the service registry, and a port of it.
#[derive(Clone, Debug, Serialize)]
pub struct Destination {
    /// Host, fully qualified.
    pub host: String,
    /// Subset of the endpoints. Requests fail as long as no DestinationRule of the host defines the subset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subset: Option<String>,
    /// Port of the host. It is always written: without it Istio uses the port that the caller has connected to, which
    /// the host may not have.
    pub port: PortSelector,
}

impl RouteDestination {
    /// Returns a port of a host as the only destination.
    pub fn to_port(host: &str, port: PortNumber) -> Self {
        Self {
            destination: Destination { host: host.to_owned(), subset: None, port: PortSelector { number: port } },
            headers: None,
            weight: None,
        }
    }
}

impl HttpRoute {
    /// The name of the routes that istiod generates for services without a VirtualService. The EnvoyFilter of the mesh's defaults
    /// changes the routes of this name.
    pub const GENERATED: &'static str = "default";

    /// Returns the route of every request to one port of a host.
    pub fn to_port(host: &str, port: PortNumber, timeout: Option<Duration>, retries: Option<HttpRetry>) -> Self {
        let destination = Destination { host: host.to_owned(), subset: None, port: PortSelector { number: port } };
        Self {
            matches: vec![HttpMatch::all(port)],
            timeout: timeout.and_then(nonzero_timeout),
            retries,
            route: vec![RouteDestination { destination, headers: None, weight: None }],
            ..Self::default()
        }
    }
}

/// Returns the value of a timeout field: a timeout of zero means none, and Istio's schema refuses `0s`, so it isn't
/// written.
pub fn nonzero_timeout(timeout: Duration) -> Option<Duration> {
    (timeout > Duration::ZERO).then_some(timeout)
}
