//! Deletes. A delete that is the first half of a replacement by the same id deletes nothing: it hands its objects over to the
//! create that follows, so that objects that are still desired never disappear.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{Managed, desired::decode_state};
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    engine::{Record, record::RecordedObject},
    kubernetes::Deadline,
    object::Key,
    plugin::interface::{Call, ResourceState},
    resources::{
        Context, ResourceType, configured_context,
        run::HandedOverObjects,
        state,
        write_task::{Operation, WriteTask},
    },
};

impl<R: ResourceType> Managed<R> {
    /// Deletes the objects or hands them over. Answers the state of those that couldn't be deleted.
    pub(super) async fn destroy(
        call: Call<Context>,
        prior: &ResourceState,
        private: &[u8],
        out: &mut Diagnostics,
    ) -> Result<Option<ResourceState>, Reported> {
        let context = configured_context(&call, out)?;
        let Ok(owner) = &context.owner else {
            return Err(out.error(
                &Path::root(),
                "The owner isn't known",
                "The provider's owner is still unknown. Write a known value.",
            ));
        };
        let id = state::id(&prior.state);
        let resource = Self::resource(&id);
        let lock = context.run.deletion_lock(&resource);
        let _guard = lock.lock().await;
        let planned = Record::decode(private);
        let mut objects = state::objects(&prior.state);
        let is_of_other_run = planned.planned_in.as_deref().is_some_and(|run| run != context.run.id());
        let (mut record, is_current) = match planned.replaces {
            Some(replaced) if planned.id == id => {
                context.run.hand_over(&resource, objects_to_hand_over(&replaced, objects));
                return Ok(None);
            }
            // A replacement by another id has other objects, so the replaced ones are deleted.
            Some(replaced) => (*replaced, true),
            None => (planned, is_of_other_run),
        };
        record.planned_in = None;
        add_unrecorded_objects(&mut record, &mut objects, context.run.take_handed_over(&resource));
        let newer_instance_fields = context.run.applied_fields(&resource);
        for key in newer_instance_fields.iter().flatten() {
            // A newer instance of the resource sets fields in the object. Nothing on the object tells so.
            record.objects.remove(&key.to_string());
            objects.remove(key);
        }
        let model: R = decode_state(&prior.state);
        let deadline = Deadline::within(model.timeouts().delete, call.stop.clone());
        // Another instance that this run plans has the objects, whatever the state says.
        let is_current =
            is_current && newer_instance_fields.is_none() && context.run.planned_instance(&resource).is_none();
        if let (Ok(mesh), true) = (&context.mesh, is_current) {
            id.clone_into(&mut record.id);
            let unrecorded = Self::unrecorded_objects(&context, mesh, &record, &deadline).await;
            record.objects.extend(unrecorded);
        }
        let mut identity = Self::owner_identity(&id, owner, &record);
        identity.is_current = is_current;
        identity.takeover.force_destroy = model.takeover().force_destroy;
        let operation = Operation::Delete {
            recorded: record.recorded_objects(),
            newer_instance_applied: newer_instance_fields.is_some(),
        };
        let not_deleted = objects_to_hand_over(&record, objects.clone());
        let task = WriteTask { context: context.clone(), identity, record, deadline };
        let result = task.run(operation).await;

        let succeeded = !result.diagnostics.has_errors();
        if succeeded && result.journal.is_empty() {
            // Nothing was deleted: a newer instance of the resource exists, or no object was left.
            context.run.hand_over(&resource, not_deleted);
        }
        out.extend(result.diagnostics);
        let remaining = || ResourceState {
            state: state::with_objects(&prior.state, &state::objects_after(objects, &result.journal)),
            private: result.record.encode(),
            identity: prior.identity.clone(),
        };
        Ok((!succeeded).then(remaining))
    }
}

/// Adds the objects that a delete has to delete and its record doesn't have.
fn add_unrecorded_objects(record: &mut Record, objects: &mut BTreeMap<Key, Json>, handed_over: HandedOverObjects) {
    if record.objects.is_empty() {
        // The state has no private data, as after an edit of the state or of a tainted resource. The keys in the state and the
        // owner in the objects' annotations have to do.
        record.objects = objects.keys().map(|key| (key.to_string(), RecordedObject::default())).collect();
    }
    // Objects that the delete of an earlier instance handed over. What this instance recorded itself takes precedence.
    for (key, (recorded, body)) in handed_over {
        record.objects.entry(key.to_string()).or_insert(recorded);
        objects.entry(key).or_insert(body);
    }
}

/// The objects of a replaced resource: those of its record and those of its state (`bodies`).
fn objects_to_hand_over(replaced: &Record, mut bodies: BTreeMap<Key, Json>) -> HandedOverObjects {
    let mut recorded = replaced.recorded_objects();
    for key in bodies.keys() {
        recorded.entry(key.clone()).or_default();
    }
    let object = |(key, recorded): (Key, RecordedObject)| {
        let body = bodies.remove(&key).unwrap_or_default();
        (key, (RecordedObject { inherited: true, ..recorded }, body))
    };
    recorded.into_iter().map(object).collect()
}
