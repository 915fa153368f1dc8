//! Objects of others that ours take the place of: looked at by a plan, and deleted by an apply once all of ours are there.

use std::{cmp::Reverse, time::Duration};

use serde_json::Value as Json;

use super::{
    ownership::{Ownership, classify},
    record::RecordedObject,
    write::MAX_CONFLICT_RETRIES,
    writer::Writer,
};
use crate::{
    diagnostics::{Diagnostics, Path},
    json_path::text,
    kubernetes::{
        Error, Freshness,
        error_report::{ApiOperation, report_error},
    },
    object::{Key, annotation},
};

/// Between two stages of deletes: what a route named must outlive the route in every proxy.
const SETTLE: Duration = Duration::from_secs(2);

impl Writer<'_> {
    /// Tells what will go, and what mustn't.
    pub(super) async fn check_displaced(&self, out: &mut Diagnostics) {
        for key in self.identity.takeover.replaced_objects.keys() {
            // What can't be read is told by apply, which reads it again.
            let Ok(Some(live)) = self.reader.cluster.get(key, Freshness::Recent, &self.reader.deadline).await else {
                continue;
            };
            if let Some(who) = self.displaced(key, &live, out) {
                out.warn(
                    &Path::root().attribute("replaces"),
                    format!("{} will be deleted", key.kind.kind),
                    format!(
                        "{key} is in the cluster, and {who}. Apply deletes it, after this resource's objects are made."
                    ),
                );
            }
        }
    }

    /// Tells which objects stay in place though they aren't wanted any more.
    pub(super) fn released(&self, out: &mut Diagnostics) {
        let leaves = |key: &Key| self.identity.takeover.unmanaged_kinds.contains(&key.kind);
        for key in self.reader.record.recorded_objects().keys().filter(|key| leaves(key)) {
            out.warn(
                &Path::root(),
                format!("{} is left in place", key.kind.kind),
                format!(
                    "{key} isn't this resource's any more. Apply takes its name off it and changes nothing else; whatever \
                     makes it from now on finds it as it is."
                ),
            );
        }
    }

    /// Deletes them, later stages first. All of ours are there.
    pub(super) async fn displace(&self, out: &mut Diagnostics) {
        let mut keys: Vec<_> = self.identity.takeover.replaced_objects.iter().collect();
        keys.sort_by_key(|(_, stage)| Reverse(**stage));
        let mut deleted = None;
        for (key, stage) in keys {
            match self.displace_one(key, deleted.is_some_and(|last| last != stage), out).await {
                Ok(true) => deleted = Some(stage),
                Ok(false) => {}
                Err(error) => {
                    report_error(&error, ApiOperation::Delete, key, None, out);
                }
            }
        }
    }

    /// Answers whether it was there.
    async fn displace_one(&self, key: &Key, settle: bool, out: &mut Diagnostics) -> Result<bool, Error> {
        for round in 1.. {
            let live = match self.reader.cluster.get(key, Freshness::Now, &self.reader.deadline).await {
                Err(error) if error.is_kind_not_served() => None,
                live => live?,
            };
            let Some(live) = live else { break };
            if self.displaced(key, &live, out).is_none() {
                break;
            }
            if settle && round == 1 {
                self.reader.deadline.sleep(SETTLE).await?;
            }
            match self.let_go(key, &RecordedObject::default(), &live).await {
                Err(error) if error.is_stale() && round < MAX_CONFLICT_RETRIES => {}
                result => return result.map(|()| true),
            }
        }
        Ok(false)
    }

    /// Who has it, in words; `None` where it belongs to a resource, which has to let go of it first.
    fn displaced(&self, key: &Key, live: &Json, out: &mut Diagnostics) -> Option<String> {
        let Ownership::Other(who) = classify(live, self.identity, None) else { return None };
        if text(live, &["metadata", "annotations", annotation::OWNER]).is_none() {
            return Some(who);
        }
        out.error(
            &Path::root().attribute("replaces"),
            format!("{} belongs to a resource", key.kind.kind),
            format!("{key} can't be replaced: {who}. Remove it there, or take it out of replaces."),
        );
        None
    }
}
