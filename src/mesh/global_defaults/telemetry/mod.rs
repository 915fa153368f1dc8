//! The `telemetry` block: the Telemetry of the whole mesh.

mod arguments;

use std::collections::BTreeMap;

pub use arguments::{AccessLogging, Metric, Metrics, Telemetry, Tracing};

use super::context::{DefaultsContext, KeyedObject, spec_from};
use crate::{
    diagnostics::Diagnostics,
    known::Known,
    mesh::{istio::telemetry as istio, stage},
    object::{Key, Object, kind},
    schema::At,
};

impl At<Telemetry> {
    /// Renders the Telemetry.
    pub(super) fn render(&self, context: &DefaultsContext) -> KeyedObject {
        context.render(&kind::TELEMETRY, "default", |key| self.object(context, key))
    }

    fn object(&self, context: &DefaultsContext, key: Key) -> Known<Object> {
        let spec = istio::Telemetry {
            tracing: self.tracing.known()?.map(|block| block.render()).transpose()?.into_iter().collect(),
            access_logging: self.access_logging.known()?.map(|block| block.render()).transpose()?.into_iter().collect(),
            metrics: self.metrics.known()?.map(|block| block.render()).transpose()?.into_iter().collect(),
        };
        context.object(key, &spec, stage::OPENING, spec_from(&self.at))
    }

    /// Reports an empty block, and tags with two values.
    pub(super) fn validate(&self, out: &mut Diagnostics) {
        let is_empty = self.tracing.known() == Ok(None)
            && self.access_logging.known() == Ok(None)
            && self.metrics.known() == Ok(None);
        if is_empty {
            out.error(
                &self.at,
                "Telemetry says nothing",
                "Write tracing, access_logging or metrics in it, or remove the block.",
            );
        }
        let Ok(Some(tracing)) = self.tracing.known() else { return };
        if let (Ok(fixed), Ok(headers)) = (tracing.tags.elements_or_empty(), tracing.header_tags.elements_or_empty()) {
            for tag in fixed.keys().filter(|tag| headers.contains_key(*tag)) {
                out.error(
                    &tracing.at.attribute("header_tags").key(tag),
                    "A tag is written twice",
                    format!("{tag:?} is in tags, too. A tag has one value: keep one of them."),
                );
            }
        }
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
        Ok(istio::Tracing {
            providers: providers(self.provider()?),
            random_sampling_percentage: self.sampling_percentage.copied()?,
            custom_tags: fixed.chain(headers).collect(),
        })
    }
}

impl AccessLogging {
    fn render(&self) -> Known<istio::AccessLogging> {
        Ok(istio::AccessLogging {
            providers: providers(self.provider()?),
            filter: self.filter.known()?.map(|expression| istio::Filter { expression: expression.clone() }),
        })
    }
}

impl Metrics {
    /// The override that removes tags precedes those that disable metrics: the last override that matches a metric takes
    /// effect, and a disabled metric needs no tags.
    fn render(&self) -> Known<istio::Metrics> {
        let removed = self.removed_tags.elements_or_empty()?.into_iter();
        let tag_overrides: BTreeMap<_, _> =
            removed.map(|tag| (tag, istio::TagOverride { operation: "REMOVE" })).collect();
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
