//! DestinationRule: what callers do on their way to a host. A caller takes the one most specific rule whole; nothing is
//! inherited from another, so each rule carries everything.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{ExportTo, PortSelector, WorkloadSelector};
use crate::mesh::{duration::Duration, resiliency::Resiliency};

/// `spec`
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DestinationRule {
    /// Whole, or a wildcard.
    pub host: String,
    /// Always written: the mesh's default may hide the rule.
    pub export_to: ExportTo,
    /// Callers that take this rule before the one for all; in its own namespace alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload_selector: Option<WorkloadSelector>,
    /// None: Istio's defaults, where without this rule the root namespace's would hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic_policy: Option<TrafficPolicy>,
    /// Parts of the host's endpoints, for routes to name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subsets: Vec<Subset>,
}

/// Some of a host's endpoints. The rule's policy is theirs too.
#[derive(Clone, Debug, Serialize)]
pub struct Subset {
    /// Unique in the rule.
    pub name: String,
    /// Of the pods, beside those by which the Service selects.
    pub labels: BTreeMap<String, String>,
}

/// Limits, ejection, TLS.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TrafficPolicy {
    /// Limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_pool: Option<ConnectionPool>,
    /// When endpoints are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outlier_detection: Option<OutlierDetection>,
    /// How endpoints are chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<LoadBalancer>,
    /// Not for single ports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_budget: Option<RetryBudget>,
    /// These inherit nothing from the rest of the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_level_settings: Option<Vec<PortPolicy>>,
}

/// What holds for one port instead of the rest.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PortPolicy {
    /// The Service's port.
    pub port: PortSelector,
    /// Of the proxy, where the application speaks clear text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<ClientTls>,
    /// Limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_pool: Option<ConnectionPool>,
    /// When endpoints are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outlier_detection: Option<OutlierDetection>,
    /// How endpoints are chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<LoadBalancer>,
}

/// TLS that the proxy begins.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientTls {
    /// `SIMPLE`; `MUTUAL`, with a certificate of the proxy's own.
    pub mode: &'static str,
    /// The name sent. Without `subject_alt_names` it would switch off the check of the certificate's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sni: Option<String>,
    /// The names of which the certificate must carry one. Where neither is written, the proxy takes both from the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_alt_names: Option<Vec<String>>,
    /// The file of the authorities that server certificates are checked against; the system's where it isn't written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_certificates: Option<String>,
    /// The file of the proxy's own certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<String>,
    /// The file of its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_key: Option<String>,
    /// The Secret that has all three. Sidecars go by it only where the rule has a workload selector; without one they would
    /// speak no TLS at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_name: Option<String>,
}

/// Limits per proxy. Istio wants one of the two, which may be empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ConnectionPool {
    /// Of connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp: Option<TcpPool>,
    /// Of requests. Envoy counts connections of TCP ports that are coming about as waiting requests, so these take a pool without
    /// it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpPool>,
}

impl ConnectionPool {
    /// Nothing is limited, whatever holds for other ports.
    pub const NO_LIMIT: Self = Self { tcp: Some(TcpPool { connect_timeout: None, max_connections: None }), http: None };
}

/// Limits of connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TcpPool {
    /// For a connection to come about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_timeout: Option<Duration>,
    /// At once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_connections: Option<u32>,
}

/// Limits of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpPool {
    /// Requests that wait for a connection; of HTTP/2 too, despite the name.
    #[serde(rename = "http1MaxPendingRequests", skip_serializing_if = "Option::is_none")]
    pub max_pending_requests: Option<u32>,
    /// Requests in flight; of HTTP/1 too, despite the name.
    #[serde(rename = "http2MaxRequests", skip_serializing_if = "Option::is_none")]
    pub max_requests: Option<u32>,
}

/// When an endpoint is left out. On TCP ports a failed connection counts as a 5xx. What isn't written is Istio's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutlierDetection {
    /// Failures in a row.
    #[serde(rename = "consecutive5xxErrors", skip_serializing_if = "Option::is_none")]
    pub consecutive_5xx_errors: Option<u32>,
    /// How often endpoints are judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Duration>,
    /// How long an endpoint is left out, times how often it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_ejection_time: Option<Duration>,
    /// Of the endpoints, left out at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_ejection_percent: Option<u32>,
}

/// How endpoints are chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancer {
    /// By place.
    pub locality_lb_setting: LocalityLbSetting,
}

/// Whether near endpoints are preferred. Istio refuses `failover` beside a `failoverPriority` that names a region.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LocalityLbSetting {
    /// Ejection would switch it on unasked: false unless there is failover.
    pub enabled: bool,
    /// Where the requests of a region go. Without ejection no endpoint ever counts as failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failover: Vec<LocalityFailover>,
    /// Labels: endpoints that share more of them with the caller come first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failover_priority: Vec<String>,
}

/// Where the requests of a region go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LocalityFailover {
    /// The region, without zone.
    pub from: String,
    /// Another one.
    pub to: String,
}

/// Retries at once, so that they can't feed an outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RetryBudget {
    /// Of the requests in flight.
    pub percent: u32,
    /// Always admitted.
    pub min_retry_concurrency: u32,
}

/// What is spoken behind a host, as far as limits care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// Some port speaks HTTP: requests are limited and retried.
    Requests,
    /// Connections alone.
    Connections,
}

impl TrafficPolicy {
    /// All that a preset says of connections.
    pub fn from_resiliency(resiliency: &Resiliency, traffic: Traffic) -> Self {
        Self {
            connection_pool: Some(ConnectionPool {
                tcp: Some(TcpPool {
                    connect_timeout: Some(resiliency.connect_timeout),
                    max_connections: Some(resiliency.max_connections),
                }),
                http: (traffic == Traffic::Requests).then_some(HttpPool {
                    max_pending_requests: Some(resiliency.max_pending_requests),
                    max_requests: Some(resiliency.max_requests),
                }),
            }),
            outlier_detection: Some(OutlierDetection {
                consecutive_5xx_errors: Some(resiliency.consecutive_5xx),
                interval: Some(resiliency.ejection_interval),
                base_ejection_time: Some(resiliency.ejection_time),
                max_ejection_percent: Some(resiliency.max_ejection_percent),
            }),
            load_balancer: Some(LoadBalancer::default()),
            retry_budget: (traffic == Traffic::Requests).then_some(RetryBudget {
                percent: resiliency.retry_budget_percent,
                min_retry_concurrency: resiliency.retry_budget_minimum,
            }),
            port_level_settings: None,
        }
    }
}
