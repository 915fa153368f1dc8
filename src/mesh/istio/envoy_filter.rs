//! EnvoyFilter: a patch of the configuration that istiod generates for proxies. The provider writes two: for the routes of services
//! that set neither timeout nor retries, and for local rate limits. istiod names the routes `default` that it generates for
//! services without a VirtualService, and the provider's own VirtualServices name theirs so.

use serde::Serialize;

use crate::mesh::{duration::Duration, port::PortNumber};

/// `spec` of an EnvoyFilter.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvoyFilter {
    /// Workloads of the object's namespace that the patches apply to. `None`: every workload of the namespace, or of the mesh if
    /// the object is in the root namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload_selector: Option<LabelSelector>,
    /// Position among the EnvoyFilters of a workload, in ascending order. `None` is 0. A patch that is relative to a filter must follow
    /// those that add the filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// Patches in the order in which they are applied.
    pub config_patches: Vec<ConfigPatch>,
}

/// A patch, and the configuration that it applies to.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigPatch {
    /// Type of the patched configuration: `HTTP_ROUTE` or `HTTP_FILTER`.
    pub apply_to: &'static str,
    /// Configuration to patch.
    pub r#match: Match,
    /// Change of it.
    pub patch: Patch,
}

/// The selector of workloads, whose field is named otherwise than in policies.
#[derive(Clone, Debug, Serialize)]
pub struct LabelSelector {
    /// Labels that a workload must have, all of them.
    pub labels: std::collections::BTreeMap<String, String>,
}

/// The match of configurations.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Match {
    /// `SIDECAR_OUTBOUND` or `SIDECAR_INBOUND`: the direction of requests at sidecars.
    pub context: &'static str,
    /// Match within the configuration.
    #[serde(flatten)]
    pub within: Within,
}

/// The match within a configuration.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Within {
    /// Routes.
    RouteConfiguration(RouteConfiguration),
    /// Filters of listeners.
    Listener(Listener),
}

/// The match within the listener of inbound requests.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listener {
    /// Port on which the workload listens.
    pub port_number: PortNumber,
    /// Match of the filter chains of the port.
    pub filter_chain: FilterChain,
}

/// The match of a filter chain by a filter in it.
#[derive(Clone, Debug, Serialize)]
pub struct FilterChain {
    /// Network filter.
    pub filter: NetworkFilter,
}

/// The match of a network filter.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkFilter {
    /// Name of the filter.
    pub name: &'static str,
    /// HTTP filter in it.
    pub sub_filter: HttpFilterName,
}

/// The match of an HTTP filter.
#[derive(Clone, Debug, Serialize)]
pub struct HttpFilterName {
    /// Name of the filter.
    pub name: &'static str,
}

/// The match within a route configuration.
#[derive(Clone, Debug, Serialize)]
pub struct RouteConfiguration {
    /// Match of virtual hosts. The provider matches every one.
    pub vhost: VirtualHost,
}

/// The match of virtual hosts.
#[derive(Clone, Debug, Serialize)]
pub struct VirtualHost {
    /// Match of the routes of the virtual host.
    pub route: NamedRoute,
}

/// The match of a route by its name and its action.
#[derive(Clone, Debug, Serialize)]
pub struct NamedRoute {
    /// `default`, the name of the routes that istiod generates.
    pub name: &'static str,
    /// `ROUTE`: routes that forward requests. A merge would give a redirect of another tool's VirtualService a `route` without a
    /// cluster, and Envoy would refuse the whole configuration.
    pub action: &'static str,
}

/// The change of a configuration.
#[derive(Clone, Debug, Serialize)]
pub struct Patch {
    /// `MERGE`: Envoy merges the value into the route. `INSERT_BEFORE`: the value becomes a filter before the matching one.
    pub operation: &'static str,
    /// Value in the API of Envoy, whose field names are in snake case.
    pub value: Value,
}

/// A value in the API of Envoy.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// `config.route.v3.Route`.
    Route {
        /// Action of the route.
        route: RouteAction,
    },
    /// An HTTP filter.
    HttpFilter(HttpFilter),
}

/// Envoy's `HttpFilter`.
#[derive(Clone, Debug, Serialize)]
pub struct HttpFilter {
    /// Name of the filter.
    pub name: &'static str,
    /// Configuration of the filter.
    pub typed_config: LocalRateLimit,
}

/// Envoy's `LocalRateLimit`: a bucket of tokens that all connections of a proxy share. A request takes one, or is answered with 429.
#[derive(Clone, Debug, Serialize)]
pub struct LocalRateLimit {
    /// URL of the type.
    #[serde(rename = "@type")]
    pub type_url: &'static str,
    /// Prefix of the filter's statistics.
    pub stat_prefix: &'static str,
    /// Bucket of tokens.
    pub token_bucket: TokenBucket,
    /// Share of the requests that take a token. By default none does.
    pub filter_enabled: RuntimeFraction,
    /// Share of the requests without a token that are refused. By default none is.
    pub filter_enforced: RuntimeFraction,
}

/// Envoy's `TokenBucket`.
#[derive(Clone, Debug, Serialize)]
pub struct TokenBucket {
    /// Tokens in the full bucket.
    pub max_tokens: u32,
    /// Tokens that are added at the end of each interval.
    pub tokens_per_fill: u32,
    /// The interval, of 50 ms at least.
    pub fill_interval: Duration,
}

/// Envoy's `RuntimeFractionalPercent`, without a runtime key.
#[derive(Clone, Debug, Serialize)]
pub struct RuntimeFraction {
    /// The share.
    pub default_value: Fraction,
}

/// Envoy's `FractionalPercent`.
#[derive(Clone, Debug, Serialize)]
pub struct Fraction {
    /// Dividend.
    pub numerator: u32,
    /// Divisor.
    pub denominator: &'static str,
}

impl RuntimeFraction {
    /// All requests.
    pub const ALL: Self = Self { default_value: Fraction { numerator: 100, denominator: "HUNDRED" } };
}

/// Envoy's `RouteAction`.
#[derive(Clone, Debug, Serialize)]
pub struct RouteAction {
    /// Timeout of a request, including its retries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// Retries of failed requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_policy: Option<RetryPolicy>,
}

/// Envoy's `RetryPolicy`.
#[derive(Clone, Debug, Serialize)]
pub struct RetryPolicy {
    /// Maximum number of retries. A merge of 0 leaves the number as it is.
    pub num_retries: u32,
    /// Conditions of a retry, separated by commas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_on: Option<String>,
    /// Status codes that are retried on the condition `retriable-status-codes`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub retriable_status_codes: Vec<u32>,
    /// Timeout of each attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_try_timeout: Option<Duration>,
}
