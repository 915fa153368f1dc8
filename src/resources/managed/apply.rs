//! Creates and updates.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use tokio_util::sync::CancellationToken;

use super::{
    Managed, PLAN_CHECK_TIMEOUT,
    desired::{Desired, decode, decode_state},
    find_objects::stage_of_kin,
};
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    engine::{Record, record::RecordedObject},
    known::Known,
    kubernetes::Deadline,
    mesh::{Mesh, Rendered},
    object::{Key, ManagementScope, Object},
    plugin::interface::{Call, ResourceState},
    resources::{
        Context, ResourceType, configured_context, state,
        write_task::{Operation, WriteTask},
    },
    schema::recorded::encode_arguments,
};

impl<R: ResourceType> Managed<R> {
    /// Creates the resource (without `prior`) or updates it, and answers its state.
    pub(super) async fn create_or_update(
        call: Call<Context>,
        prior: Option<&ResourceState>,
        planned: &ResourceState,
        out: &mut Diagnostics,
    ) -> Result<Option<ResourceState>, Reported> {
        let context = configured_context(&call, out)?;
        let arguments = state::arguments(R::schema(), &planned.state);
        let model: R = decode(&arguments, out);
        out.no_errors()?;
        let (mesh, owner) = known_provider_arguments(&context, out)?;
        let desired = Desired::of(model, mesh);
        if let Some(prior) = prior {
            // The plan couldn't know objects that were unknown.
            desired.validate_policy_changes(|| decode_state(&prior.state), out);
            out.no_errors()?;
        }
        let applied_state = desired.planned(&arguments);
        let Desired { arguments: model, id, rendered, .. } = desired;
        let (id, desired_objects) = known_objects(id, rendered, out)?;
        let resource = Self::resource(&id);
        let (mut record, objects) = match prior {
            Some(prior) => {
                (Record { replaces: None, ..Record::decode(&planned.private) }, state::objects(&prior.state))
            }
            None => Self::leftovers(&context, mesh, &id, &call.stop).await,
        };
        id.clone_into(&mut record.id);
        if record.instance.is_empty() {
            record.instance = format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
        }
        let timeouts = model.timeouts();
        let timeout = if prior.is_some() { timeouts.update } else { timeouts.create };
        let deadline = Deadline::within(timeout, call.stop.clone());
        let mut identity = Self::owner_identity(&id, owner, &record);
        if context.record_arguments {
            identity.arguments = encode_arguments(R::schema(), &arguments);
        }
        identity.takeover = model.takeover();
        identity.is_current = true;
        let with_fields = desired_objects.iter().filter(|object| object.scope == ManagementScope::Fields);
        let with_fields = with_fields.map(|object| object.key.clone()).collect();
        let task = WriteTask { context: context.clone(), identity, record, deadline };
        let result = task.run(Operation::Apply(desired_objects)).await;

        let succeeded = !result.diagnostics.has_errors();
        out.extend(result.diagnostics);
        let mut record = result.record;
        let state = if succeeded {
            context.run.mark_applied(&resource, with_fields);
            record.protected = model.is_protected();
            Some(applied_state)
        } else {
            let objects = state::objects_after(objects, &result.journal);
            // A possible leftover is only recorded where it was found.
            record
                .objects
                .retain(|key, recorded| !recorded.inherited || objects.keys().any(|found| found.to_string() == *key));
            // After a failed update the arguments stay the prior ones, so that the next plan shows what remains to be done. A
            // failed create without any object leaves no state.
            let base = prior.map_or(&applied_state, |prior| &prior.state);
            (prior.is_some() || !objects.is_empty()).then(|| state::with_objects(base, &objects))
        };
        let identity = Some(Self::identity_of(&id));
        Ok(state.map(|state| ResourceState { state, private: record.encode(), identity }))
    }

    /// The record and the objects of a create: what an interrupted apply or an earlier instance may have left in the cluster,
    /// and what a delete of this run handed over.
    async fn leftovers(
        context: &Context,
        mesh: &Mesh,
        id: &str,
        stop: &CancellationToken,
    ) -> (Record, BTreeMap<Key, Json>) {
        let possible = R::possible_objects(id, mesh).into_iter();
        let recorded = possible.map(|(key, stage)| (key.to_string(), RecordedObject::inherited(stage))).collect();
        let mut record = Record { objects: recorded, ..Record::default() };
        if R::ONE_PER_MESH {
            // Some names contain a digest of arguments, so that an earlier instance may have had other names.
            let deadline = Deadline::within(PLAN_CHECK_TIMEOUT, stop.clone());
            let live = Self::annotated_objects(context, mesh, id, &deadline, &mut Diagnostics::default()).await;
            for (key, _) in live.unwrap_or_default() {
                let stage = stage_of_kin(&key, &R::possible_objects(id, mesh));
                record.objects.entry(key.to_string()).or_insert(RecordedObject::inherited(stage));
            }
        }
        let mut objects = BTreeMap::new();
        for (key, (recorded, body)) in context.run.take_handed_over(&Self::resource(id)) {
            record.objects.insert(key.to_string(), recorded);
            objects.insert(key, body);
        }
        (record, objects)
    }
}

/// The arguments of the provider, which may be unknown in a plan, but not in an apply.
fn known_provider_arguments<'a>(
    context: &'a Context,
    out: &mut Diagnostics,
) -> Result<(&'a Mesh, &'a String), Reported> {
    match (&context.mesh, &context.owner) {
        (Ok(mesh), Ok(owner)) => Ok((mesh, owner)),
        _ => Err(out.error(
            &Path::root(),
            "Provider arguments aren't known",
            "Arguments of the provider \"mesh\" are still unknown at apply. Apply what they come from first (-target).",
        )),
    }
}

/// The id and the objects of an apply, for which core sends no unknown values.
fn known_objects(
    id: Known<String>,
    rendered: Rendered,
    out: &mut Diagnostics,
) -> Result<(String, Vec<Object>), Reported> {
    let objects: Known<Vec<Object>> =
        rendered.and_then(|objects| objects.into_iter().map(|(_, object)| object).collect());
    match (id, objects) {
        (Ok(id), Ok(objects)) => Ok((id, objects)),
        _ => Err(out.error(
            &Path::root(),
            "Some arguments aren't known",
            "Apply got a configuration with unknown values. This is a bug in the provider.",
        )),
    }
}
