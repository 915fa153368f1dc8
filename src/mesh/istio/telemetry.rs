//! Telemetry: what proxies tell of requests, and whom. Of tracing, access logging and metrics each, the most specific object
//! that says anything of it holds.

use std::collections::BTreeMap;

use serde::Serialize;

/// `spec`
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Telemetry {
    /// One at most.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tracing: Vec<Tracing>,
    /// One at most.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub access_logging: Vec<AccessLogging>,
    /// One at most.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Metrics>,
}

/// An extension provider of the mesh's configuration, or one that Istio always has (`envoy`, `prometheus`).
#[derive(Clone, Debug, Serialize)]
pub struct ProviderRef {
    /// Its name there.
    pub name: String,
}

/// Spans.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tracing {
    /// Always written: without one, nothing is told where the mesh's configuration has no default.
    pub providers: Vec<ProviderRef>,
    /// Of the requests, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub random_sampling_percentage: Option<super::super::percent::Percent>,
    /// By their names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub custom_tags: BTreeMap<String, Tag>,
}

/// Where a tag's value comes from.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Tag {
    /// The same in every span.
    Literal {
        /// It.
        value: String,
    },
    /// A header of the request.
    Header {
        /// Its name.
        name: String,
    },
}

/// Lines of access logs.
#[derive(Clone, Debug, Serialize)]
pub struct AccessLogging {
    /// Always written.
    pub providers: Vec<ProviderRef>,
    /// Which requests; none: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
}

/// Which requests are logged.
#[derive(Clone, Debug, Serialize)]
pub struct Filter {
    /// In CEL: `response.code >= 400`.
    pub expression: String,
}

/// Metrics.
#[derive(Clone, Debug, Serialize)]
pub struct Metrics {
    /// Always written.
    pub providers: Vec<ProviderRef>,
    /// In order; the last that matches holds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<MetricsOverride>,
}

/// How one metric differs from Istio's own.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricsOverride {
    /// Of which.
    pub r#match: MetricSelector,
    /// Whether it isn't told at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// By the tag's name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tag_overrides: BTreeMap<String, TagOverride>,
}

/// A metric.
#[derive(Clone, Debug, Serialize)]
pub struct MetricSelector {
    /// `REQUEST_COUNT`, or `ALL_METRICS`.
    pub metric: &'static str,
}

/// What becomes of a tag.
#[derive(Clone, Debug, Serialize)]
pub struct TagOverride {
    /// `REMOVE`
    pub operation: &'static str,
}
