//! Apply and delete: reads the live objects, schedules the writes, and carries them out wave by wave.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures_util::FutureExt;
use serde_json::Value as Json;

use super::{
    drift::{exclusive_ownership_patch, owned_fields},
    journal::{Journal, JournalEntry},
    messages::{report_conflict, warn_absent},
    ownership::{Ownership, classify, conflicting_owner, is_adopted},
    ownership_metadata::{Marks, arguments_object, has_current_metadata},
    record::RecordedObject,
    remove::Removal,
    run_bounded::run_bounded,
    schedule::{Deletion, LiveObject, Wave, Write, schedule},
    write::Target,
    writer::Writer,
};
use crate::{
    diagnostics::{Diagnostics, Reported},
    kubernetes::{
        Freshness,
        error_report::{ApiOperation, report_error},
    },
    object::{Key, ManagementScope, Object, Transition, UpdateStrategy},
};

/// The objects of one apply or delete.
struct ObjectSet<'a> {
    /// The objects that should exist.
    desired: BTreeMap<&'a Key, &'a Object>,
    /// The objects that earlier applies recorded.
    recorded: BTreeMap<Key, RecordedObject>,
    /// The desired object that carries the arguments of the resource.
    arguments_object: Option<&'a Key>,
}

/// What is known of an object before it is written.
enum LastRead {
    /// The object as this operation read it. Nothing was written since.
    Current(Option<Arc<Json>>),
    /// This operation has written the object since it was read.
    Outdated,
}

impl Writer<'_> {
    /// Makes the cluster hold exactly the objects `desired` of this resource. Recorded objects that aren't desired any more are
    /// removed after all other writes. `out` must be free of errors.
    pub async fn apply(&self, desired: &[Object], journal: &Journal, out: &mut Diagnostics) {
        let whole = desired.iter().filter(|object| object.scope == ManagementScope::Whole);
        let set = ObjectSet {
            desired: desired.iter().map(|object| (&object.key, object)).collect(),
            recorded: self.reader.record.recorded_objects(),
            arguments_object: arguments_object(whole.map(|object| &object.key)),
        };
        let Ok(found) = self.fetch_set(&set, out).await else { return };
        let (mut live, mut writable) = (BTreeMap::new(), Vec::new());
        for object in desired {
            let found = found.get(&object.key);
            if object.scope == ManagementScope::Fields && found.is_none() {
                warn_absent(object, out);
                continue;
            }
            if let Some(found) = found {
                if let Some(owner) = conflicting_owner(object, found, self.identity, set.recorded.get(&object.key)) {
                    report_conflict(object, &owner, self.identity, out);
                }
                live.insert(object.key.clone(), self.live_object(object, found, &set, journal));
            }
            writable.push(object.clone());
        }
        let predecessors = self.replaced_objects(out).await;
        if out.has_errors() {
            return;
        }
        let unwanted = set.recorded.iter().filter(|(key, _)| !set.desired.contains_key(key));
        let deletions = unwanted.map(|(key, recorded)| {
            let is_deleted = found.get(key).is_some_and(|live| self.is_deleted(key, recorded, live));
            let last_body = recorded.last_body.clone().filter(|_| is_deleted);
            (key.clone(), Deletion { last_body, ..recorded.deletion() })
        });
        let deletions = deletions.collect();
        let waves = schedule(&writable, &live, &deletions, &predecessors);
        self.run_waves(&waves, &set, &found, journal, out).await;
    }

    /// Removes the recorded objects: deletes those of the resource, and releases those that it adopted or of which it only
    /// set fields. Objects of other owners are left in place with a warning.
    ///
    /// If the instance is deposed, and the newer one exists and hasn't been applied completely (`newer_instance_applied`), nothing
    /// is removed or journaled: the newer instance goes on with the objects that are there.
    pub async fn delete(
        &self,
        recorded: &BTreeMap<Key, RecordedObject>,
        newer_instance_applied: bool,
        journal: &Journal,
        out: &mut Diagnostics,
    ) {
        let mut recorded = recorded.clone();
        if newer_instance_applied {
            // The newer instance has annotated every inherited object that it wants, so the annotations decide from here on.
            for recorded in recorded.values_mut() {
                recorded.inherited = false;
            }
        }
        // Nothing stays that proxies would use instead. The waits stay: proxies use one object of the resource by another.
        let deletion = |recorded: &RecordedObject| Deletion { last_body: None, ..recorded.deletion() };
        let deletions = recorded.iter().map(|(key, recorded)| (key.clone(), deletion(recorded))).collect();
        let set = ObjectSet { desired: BTreeMap::new(), recorded, arguments_object: None };
        let Ok(found) = self.fetch_set(&set, out).await else { return };
        let is_of_newer_instance = |(key, live): (&Key, &Arc<Json>)| {
            let recorded = set.recorded.get(key);
            !recorded.is_some_and(|recorded| recorded.inherited)
                && classify(live, self.identity, recorded) == Ownership::OtherInstance
        };
        let may_be_deposed = !self.identity.is_current && !self.identity.instance.is_empty();
        if !newer_instance_applied && may_be_deposed && found.iter().any(is_of_newer_instance) {
            return;
        }
        if !self.check_namespaces(&set.recorded, &found, out).await {
            return;
        }
        self.run_waves(&schedule(&[], &BTreeMap::new(), &deletions, &BTreeMap::new()), &set, &found, journal, out)
            .await;
    }

    /// Returns the live objects of the set. They may be some seconds old, since a write names the version that was read, or
    /// that the object doesn't exist, and the server refuses it otherwise. What no precondition protects is read again.
    async fn fetch_set(
        &self,
        set: &ObjectSet<'_>,
        out: &mut Diagnostics,
    ) -> Result<BTreeMap<Key, Arc<Json>>, Reported> {
        let (inherited, own): (Vec<_>, Vec<_>) = set.recorded.iter().partition(|(_, recorded)| recorded.inherited);
        let keys: BTreeSet<&Key> = own.iter().map(|(key, _)| *key).chain(set.desired.keys().copied()).collect();
        let mut found = self.reader.fetch(keys.iter().copied(), Freshness::Recent, out).await?;
        let is_unprotected = |key: &&Key| {
            self.reader.cluster.has_listed(key) && self.is_unprotected(key, found.get(key).map(AsRef::as_ref), set)
        };
        let unprotected: Vec<&Key> = keys.into_iter().filter(is_unprotected).collect();
        found.retain(|key, _| !unprotected.contains(&key));
        found.extend(self.reader.fetch(unprotected.into_iter(), Freshness::Now, out).await?);
        let leftovers = inherited.iter().map(|(key, _)| *key).filter(|key| !set.desired.contains_key(key));
        found.extend(self.reader.fetch_leftovers(leftovers, out).await?);
        Ok(found)
    }

    /// Whether an old state of the object could lead to something that no precondition of a write would stop: to an error, to
    /// no write of an object that is there, or to a first step that doesn't fit the present state.
    fn is_unprotected(&self, key: &Key, live: Option<&Json>, set: &ObjectSet<'_>) -> bool {
        match (set.desired.get(key), live) {
            (None, live) => live.is_none(),
            (Some(object), None) => object.scope == ManagementScope::Fields,
            (Some(object), Some(live)) => {
                conflicting_owner(object, live, self.identity, set.recorded.get(key)).is_some()
                    || matches!(object.transition, Transition::Computed { .. })
                        && owned_fields(live, Some(&object.body), key) != object.body
            }
        }
    }

    /// Returns the live side of a desired object. An object that needs no write is journaled here, because it is part of the
    /// state as well.
    fn live_object(&self, object: &Object, found: &Json, set: &ObjectSet<'_>, journal: &Journal) -> LiveObject {
        let owned = owned_fields(found, Some(&object.body), &object.key);
        let adopted = is_adopted(object, found, self.identity, set.recorded.get(&object.key));
        let marks = Marks { carries_arguments: set.arguments_object == Some(&object.key), adopted };
        let current = match object.scope {
            ManagementScope::Fields => true,
            ManagementScope::Whole => {
                has_current_metadata(found, self.identity, marks)
                    && exclusive_ownership_patch(found, &object.body, &object.key).is_none()
            }
        };
        if owned == object.body && current {
            journal.insert(&object.key, JournalEntry::written(found, owned.clone(), object, adopted));
        }
        LiveObject { owned, current }
    }

    /// Carries out the waves until one reports an error.
    async fn run_waves(
        &self,
        waves: &[Wave],
        set: &ObjectSet<'_>,
        found: &BTreeMap<Key, Arc<Json>>,
        journal: &Journal,
        out: &mut Diagnostics,
    ) {
        // The first write of an object uses what was read. Later ones read the object again.
        let mut written = BTreeSet::new();
        for wave in waves {
            let writes = wave.writes.iter().map(|write| {
                let last_read = if written.insert(write.key()) {
                    LastRead::Current(found.get(write.key()).cloned())
                } else {
                    LastRead::Outdated
                };
                self.perform(write, last_read, set, journal).boxed()
            });
            for diagnostics in run_bounded(writes.collect()).await {
                out.extend(diagnostics);
            }
            if out.has_errors() {
                return;
            }
            if !wave.delay_after.is_zero()
                && let Err(error) = self.reader.deadline.sleep(wave.delay_after).await
            {
                // The pause is about no single object; any of the resource's serves to name it.
                if let Some(key) = set.arguments_object.or_else(|| set.recorded.keys().next()) {
                    report_error(&error, ApiOperation::Apply, key, None, out);
                }
                return;
            }
        }
    }

    async fn perform(&self, write: &Write, last_read: LastRead, set: &ObjectSet<'_>, journal: &Journal) -> Diagnostics {
        let mut out = Diagnostics::default();
        let key = write.key();
        let object = set.desired.get(key).copied();
        let live = match last_read {
            LastRead::Current(live) => Ok(live),
            LastRead::Outdated => self.reader.cluster.get(key, Freshness::Now, &self.reader.deadline).await,
        };
        let recorded = set.recorded.get(key);
        let (operation, result) = match (write, object, live) {
            // A replaced object is read again, with its owner.
            (Write::Replace { .. }, _, _) => (ApiOperation::Delete, self.delete_replaced_object(key, &mut out).await),
            (Write::Apply { .. }, _, Err(error)) => (ApiOperation::Apply, Err(error)),
            (Write::Remove { .. }, _, Err(error)) => (ApiOperation::Delete, Err(error)),
            (Write::Apply { body, .. }, Some(object), Ok(live)) => {
                let carries_arguments = set.arguments_object == Some(key);
                let target = Target { object, body, carries_arguments, recorded };
                (ApiOperation::Apply, self.apply_object(&target, live, journal, &mut out).await)
            }
            (Write::Apply { body, .. }, None, Ok(live)) => {
                let object = object_of_last_body(key, body, recorded);
                let target = Target { object: &object, body, carries_arguments: false, recorded };
                (ApiOperation::Apply, self.apply_object(&target, live, journal, &mut out).await)
            }
            (Write::Remove { .. }, object, Ok(live)) => {
                let unrecorded = RecordedObject::default();
                let removal = match object {
                    Some(_) => Removal::Recreation(recorded),
                    None => Removal::Unwanted(recorded.unwrap_or(&unrecorded)),
                };
                (ApiOperation::Delete, self.remove_object(key, removal, live, journal, &mut out).await)
            }
        };
        if let Err(error) = result {
            report_error(&error, operation, key, object, &mut out);
        }
        out
    }
}

/// Makes the object of a body that is written before a deletion. The deletion waits as before.
fn object_of_last_body(key: &Key, body: &Json, recorded: Option<&RecordedObject>) -> Object {
    let Deletion { stage, propagation_delay, .. } = recorded.cloned().unwrap_or_default().deletion();
    let strategy = |_: &Json, _: &Json| UpdateStrategy::TwoStep { intermediate: Json::Null };
    Object::whole(key.clone(), body.clone(), stage)
        .with_transition(Transition::Computed { strategy, propagation_delay })
}
