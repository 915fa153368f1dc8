//! Telemetry: the traces, access logs and metrics that proxies report. For each of the three, a workload uses the most
//! specific object that configures it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::WorkloadSelector;

/// `spec` of a Telemetry.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Telemetry {
    /// Workloads of the object's namespace that it applies to. `None`: every workload of the namespace, or of the mesh if the object is
    /// in the root namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<WorkloadSelector>,
    /// Tracing, at most one element.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tracing: Vec<Tracing>,
    /// Access logging, at most one element.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub access_logging: Vec<AccessLogging>,
    /// Metrics, at most one element.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Metrics>,
}

/// A reference to an extension provider of `meshConfig`, or to a built-in one (`envoy`, `prometheus`).
#[derive(Clone, Debug, Serialize)]
pub struct ProviderRef {
    /// Name of the extension provider.
    pub name: String,
}

/// The configuration of tracing.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tracing {
    /// Providers that receive the spans. They are always written: without one, proxies report nothing unless
    /// `meshConfig` has a default provider.
    pub providers: Vec<ProviderRef>,
    /// Whether no spans are sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_span_reporting: Option<bool>,
    /// Percentage of requests that are traced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub random_sampling_percentage: Option<super::super::percent::Percent>,
    /// Tags of the spans, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub custom_tags: BTreeMap<String, Tag>,
}

/// The source of the value of a tag.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Tag {
    /// The value is the same in every span.
    Literal {
        /// Value of the tag.
        value: String,
    },
    /// The value is that of an environment variable of the proxy.
    Environment {
        /// Name of the variable.
        name: String,
    },
    /// The value is that of a request header.
    Header {
        /// Name of the header.
        name: String,
    },
}

/// The configuration of access logs.
#[derive(Clone, Debug, Serialize)]
pub struct AccessLogging {
    /// Providers that receive the logs. They are always written, as those of [`Tracing`].
    pub providers: Vec<ProviderRef>,
    /// Whether these providers get no logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// Filter of requests. `None`: every request is logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
}

/// The filter of logged requests.
#[derive(Clone, Debug, Serialize)]
pub struct Filter {
    /// Expression in CEL, like `response.code >= 400`.
    pub expression: String,
}

/// The configuration of metrics.
#[derive(Clone, Debug, Serialize)]
pub struct Metrics {
    /// Providers that receive the metrics. They are always written, as those of [`Tracing`].
    pub providers: Vec<ProviderRef>,
    /// Changes of metrics. If several match a metric, the last one applies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<MetricsOverride>,
}

/// A change of a standard metric of Istio.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricsOverride {
    /// Metric to change.
    pub r#match: MetricSelector,
    /// Whether the metric is disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// Changes of tags, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tag_overrides: BTreeMap<String, TagOverride>,
}

/// A selector of metrics.
#[derive(Clone, Debug, Serialize)]
pub struct MetricSelector {
    /// Name of a metric in upper case, like `REQUEST_COUNT`, or `ALL_METRICS`.
    pub metric: &'static str,
}

/// The change of a tag.
#[derive(Clone, Debug, Serialize)]
pub struct TagOverride {
    /// `UPSERT`: the tag has the value. `REMOVE`: the metric doesn't have the tag.
    pub operation: &'static str,
    /// Expression in CEL for `UPSERT`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}
