//! EnvoyFilter: a patch of the configuration that istiod generates for proxies. The provider writes only one, for the routes of
//! services that set neither timeout nor retries. istiod names the routes `default` that it generates for services without a
//! VirtualService, and the provider's own VirtualServices name theirs so.

use serde::Serialize;

use crate::mesh::duration::Duration;

/// `spec` of an EnvoyFilter.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvoyFilter {
    /// Patches in the order in which they are applied.
    pub config_patches: Vec<ConfigPatch>,
}

/// A patch, and the configuration that it applies to.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigPatch {
    /// Type of the patched configuration: `HTTP_ROUTE`.
    pub apply_to: &'static str,
    /// Routes to patch.
    pub r#match: Match,
    /// Change of the routes.
    pub patch: Patch,
}

/// The match of routes.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Match {
    /// `SIDECAR_OUTBOUND`: the outbound routes of sidecars.
    pub context: &'static str,
    /// Match within the route configuration.
    pub route_configuration: RouteConfiguration,
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

/// The change of a route.
#[derive(Clone, Debug, Serialize)]
pub struct Patch {
    /// `MERGE`: Envoy merges the value into the route.
    pub operation: &'static str,
    /// Value in the API of Envoy, whose field names are in snake case.
    pub value: Value,
}

/// Envoy's `config.route.v3.Route`.
#[derive(Clone, Debug, Serialize)]
pub struct Value {
    /// Action of the route.
    pub route: RouteAction,
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
