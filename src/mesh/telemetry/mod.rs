//! The `telemetry` blocks, which namespaces and the mesh's defaults share: one Telemetry for each selector.

mod arguments;
mod live;
mod validate;

use std::collections::BTreeMap;

pub use arguments::{AccessLogging, Metric, Metrics, Telemetry, Tracing};
pub(super) use live::{check_providers, is_used};
pub(super) use validate::validate;

use super::{
    istio::{WorkloadSelector, telemetry as istio},
    names,
};
use crate::{
    known::Known,
    object::{Key, kind},
    schema::At,
};

/// The name of the Telemetry for all workloads.
pub(super) const NAME: &str = "default";

/// The blocks with the keys of their objects in a namespace. Of two with the same key, which validation reports, the first counts.
pub(super) fn keyed<'a>(blocks: &'a [At<Telemetry>], namespace: &str) -> Known<Vec<(Key, &'a At<Telemetry>)>> {
    let mut keyed: Vec<(Key, &At<Telemetry>)> = Vec::new();
    for block in blocks {
        let key = block.key(namespace)?;
        if keyed.iter().all(|(other, _)| *other != key) {
            keyed.push((key, block));
        }
    }
    Ok(keyed)
}

impl Telemetry {
    /// The key of the object in a namespace. The name of one with a selector ends with a digest of it.
    fn key(&self, namespace: &str) -> Known<Key> {
        let name = match self.selector.elements()? {
            Some(labels) => format!("telemetry-{}", names::label_digest(&labels)),
            None => NAME.to_owned(),
        };
        Ok(Key::new(&kind::TELEMETRY, namespace, &name))
    }

    /// Renders the `spec` of the object.
    pub(super) fn spec(&self) -> Known<istio::Telemetry> {
        Ok(istio::Telemetry {
            selector: self.selector.elements()?.map(|match_labels| WorkloadSelector { match_labels }),
            tracing: self.tracing.known()?.map(|block| block.render()).transpose()?.into_iter().collect(),
            access_logging: self.access_logging.known()?.map(|block| block.render()).transpose()?.into_iter().collect(),
            metrics: self.metrics.known()?.map(|block| block.render()).transpose()?.into_iter().collect(),
        })
    }
}

fn providers(name: &str) -> Vec<istio::ProviderRef> {
    vec![istio::ProviderRef { name: name.to_owned() }]
}

impl Tracing {
    fn render(&self) -> Known<istio::Tracing> {
        let fixed = self.tags.elements_or_empty()?.into_iter();
        let fixed = fixed.map(|(tag, value)| (tag, istio::Tag::Literal { value }));
        let headers = self.header_tags.elements_or_empty()?.into_iter();
        let headers = headers.map(|(tag, name)| (tag, istio::Tag::Header { name }));
        let variables = self.environment_tags.elements_or_empty()?.into_iter();
        let variables = variables.map(|(tag, name)| (tag, istio::Tag::Environment { name }));
        Ok(istio::Tracing {
            providers: providers(self.provider()?),
            disable_span_reporting: self.disabled.copied()?,
            random_sampling_percentage: self.sampling_percentage.copied()?,
            custom_tags: fixed.chain(headers).chain(variables).collect(),
        })
    }
}

impl AccessLogging {
    fn render(&self) -> Known<istio::AccessLogging> {
        Ok(istio::AccessLogging {
            providers: providers(self.provider()?),
            disabled: self.disabled.copied()?,
            filter: self.filter.known()?.map(|expression| istio::Filter { expression: expression.clone() }),
        })
    }
}

impl Metrics {
    /// The override that changes tags precedes those that disable metrics: the last override that matches a metric takes
    /// effect, and a disabled metric needs no tags.
    fn render(&self) -> Known<istio::Metrics> {
        let set = self.tags.elements_or_empty()?.into_iter();
        let set = set.map(|(tag, value)| (tag, istio::TagOverride { operation: "UPSERT", value: Some(value) }));
        let removed = self.removed_tags.elements_or_empty()?.into_iter();
        let removed = removed.map(|tag| (tag, istio::TagOverride { operation: "REMOVE", value: None }));
        let tag_overrides: BTreeMap<_, _> = set.chain(removed).collect();
        let selector = |metric: Metric| istio::MetricSelector { metric: metric.as_str() };
        let mut overrides = Vec::new();
        if !tag_overrides.is_empty() {
            overrides.push(istio::MetricsOverride { r#match: selector(Metric::All), disabled: None, tag_overrides });
        }
        overrides.extend(self.disabled.elements_or_empty()?.into_iter().map(|metric| istio::MetricsOverride {
            r#match: selector(metric),
            disabled: Some(true),
            tag_overrides: BTreeMap::new(),
        }));
        Ok(istio::Metrics { providers: providers(self.provider()?), overrides })
    }
}
