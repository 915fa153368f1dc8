//! The arguments of `telemetry`. Methods give each argument its default.

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
    /// What proxies tell. Of each, the most specific Telemetry holds: one that a namespace has replaces what is said here.
    pub struct Telemetry {
        /// Spans of requests. Absent: what the installation says.
        tracing: Block<Tracing> = block(),
        /// Lines of access logs. Absent: what the installation says.
        access_logging: Block<AccessLogging> = block(),
        /// Metrics of requests and connections. Absent: what the installation says.
        metrics: Block<Metrics> = block(),
    }
}

model! {
    /// Spans.
    pub struct Tracing {
        /// Who gets them: an extension provider of the mesh's configuration.
        provider: Attr<String> = required().text("The name of a provider.", |name| !name.is_empty()),
        /// Of the requests, in percent; as the installation says unless written.
        sampling_percentage: Attr<Percent> = optional(),
        /// Tags with a fixed value.
        tags: Map<String> = optional().check("Values that aren't empty.", has_texts),
        /// Tags with the value of a request's header, tag to header.
        header_tags: Map<String> = optional().check("Names of headers.", has_texts),
    }
}

model! {
    /// Access logs.
    pub struct AccessLogging {
        /// Who gets them: an extension provider of the mesh's configuration, or `envoy`, which prints them; that unless written.
        provider: Attr<String> = optional().text("The name of a provider.", |name| !name.is_empty()),
        /// Which requests, in CEL over Envoy's attributes, like `response.code >= 400`; all unless written.
        filter: Attr<String> = optional().text("An expression.", |t| !t.trim().is_empty()),
    }
}

model! {
    /// Metrics.
    pub struct Metrics {
        /// Who gets them: an extension provider of the mesh's configuration, or `prometheus`, which scrapes them; that unless
        /// written.
        provider: Attr<String> = optional().text("The name of a provider.", |name| !name.is_empty()),
        /// Metrics that aren't told.
        disabled: Set<Metric> = optional().non_empty("At least one metric; leave the argument out for none."),
        /// Tags that no metric carries: each value of a tag is a series of its own.
        removed_tags: Set<String> = optional()
            .non_empty("At least one tag; leave the argument out for none.")
            .each("Names of tags, like `request_protocol`.", is_tag),
    }
}

impl Tracing {
    /// The extension provider that receives spans.
    pub(in crate::mesh::global_defaults) fn provider(&self) -> Known<&str> {
        self.provider.required().map(String::as_str)
    }
}

impl AccessLogging {
    /// The extension provider that receives access logs: `envoy` by default.
    pub(in crate::mesh::global_defaults) fn provider(&self) -> Known<&str> {
        Ok(self.provider.known()?.map_or("envoy", String::as_str))
    }
}

impl Metrics {
    /// The extension provider that receives metrics: `prometheus` by default.
    pub(in crate::mesh::global_defaults) fn provider(&self) -> Known<&str> {
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
