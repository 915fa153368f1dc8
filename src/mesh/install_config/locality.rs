//! The `locality` block.

use serde_json::{Value as Json, json};

use super::json_fields::set;
use crate::{
    diagnostics::Diagnostics,
    known::Known,
    model,
    schema::{
        At, Attr, Blocks, List,
        model::{block, optional, required},
    },
};

model! {
    /// Selection of endpoints by locality. It has an effect where there is outlier detection.
    pub struct Locality {
        /// Whether near endpoints are preferred (`enabled`). Defaults to `true`.
        enabled: Attr<bool> = optional(),
        /// A region that takes over the requests of another one (`failover`). Requests stay in the caller's zone first.
        failover: Blocks<LocalityFailover> = block(),
        /// Labels: endpoints are preferred that have more of them in common with the caller, in this order (`failoverPriority`).
        /// Conflicts with `failover`.
        failover_priority: List<String> = optional().non_empty("At least one label."),
    }
}

model! {
    /// A region that takes over the requests of another one.
    pub struct LocalityFailover {
        /// Region of the caller.
        from: Attr<String> = required().text(REGION, is_region),
        /// Region that takes over.
        to: Attr<String> = required().text(REGION, is_region),
    }
}

const REGION: &str = "The name of a region, without a zone: no slash and no `*`.";

fn is_region(text: &str) -> bool {
    !text.is_empty() && !text.contains(['/', '*'])
}

impl Locality {
    pub(super) fn render(&self) -> Known<Json> {
        let mut setting = json!({ "enabled": self.enabled.or(true)? });
        let failover = self.failover.known()?;
        if !failover.is_empty() {
            let regions = failover
                .iter()
                .map(|block| Ok(json!({ "from": block.from.required()?, "to": block.to.required()? })))
                .collect::<Known<Vec<_>>>()?;
            set(&mut setting, "failover", json!(regions));
        }
        if let Some(labels) = self.failover_priority.elements()? {
            set(&mut setting, "failoverPriority", json!(labels));
        }
        Ok(setting)
    }

    pub(super) fn validate(block: &At<Self>, out: &mut Diagnostics) {
        let failover = block.failover.known().ok().unwrap_or_default();
        if !failover.is_empty() && block.failover_priority.is_set() {
            out.error(
                &block.at.attribute("failover_priority"),
                "failover and failover_priority",
                "istiod refuses the whole configuration with both, and keeps its last one. Write one of them.",
            );
        }
        if block.enabled == Attr::Known(false) && (!failover.is_empty() || block.failover_priority.is_set()) {
            out.error(
                &block.at.attribute("enabled"),
                "Failover without an effect",
                "With enabled = false there is no failover. Remove enabled, or the failover block.",
            );
        }
        for region in failover {
            if region.from.is_set() && region.from == region.to {
                out.error(
                    &region.at.attribute("to"),
                    "Failover to the same region",
                    "istiod refuses it. Write another region.",
                );
            }
        }
    }
}
