//! Objects of other tools that this resource's objects replace (`replaces`). The plan reports them, and apply deletes them
//! in the order of [`schedule`](super::schedule::schedule).

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value as Json;

use super::{
    messages::warn_release,
    ownership::{Ownership, classify},
    record::RecordedObject,
    schedule::Predecessor,
    writer::{MAX_CONFLICT_RETRIES, Writer},
};
use crate::{
    diagnostics::{Diagnostics, Path},
    kubernetes::{
        Error, Freshness,
        error_report::{ApiOperation, report_error},
    },
    object::Key,
};

impl Writer<'_> {
    /// Reports at plan time which objects apply will delete, and which may not be replaced.
    pub(super) async fn check_replaced_objects(&self, out: &mut Diagnostics) {
        for key in self.identity.takeover.replaced_objects.keys() {
            // Apply reads the object again and reports a failure.
            let live = self.reader.cluster.get(key, Freshness::Recent, &self.reader.deadline).await;
            let Ok(Some(live)) = live else { continue };
            if let Some(owner) = self.replaceable_owner(key, &live, out) {
                out.warn(
                    &Path::root().attribute("replaces"),
                    format!("{} will be deleted", key.kind.kind),
                    format!(
                        "{key} is in the cluster, and {owner}. Apply deletes it, after this resource's objects are made."
                    ),
                );
            }
        }
    }

    /// Reports at plan time which recorded objects apply will release because their kind is unmanaged now.
    pub(super) fn check_unmanaged_kinds(&self, out: &mut Diagnostics) {
        let recorded = self.reader.record.recorded_objects();
        for key in recorded.keys().filter(|key| self.identity.takeover.unmanaged_kinds.contains(&key.kind)) {
            warn_release(key, None, out);
        }
    }

    /// Reads the replaced objects.
    pub(super) async fn replaced_objects(&self, out: &mut Diagnostics) -> BTreeMap<Key, Predecessor> {
        let mut predecessors = BTreeMap::new();
        for (key, stage) in &self.identity.takeover.replaced_objects {
            match self.replaced_object(key, out).await {
                Ok(Some(live)) => {
                    let predecessor = Predecessor { stage: stage(&live), live: live.as_ref().clone() };
                    predecessors.insert(key.clone(), predecessor);
                }
                Ok(None) => {}
                Err(error) => drop(report_error(&error, ApiOperation::Delete, key, None, out)),
            }
        }
        predecessors
    }

    /// Reads a replaced object. `None` if it doesn't exist any more, or may not be replaced, which is reported.
    async fn replaced_object(&self, key: &Key, out: &mut Diagnostics) -> Result<Option<Arc<Json>>, Error> {
        let live = match self.reader.cluster.get(key, Freshness::Now, &self.reader.deadline).await {
            Err(error) if error.is_kind_not_served() => None,
            live => live?,
        };
        Ok(live.filter(|live| self.replaceable_owner(key, live, out).is_some()))
    }

    /// Deletes one replaced object, if it still exists.
    pub(super) async fn delete_replaced_object(&self, key: &Key, out: &mut Diagnostics) -> Result<(), Error> {
        let mut conflicts = 0;
        loop {
            let Some(live) = self.replaced_object(key, out).await? else { return Ok(()) };
            match self.delete_or_release(key, &RecordedObject::default(), &live).await {
                Err(error) if error.is_stale() && conflicts < MAX_CONFLICT_RETRIES => conflicts += 1,
                result => return result,
            }
        }
    }

    /// Names the tool whose object is replaced. `None` if the object may not be replaced: an object of another resource is
    /// reported, since that resource has to give it up first.
    fn replaceable_owner(&self, key: &Key, live: &Json, out: &mut Diagnostics) -> Option<String> {
        let owner = match classify(live, self.identity, None) {
            Ownership::Ours | Ownership::OtherInstance => return None,
            Ownership::OtherTool(owner) => return Some(owner),
            Ownership::OtherResource { description, .. } => description,
        };
        out.error(
            &Path::root().attribute("replaces"),
            format!("{} belongs to a resource", key.kind.kind),
            format!("{key} can't be replaced: {owner}. Remove it there, or take it out of replaces."),
        );
        None
    }
}
