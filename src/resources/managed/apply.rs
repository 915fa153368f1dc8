//! Creates, updates and deletes. A delete that is the first half of a replacement by the same id hands its objects to the
//! create that follows: nothing live that stays wanted is ever deleted.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{
    CHECKS_WITHIN, Managed, configured,
    desired::{Desired, decode, decode_state},
};
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    engine::{Record, record::RecordedObject},
    known::Known,
    kubernetes::Deadline,
    mesh::stage,
    object::{Key, Object},
    plugin::interface::{Call, ResourceState},
    resources::{
        Context, ResourceType,
        run::Handed,
        state,
        work::{Job, Work},
    },
};

impl<R: ResourceType> Managed<R> {
    /// Creates (`prior` is none) or updates; answers what to keep.
    pub(super) async fn write(
        call: Call<Context>,
        prior: Option<&ResourceState>,
        planned: &ResourceState,
        out: &mut Diagnostics,
    ) -> Result<Option<ResourceState>, Reported> {
        let context = configured(&call, out)?;
        let arguments = state::arguments(R::schema(), &planned.state);
        let model: R = decode(&arguments, out);
        out.no_errors()?;
        let (Ok(mesh), Ok(owner)) = (&context.mesh, &context.owner) else {
            return Err(out.error(
                &Path::root(),
                "Provider arguments aren't known",
                "Arguments of the provider \"mesh\" are still unknown at apply. Apply what they come from first (-target).",
            ));
        };
        let desired = Desired::of(model, mesh);
        let made = desired.planned(&arguments);
        let rendered: Known<Vec<Object>> =
            desired.rendered.and_then(|objects| objects.into_iter().map(|(_, object)| object).collect());
        let (Ok(wanted), Ok(id), model) = (rendered, desired.id, desired.arguments) else {
            return Err(out.error(
                &Path::root(),
                "Some arguments aren't known",
                "Apply got a configuration with unknown values. This is a bug in the provider.",
            ));
        };
        let mut record = match prior {
            Some(_) => Record { replaces: None, ..Record::decode(&planned.private) },
            None => Record::default(),
        };
        let mut before = prior.map(|prior| state::live(&prior.state)).unwrap_or_default();
        if prior.is_none() {
            // What a killed apply or a replaced life may have left, and what was handed over in this run.
            let possible = R::possible_objects(&id, mesh).into_iter();
            record.objects = possible.map(|(key, stage)| (key.to_string(), RecordedObject::inherited(stage))).collect();
            if R::ONE_PER_MESH {
                // Some of its names carry a digest of arguments that may have been others.
                let limits = Deadline::within(CHECKS_WITHIN, call.stop.clone());
                let left = Self::stamped(&context, mesh, &id, &limits, &mut Diagnostics::default()).await;
                for (key, _) in left.unwrap_or_default() {
                    record.objects.entry(key.to_string()).or_insert(RecordedObject::inherited(stage::OPENING));
                }
            }
            for (key, (noted, body)) in context.run.take_over(&Self::resource(&id)) {
                record.objects.insert(key.to_string(), noted);
                before.insert(key, body);
            }
        }
        id.clone_into(&mut record.id);
        if record.instance.is_empty() {
            record.instance = format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
        }
        let timeouts = model.timeouts();
        let within = if prior.is_some() { timeouts.update } else { timeouts.create };
        let mut identity = Self::owner_identity(&id, owner, &record);
        identity.arguments = state::recorded(R::schema(), &arguments);
        identity.takeover = model.takeover();
        let work =
            Work { context: context.clone(), identity, record, limits: Deadline::within(within, call.stop.clone()) };
        let mut done = work.run(Job::Apply(wanted)).await;

        let sound = !done.diagnostics.has_errors();
        out.extend(done.diagnostics);
        let after = if sound {
            context.run.settle(&Self::resource(&id));
            done.record.protected = model.is_protected();
            Some(made)
        } else {
            let left = state::merged(before, &done.written);
            // What might have been left of an earlier life, and what was: only the latter is this resource's to note.
            done.record
                .objects
                .retain(|key, noted| !noted.inherited || left.keys().any(|known| known.to_string() == *key));
            // Nothing of a create was written: there is nothing to keep.
            // Of an update the arguments stay what they were, so that the next plan shows what is still to be done.
            let base = prior.map_or(&made, |prior| &prior.state);
            (prior.is_some() || !left.is_empty()).then(|| state::with_objects(base, &left))
        };
        let identity = Some(Self::identity_of(&id));
        Ok(after.map(|state| ResourceState { state, private: done.record.encode(), identity }))
    }

    /// Deletes, or hands over; answers what couldn't be deleted.
    pub(super) async fn remove(
        call: Call<Context>,
        prior: &ResourceState,
        private: &[u8],
        out: &mut Diagnostics,
    ) -> Result<Option<ResourceState>, Reported> {
        let context = configured(&call, out)?;
        let Ok(owner) = &context.owner else {
            return Err(out.error(
                &Path::root(),
                "The owner isn't known",
                "The provider's owner is still unknown. Write a known value.",
            ));
        };
        let id = state::id(&prior.state);
        let turn = context.run.turn(&Self::resource(&id));
        let _turn = turn.lock().await;
        let planned = Record::decode(private);
        let mut before = state::live(&prior.state);
        let mut record = match planned.replaces {
            Some(replaced) if planned.id == id => {
                context.run.hand_over(&Self::resource(&id), handed(&replaced, before));
                return Ok(None);
            }
            Some(replaced) => *replaced,
            None => planned,
        };
        if record.objects.is_empty() {
            // A state without our bookkeeping (a tainted resource, state surgery): its keys have to do, and the owner that
            // the objects name.
            record.objects = before.keys().map(|key| (key.to_string(), RecordedObject::default())).collect();
        }
        // What the delete of an earlier life spared for this one; what this one notes itself counts.
        for (key, (spared, body)) in context.run.take_over(&Self::resource(&id)) {
            record.objects.entry(key.to_string()).or_insert(spared);
            before.entry(key).or_insert(body);
        }
        let (noted, settled) = (record.recorded_objects(), context.run.is_settled(&Self::resource(&id)));
        let model: R = decode_state(&prior.state);
        let mut identity = Self::owner_identity(&id, owner, &record);
        identity.takeover.force_destroy = model.takeover().force_destroy;
        let limits = Deadline::within(model.timeouts().delete, call.stop.clone());
        let remains = handed(&record, before.clone());
        let done =
            Work { context: context.clone(), identity, record, limits }.run(Job::Delete { noted, settled }).await;
        let sound = !done.diagnostics.has_errors();
        if sound && done.written.is_empty() {
            context.run.hand_over(&Self::resource(&id), remains);
        }
        out.extend(done.diagnostics);
        let left = || ResourceState {
            state: state::with_objects(&prior.state, &state::merged(before, &done.written)),
            private: done.record.encode(),
            identity: prior.identity.clone(),
        };
        Ok((!sound).then(left))
    }
}

/// What a replaced resource leaves: what its record notes, and what its state has (`bodies`).
fn handed(replaced: &Record, mut bodies: BTreeMap<Key, Json>) -> Handed {
    let mut noted = replaced.recorded_objects();
    for key in bodies.keys() {
        noted.entry(key.clone()).or_default();
    }
    let hand = |(key, noted): (Key, RecordedObject)| {
        let body = bodies.remove(&key).unwrap_or_default();
        (key, (RecordedObject { inherited: true, ..noted }, body))
    };
    noted.into_iter().map(hand).collect()
}
