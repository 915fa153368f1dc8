//! DestinationRule: how callers connect to a host. A caller uses only the most specific rule and inherits nothing from
//! the others: a rule hides that of the root namespace even where it sets nothing.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{ExportTo, PortSelector, WorkloadSelector};
use crate::mesh::{duration::Duration, resiliency::PresetSettings};

/// `spec` of a DestinationRule.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DestinationRule {
    /// Host, fully qualified or a wildcard.
    pub host: String,
    /// Namespaces of the callers that use the rule. It is always written, because the default of `meshConfig` may hide
    /// the rule.
    pub export_to: ExportTo,
    /// Callers in the namespace of the rule that prefer it to the rule without a selector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload_selector: Option<WorkloadSelector>,
    /// Settings of the connections. `None`: the defaults of Istio instead of those of a rule in the root namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic_policy: Option<TrafficPolicy>,
    /// Named subsets of the endpoints, which routes refer to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subsets: Vec<Subset>,
}

/// A subset of the endpoints of a host. The traffic policy of the rule applies to it too.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Subset {
    /// Name, unique in the rule.
    pub name: String,
    /// Labels of the pods in the subset, in addition to the selector of the Service. Empty: all pods.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Settings of connections to the subset, in place of those of the rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic_policy: Option<TrafficPolicy>,
}

/// The settings of connections to a host.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TrafficPolicy {
    /// Connection pool limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_pool: Option<ConnectionPool>,
    /// Ejection of failing endpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outlier_detection: Option<OutlierDetection>,
    /// Selection of endpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<LoadBalancer>,
    /// Limit of concurrent retries. Istio has no such setting for single ports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_budget: Option<RetryBudget>,
    /// Settings of single ports, which inherit nothing from the other fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_level_settings: Option<Vec<PortPolicy>>,
}

/// The settings of connections to one port.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PortPolicy {
    /// Port of the Service.
    pub port: PortSelector,
    /// TLS that the proxy starts for an application that doesn't.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<ClientTls>,
    /// Connection pool limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_pool: Option<ConnectionPool>,
    /// Ejection of failing endpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outlier_detection: Option<OutlierDetection>,
    /// Selection of endpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<LoadBalancer>,
}

/// TLS that a proxy starts as a client.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientTls {
    /// `SIMPLE`, `MUTUAL`, with which the proxy presents a certificate, or `ISTIO_MUTUAL`, with which it presents its own identity.
    pub mode: &'static str,
    /// Server name to send. If it is set without `subject_alt_names`, the proxy doesn't verify the name in the
    /// certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sni: Option<String>,
    /// Names, one of which the server's certificate must have. If neither `sni` nor this is set, the proxy takes both
    /// from the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_alt_names: Option<Vec<String>>,
    /// File with the certificate authorities for server certificates. `None`: those of the operating system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_certificates: Option<String>,
    /// File with the certificate of the proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<String>,
    /// File with the private key of that certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_key: Option<String>,
    /// Secret with all three. Sidecars use it only if the rule has a workload selector. Without one they would send
    /// clear text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_name: Option<String>,
}

/// The connection pool limits of each proxy. Istio requires one of the two fields, which may be empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ConnectionPool {
    /// Limits of connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp: Option<TcpPool>,
    /// Limits of requests. Envoy counts the pending connections of a TCP port as pending requests, so pools of TCP
    /// ports don't set it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpPool>,
}

impl ConnectionPool {
    /// A pool without limits, for a port that must not have the limits of the other ports.
    pub const NO_LIMIT: Self = Self { tcp: Some(TcpPool::UNSET), http: None };
}

/// The limits of connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TcpPool {
    /// Timeout for establishing a connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_timeout: Option<Duration>,
    /// Maximum number of connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_connections: Option<u32>,
    /// Time after which a connection of a TCP port is closed if nothing is sent on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_timeout: Option<Duration>,
    /// Time after which a connection is closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_connection_duration: Option<Duration>,
    /// TCP keepalive of the connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp_keepalive: Option<TcpKeepalive>,
}

impl TcpPool {
    /// A pool that sets nothing.
    pub const UNSET: Self = Self {
        connect_timeout: None,
        max_connections: None,
        idle_timeout: None,
        max_connection_duration: None,
        tcp_keepalive: None,
    };
}

/// TCP keepalive. Fields that aren't set have the values of the operating system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TcpKeepalive {
    /// Number of unanswered probes after which a connection is dead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probes: Option<u32>,
    /// Time without traffic before the first probe, in whole seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Duration>,
    /// Time between two probes, in whole seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Duration>,
}

/// The limits of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpPool {
    /// Maximum number of requests that wait for a connection. It applies to HTTP/2 too, despite the name in Istio.
    #[serde(rename = "http1MaxPendingRequests", skip_serializing_if = "Option::is_none")]
    pub max_pending_requests: Option<u32>,
    /// Maximum number of requests in flight. It applies to HTTP/1 too, despite the name in Istio.
    #[serde(rename = "http2MaxRequests", skip_serializing_if = "Option::is_none")]
    pub max_requests: Option<u32>,
    /// Maximum number of concurrent retries. It has no effect beside a [`RetryBudget`], which single ports can't have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_retries: Option<u32>,
    /// Time after which a connection without requests is closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_timeout: Option<Duration>,
    /// Maximum number of requests of one connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_requests_per_connection: Option<u32>,
    /// Whether requests have the version of HTTP that the application speaks, whatever the protocol of the port is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_client_protocol: Option<bool>,
    /// Whether requests of HTTP/1.1 go over HTTP/2: `UPGRADE` or `DO_NOT_UPGRADE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub h2_upgrade_policy: Option<&'static str>,
}

/// The ejection of failing endpoints. Envoy counts a failed connection as the status 503 and a timeout as 504, on TCP ports too.
/// Istio has defaults for fields that aren't set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutlierDetection {
    /// Number of consecutive gateway errors (502, 503 and 504) after which an endpoint is ejected. They don't count if it isn't
    /// set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consecutive_gateway_errors: Option<u32>,
    /// Number of consecutive errors of 5xx after which an endpoint is ejected. 0: they don't count. It is always written, since
    /// Envoy's default is 5.
    #[serde(rename = "consecutive5xxErrors")]
    pub consecutive_5xx_errors: u32,
    /// Interval between two evaluations of the endpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Duration>,
    /// Duration of an ejection, multiplied by the number of previous ejections of the endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_ejection_time: Option<Duration>,
    /// Maximum percentage of endpoints that can be ejected at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_ejection_percent: Option<u32>,
    /// Percentage of healthy endpoints below which none counts as failed any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_health_percent: Option<u32>,
}

/// The selection of endpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancer {
    /// Algorithm: `LEAST_REQUEST`, which is Istio's default, `ROUND_ROBIN` or `RANDOM`. Istio refuses it beside
    /// `consistent_hash`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub simple: Option<&'static str>,
    /// Selection by a hash, so that a client keeps its endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consistent_hash: Option<ConsistentHash>,
    /// Time during which new endpoints get fewer requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup: Option<Warmup>,
    /// Selection by locality. Only with outlier detection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locality_lb_setting: Option<LocalityLbSetting>,
}

/// The part of a request that is hashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ConsistentHash {
    /// The value of a header.
    HttpHeaderName(String),
    /// A cookie.
    HttpCookie(HashCookie),
    /// The client's address, if `true`.
    UseSourceIp(bool),
    /// The value of a parameter of the query.
    HttpQueryParameterName(String),
}

/// A cookie that a hash is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HashCookie {
    /// Name of the cookie.
    pub name: String,
    /// Path of the cookie that the proxy sets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Lifetime of the cookie that the proxy sets where the request has none; 0 is the session. `None`: it sets none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Duration>,
}

/// The warm-up of new endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Warmup {
    /// Time until a new endpoint gets its whole share.
    pub duration: Duration,
}

/// The selection of endpoints by locality. Istio refuses `failover` together with a `failoverPriority` that names a
/// region.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LocalityLbSetting {
    /// Whether endpoints in the locality of the caller are preferred. Outlier detection alone would enable it, so it is
    /// written as `false` unless there is failover.
    pub enabled: bool,
    /// Regions that take over the requests of other regions. Without outlier detection no endpoint counts as failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failover: Vec<LocalityFailover>,
    /// Labels. Endpoints that have more of them in common with the caller are preferred.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failover_priority: Vec<String>,
}

/// The region that takes over the requests of another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LocalityFailover {
    /// Region of the caller, without a zone.
    pub from: String,
    /// Region that takes over if all endpoints of the other one have failed.
    pub to: String,
}

/// The limit of concurrent retries, which keeps retries from aggravating an outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RetryBudget {
    /// Maximum percentage of retries among the requests in flight.
    pub percent: u32,
    /// Number of concurrent retries that are always allowed.
    pub min_retry_concurrency: u32,
}

/// The kind of traffic of a host, which determines its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrafficKind {
    /// At least one port speaks HTTP, so there are limits of requests, and retries.
    Requests,
    /// Every port is a TCP port, so there are only limits of connections.
    Connections,
}

impl From<&PresetSettings> for OutlierDetection {
    fn from(settings: &PresetSettings) -> Self {
        Self {
            consecutive_gateway_errors: Some(settings.consecutive_gateway_errors),
            consecutive_5xx_errors: 0,
            interval: Some(settings.ejection_interval),
            base_ejection_time: Some(settings.ejection_time),
            max_ejection_percent: Some(settings.max_ejection_percent),
            min_health_percent: None,
        }
    }
}

impl TrafficPolicy {
    /// Returns the settings of a resiliency preset for a host with this traffic.
    pub fn from_preset(settings: &PresetSettings, traffic: TrafficKind) -> Self {
        let sees_requests = traffic == TrafficKind::Requests;
        let request_limits = settings.limit.map(|limit| HttpPool {
            max_pending_requests: Some(limit),
            max_requests: Some(limit),
            ..HttpPool::default()
        });
        Self {
            connection_pool: Some(ConnectionPool {
                tcp: Some(TcpPool {
                    connect_timeout: Some(settings.connect_timeout),
                    max_connections: settings.limit,
                    ..TcpPool::UNSET
                }),
                http: request_limits.filter(|_| sees_requests),
            }),
            outlier_detection: Some(OutlierDetection::from(settings)),
            load_balancer: None,
            retry_budget: sees_requests.then_some(RetryBudget {
                percent: settings.retry_budget_percent,
                min_retry_concurrency: settings.retry_budget_minimum,
            }),
            port_level_settings: None,
        }
    }
}
