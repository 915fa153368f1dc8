//! What proxies tell of requests, and whom.

use std::collections::{BTreeMap, BTreeSet};

use super::Site;
use crate::{
    known::{Known, Unknown, as_known},
    mesh::{Rendered, istio::telemetry as istio, manifest::StringMap, percent::Percent, stage, text::text_enum},
    object::{Key, Object, kind},
};

text_enum! {
    /// Istio's metrics.
    pub enum Metric {
        /// Every one.
        All = "ALL_METRICS",
        /// Requests.
        RequestCount = "REQUEST_COUNT",
        /// How long they took.
        RequestDuration = "REQUEST_DURATION",
        /// Their bytes.
        RequestSize = "REQUEST_SIZE",
        /// Bytes of answers.
        ResponseSize = "RESPONSE_SIZE",
        /// Connections that began.
        TcpOpened = "TCP_OPENED_CONNECTIONS",
        /// Connections that ended.
        TcpClosed = "TCP_CLOSED_CONNECTIONS",
        /// Bytes of connections.
        TcpSent = "TCP_SENT_BYTES",
        /// Likewise, the other way.
        TcpReceived = "TCP_RECEIVED_BYTES",
        /// Messages of streams.
        GrpcRequests = "GRPC_REQUEST_MESSAGES",
        /// Likewise, the other way.
        GrpcResponses = "GRPC_RESPONSE_MESSAGES",
    }
}

/// What is written; of each, whether it is.
#[derive(Clone, Debug)]
pub struct Telemetry {
    /// Spans.
    pub tracing: Known<Option<Tracing>>,
    /// Access logs.
    pub access_logging: Known<Option<AccessLogging>>,
    /// Metrics.
    pub metrics: Known<Option<Metrics>>,
}

/// Spans.
#[derive(Clone, Debug)]
pub struct Tracing {
    /// Who gets them.
    pub provider: Known<String>,
    /// Of the requests; `None`: as the installation says.
    pub sampling_percentage: Known<Option<Percent>>,
    /// Fixed tags.
    pub tags: Known<StringMap>,
    /// Tags whose values are headers of the request, tag to header.
    pub header_tags: Known<StringMap>,
}

/// Access logs.
#[derive(Clone, Debug)]
pub struct AccessLogging {
    /// Who gets them.
    pub provider: Known<String>,
    /// Which requests, in CEL; `None`: all.
    pub filter: Known<Option<String>>,
}

/// Metrics.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Who gets them.
    pub provider: Known<String>,
    /// Those that aren't told.
    pub disabled: Known<BTreeSet<Metric>>,
    /// Tags that none carries.
    pub removed_tags: Known<BTreeSet<String>>,
}

pub(super) fn objects(site: &Site) -> Rendered {
    if as_known(&site.defaults.telemetry)?.is_none() {
        return Ok(Vec::new());
    }
    let key = site.key(&kind::TELEMETRY, "default");
    Ok(vec![(key.clone(), object(site, key))])
}

fn object(site: &Site, key: Key) -> Known<Object> {
    let telemetry = as_known(&site.defaults.telemetry)?.as_ref().ok_or(Unknown)?;
    let spec = istio::Telemetry {
        tracing: as_known(&telemetry.tracing)?.iter().map(tracing).collect::<Known<_>>()?,
        access_logging: as_known(&telemetry.access_logging)?.iter().map(access_logging).collect::<Known<_>>()?,
        metrics: as_known(&telemetry.metrics)?.iter().map(metrics).collect::<Known<_>>()?,
    };
    site.object(key, &spec, stage::OPENING, &[("spec", "telemetry")])
}

fn providers(name: &Known<String>) -> Known<Vec<istio::ProviderRef>> {
    Ok(vec![istio::ProviderRef { name: name.clone()? }])
}

fn tracing(tracing: &Tracing) -> Known<istio::Tracing> {
    let fixed = as_known(&tracing.tags)?.iter();
    let fixed = fixed.map(|(tag, value)| (tag.clone(), istio::Tag::Literal { value: value.clone() }));
    let headers = as_known(&tracing.header_tags)?.iter();
    let headers = headers.map(|(tag, name)| (tag.clone(), istio::Tag::Header { name: name.clone() }));
    Ok(istio::Tracing {
        providers: providers(&tracing.provider)?,
        random_sampling_percentage: tracing.sampling_percentage?,
        custom_tags: fixed.chain(headers).collect(),
    })
}

fn access_logging(logging: &AccessLogging) -> Known<istio::AccessLogging> {
    Ok(istio::AccessLogging {
        providers: providers(&logging.provider)?,
        filter: logging.filter.clone()?.map(|expression| istio::Filter { expression }),
    })
}

/// Tags first: the last override that matches a metric holds, and a metric that isn't told needs no tags.
fn metrics(metrics: &Metrics) -> Known<istio::Metrics> {
    let removed = as_known(&metrics.removed_tags)?.iter();
    let tag_overrides: BTreeMap<_, _> =
        removed.map(|tag| (tag.clone(), istio::TagOverride { operation: "REMOVE" })).collect();
    let of = |metric: Metric| istio::MetricSelector { metric: metric.as_str() };
    let mut overrides = Vec::new();
    if !tag_overrides.is_empty() {
        overrides.push(istio::MetricsOverride { r#match: of(Metric::All), disabled: None, tag_overrides });
    }
    overrides.extend(as_known(&metrics.disabled)?.iter().map(|metric| istio::MetricsOverride {
        r#match: of(*metric),
        disabled: Some(true),
        tag_overrides: BTreeMap::new(),
    }));
    Ok(istio::Metrics { providers: providers(&metrics.provider)?, overrides })
}
