//! What proxies tell of requests.

use crate::{
    mesh::{global_defaults::Metric, percent::Percent},
    model,
    resources::arguments::{every, is_not_empty, text},
    schema::{
        Attr, Block, Map, Value,
        model::{Set, block, optional, required},
    },
};

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
        provider: Attr<String> = required().check("The name of a provider.", |v| text(v, |t| !t.is_empty())),
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
        provider: Attr<String> = optional().check("The name of a provider.", |v| text(v, |t| !t.is_empty())),
        /// Which requests, in CEL over Envoy's attributes, like `response.code >= 400`; all unless written.
        filter: Attr<String> = optional().check("An expression.", |v| text(v, |t| !t.trim().is_empty())),
    }
}

model! {
    /// Metrics.
    pub struct Metrics {
        /// Who gets them: an extension provider of the mesh's configuration, or `prometheus`, which scrapes them; that unless
        /// written.
        provider: Attr<String> = optional().check("The name of a provider.", |v| text(v, |t| !t.is_empty())),
        /// Metrics that aren't told.
        disabled: Set<Metric> = optional().check("At least one metric; leave the argument out for none.", is_not_empty),
        /// Tags that no metric carries: each value of a tag is a series of its own.
        removed_tags: Set<String> = optional()
            .check("At least one tag; leave the argument out for none.", is_not_empty)
            .check("Names of tags, like `request_protocol`.", |v| every(v, is_tag)),
    }
}

fn has_texts(value: &Value) -> bool {
    let Value::Map(texts) = value else { return true };
    texts.iter().all(|(key, value)| !key.is_empty() && !matches!(value, Value::String(text) if text.is_empty()))
}

fn is_tag(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
}
