//! The arguments of `telemetry`, which namespaces and the mesh's defaults share. Methods give each argument its default.

use crate::{
    known::Known,
    mesh::{percent::Percent, text::text_enum},
    model,
    schema::{
        Attr, Block, Map, Set, Value,
        model::{block, optional, required},
    },
};

text_enum! {
    /// Istio's standard metrics.
    pub enum Metric {
        /// All metrics.
        All = "ALL_METRICS",
        /// The number of requests.
        RequestCount = "REQUEST_COUNT",
        /// The durations of requests.
        RequestDuration = "REQUEST_DURATION",
        /// The sizes of requests.
        RequestSize = "REQUEST_SIZE",
        /// The sizes of responses.
        ResponseSize = "RESPONSE_SIZE",
        /// The number of TCP connections that were opened.
        TcpOpened = "TCP_OPENED_CONNECTIONS",
        /// The number of TCP connections that were closed.
        TcpClosed = "TCP_CLOSED_CONNECTIONS",
        /// The bytes that were sent in responses on TCP connections.
        TcpSent = "TCP_SENT_BYTES",
        /// The bytes that were received in requests on TCP connections.
        TcpReceived = "TCP_RECEIVED_BYTES",
        /// The number of gRPC messages that clients sent.
        GrpcRequests = "GRPC_REQUEST_MESSAGES",
        /// The number of gRPC messages that servers sent.
        GrpcResponses = "GRPC_RESPONSE_MESSAGES",
    }
}

model! {
    /// Tracing, access logs and metrics (`Telemetry`). Several blocks differ by `selector`. For each of the
    /// three, the most specific Telemetry of a workload applies: one with a selector, then that of its namespace,
    /// then that of the mesh.
    pub struct Telemetry {
        /// Labels of the workloads (`selector.matchLabels`). Istio matches only workloads in the namespace of the
        /// object: in `mesh_global_defaults` these are workloads of the root namespace, such as gateways.
        /// Defaults to all workloads.
        selector: Map<String> = optional().non_empty("At least one label; leave the argument out for all."),
        /// Tracing of requests (`tracing`). Without the block the less specific Telemetry or the installation's
        /// configuration applies.
        tracing: Block<Tracing> = block(),
        /// Access logs (`accessLogging`). Without the block the less specific Telemetry or the installation's
        /// configuration applies.
        access_logging: Block<AccessLogging> = block(),
        /// Metrics of requests and connections (`metrics`). Without the block the less specific Telemetry or the
        /// installation's configuration applies.
        metrics: Block<Metrics> = block(),
    }
}

model! {
    /// Tracing of requests.
    pub struct Tracing {
        /// Extension provider of `meshConfig` that receives the spans.
        provider: Attr<String> = required().text("The name of a provider.", |name| !name.is_empty()),
        /// Whether proxies send no spans (`disableSpanReporting`). Defaults to `false`.
        disabled: Attr<bool> = optional(),
        /// Percentage of the requests that are traced (`randomSamplingPercentage`). Defaults to the
        /// installation's configuration.
        sampling_percentage: Attr<Percent> = optional(),
        /// Tags with a fixed value (`customTags.literal`). Defaults to none.
        tags: Map<String> = optional().check("Values that aren't empty.", has_texts),
        /// Tags with the value of a request header, tag to header (`customTags.header`). Defaults to none.
        header_tags: Map<String> = optional().check("Names of headers.", has_texts),
        /// Tags with the value of an environment variable of the proxy's container, tag to variable
        /// (`customTags.environment`). Defaults to none.
        environment_tags: Map<String> = optional().check("Names of variables.", has_texts),
    }
}

model! {
    /// Access logs of proxies.
    pub struct AccessLogging {
        /// Extension provider of `meshConfig` that receives the logs, or `envoy`, which prints them. Defaults to `envoy`.
        provider: Attr<String> = optional().text("The name of a provider.", |name| !name.is_empty()),
        /// Whether this provider receives no logs (`disabled`). Defaults to `false`.
        disabled: Attr<bool> = optional(),
        /// Condition on logged requests, in CEL over Envoy's attributes, such as `response.code >= 400`
        /// (`filter.expression`). Defaults to all requests.
        filter: Attr<String> = optional().text("An expression.", |t| !t.trim().is_empty()),
    }
}

model! {
    /// Metrics of requests and connections.
    pub struct Metrics {
        /// Extension provider of `meshConfig` that receives the metrics, or `prometheus`, which scrapes them. Defaults to
        /// `prometheus`.
        provider: Attr<String> = optional().text("The name of a provider.", |name| !name.is_empty()),
        /// Metrics that aren't reported (`overrides.disabled`). Defaults to none.
        disabled: Set<Metric> = optional().non_empty("At least one metric; leave the argument out for none."),
        /// Tags of all metrics, tag to a CEL expression over Envoy's attributes (`tagOverrides`): `{ request_host
        /// = "request.host" }`. Each value of a tag creates a time series of its own. Defaults to none.
        tags: Map<String> = optional()
            .non_empty("At least one tag; leave the argument out for none.")
            .check("Expressions that aren't empty.", has_texts)
            .keys("Names of tags, like `request_host`.", is_tag),
        /// Tags that are removed from all metrics (`tagOverrides`), because each value of a tag creates a time
        /// series of its own. Defaults to none.
        removed_tags: Set<String> = optional()
            .non_empty("At least one tag; leave the argument out for none.")
            .each("Names of tags, like `request_protocol`.", is_tag),
    }
}

impl Tracing {
    /// The extension provider that receives spans.
    pub(super) fn provider(&self) -> Known<&str> {
        self.provider.required().map(String::as_str)
    }
}

impl AccessLogging {
    /// The extension provider that receives access logs: `envoy` by default.
    pub(super) fn provider(&self) -> Known<&str> {
        Ok(self.provider.known()?.map_or("envoy", String::as_str))
    }
}

impl Metrics {
    /// The extension provider that receives metrics: `prometheus` by default.
    pub(super) fn provider(&self) -> Known<&str> {
        Ok(self.provider.known()?.map_or("prometheus", String::as_str))
    }
}

fn has_texts(value: &Value) -> bool {
    let Value::Map(texts) = value else { return true };
    texts.iter().all(|(key, value)| !key.is_empty() && !matches!(value, Value::String(text) if text.is_empty()))
}

fn is_tag(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
}
