//! Rules across the arguments of `telemetry` blocks.

use std::collections::BTreeSet;

use super::{Metrics, Telemetry, Tracing};
use crate::{
    diagnostics::{Diagnostics, Path},
    mesh::labels,
    schema::At,
};

/// Reports empty blocks, two blocks for the same workloads, and tags with two values.
pub(in crate::mesh) fn validate(blocks: &[At<Telemetry>], out: &mut Diagnostics) {
    let mut seen = BTreeSet::new();
    for block in blocks {
        labels::validate_selector(&block.selector, &block.at.attribute("selector"), out);
        if let Ok(selector) = block.selector.elements()
            && !seen.insert(selector)
        {
            out.error(
                &block.at,
                "Two telemetry blocks for the same workloads",
                "Another block has the same selector, and Istio takes one Telemetry for a workload. Write both into one block, or give \
                 this one another selector. (IST0159)",
            );
        }
        validate_content(block, out);
    }
}

fn validate_content(block: &At<Telemetry>, out: &mut Diagnostics) {
    let is_empty = block.tracing.known() == Ok(None)
        && block.access_logging.known() == Ok(None)
        && block.metrics.known() == Ok(None);
    if is_empty {
        out.error(
            &block.at,
            "Empty telemetry block",
            "Write tracing, access_logging or metrics in it, or remove the block.",
        );
    }
    if let Ok(Some(tracing)) = block.tracing.known() {
        validate_span_tags(tracing, out);
    }
    if let Ok(Some(metrics)) = block.metrics.known() {
        validate_metric_tags(metrics, out);
    }
}

fn validate_span_tags(tracing: &At<Tracing>, out: &mut Diagnostics) {
    let sources = [
        ("tags", tracing.tags.elements_or_empty()),
        ("header_tags", tracing.header_tags.elements_or_empty()),
        ("environment_tags", tracing.environment_tags.elements_or_empty()),
    ];
    for (n, (argument, tags)) in sources.iter().enumerate() {
        let Ok(tags) = tags else { continue };
        for tag in tags.keys() {
            let earlier =
                sources.iter().take(n).find(|(_, other)| other.as_ref().is_ok_and(|other| other.contains_key(tag)));
            if let Some((other, _)) = earlier {
                report_two_values(&tracing.at.attribute(argument).key(tag), tag, other, out);
            }
        }
    }
}

fn validate_metric_tags(metrics: &At<Metrics>, out: &mut Diagnostics) {
    let (Ok(set), Ok(removed)) = (metrics.tags.elements_or_empty(), metrics.removed_tags.elements_or_empty()) else {
        return;
    };
    for tag in set.keys().filter(|tag| removed.contains(*tag)) {
        report_two_values(&metrics.at.attribute("tags").key(tag), tag, "removed_tags", out);
    }
}

fn report_two_values(at: &Path, tag: &str, other: &str, out: &mut Diagnostics) {
    out.error(at, "Duplicate tag", format!("{tag:?} is in {other}, too. A tag has one value: keep one of them."));
}
