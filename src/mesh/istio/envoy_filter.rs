//! EnvoyFilter: a patch of what istiod makes for proxies. We write one alone, of the routes that istiod generates for services
//! without a VirtualService; it calls these `default`, and routes of VirtualServices otherwise.

use serde::Serialize;

use crate::mesh::duration::Duration;

/// `spec`
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvoyFilter {
    /// In order.
    pub config_patches: Vec<ConfigPatch>,
}

/// Where, and what.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigPatch {
    /// `HTTP_ROUTE`
    pub apply_to: &'static str,
    /// Which of them.
    pub r#match: Match,
    /// What becomes of them.
    pub patch: Patch,
}

/// Which routes.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Match {
    /// `SIDECAR_OUTBOUND`
    pub context: &'static str,
    /// By their names.
    pub route_configuration: RouteConfiguration,
}

/// `vhost.route.name`
#[derive(Clone, Debug, Serialize)]
pub struct RouteConfiguration {
    /// Any host.
    pub vhost: VirtualHost,
}

/// Routes of a host.
#[derive(Clone, Debug, Serialize)]
pub struct VirtualHost {
    /// The route.
    pub route: NamedRoute,
}

/// A route by its name.
#[derive(Clone, Debug, Serialize)]
pub struct NamedRoute {
    /// `default`
    pub name: &'static str,
}

/// What becomes of a route.
#[derive(Clone, Debug, Serialize)]
pub struct Patch {
    /// `MERGE`
    pub operation: &'static str,
    /// Envoy's own words, which are in snake case.
    pub value: Value,
}

/// Envoy's `config.route.v3.Route`.
#[derive(Clone, Debug, Serialize)]
pub struct Value {
    /// What happens to requests.
    pub route: RouteAction,
}

/// Envoy's `RouteAction`.
#[derive(Clone, Debug, Serialize)]
pub struct RouteAction {
    /// Of a whole request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// Which requests are sent again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_policy: Option<RetryPolicy>,
}

/// Envoy's `RetryPolicy`.
#[derive(Clone, Debug, Serialize)]
pub struct RetryPolicy {
    /// How often; 0 is never.
    pub num_retries: u32,
    /// On what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_on: Option<&'static str>,
    /// Of one try.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_try_timeout: Option<Duration>,
}
