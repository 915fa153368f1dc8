//! Import, and `moved` blocks from resources of other providers.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{
    Managed, PLAN_CHECK_TIMEOUT,
    desired::{Desired, decode},
    import_search::check_any_exists,
    recorded_resource::{annotation_of, check_recorded_id, check_single_instance, recorded_arguments},
};
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    engine::{Record, record::RecordedObject},
    json_path::text,
    kubernetes::Deadline,
    mesh::Mesh,
    object::{FieldOwnership, Key, ManagementScope, annotation},
    plugin::interface::{Call, ImportId, MoveSource, ResourceState},
    resources::{Context, ResourceType, configured_context, move_source, state},
    schema::{Value, model::Model as _},
};

impl<R: ResourceType> Managed<R> {
    /// The id of an import, which names the resource by its id or by its identity.
    pub(super) fn import_id(id: ImportId, out: &mut Diagnostics) -> Result<String, Reported> {
        let names: Vec<_> = R::IDENTITY.iter().map(|(name, _)| *name).collect();
        let id = match id {
            ImportId::Id(id) => id,
            ImportId::Identity(identity) => {
                let part = |name: &&str| match identity.member(name) {
                    Value::String(part) => part.clone(),
                    _ => String::new(),
                };
                names.iter().map(part).collect::<Vec<_>>().join("/")
            }
        };
        let parts: Vec<_> = id.split('/').collect();
        if parts.len() == names.len() && parts.iter().all(|part| !part.is_empty()) {
            return Ok(id);
        }
        Err(out.error(
            &Path::root(),
            "Invalid import id",
            format!("The id of {} is {}; {id:?} isn't one.", R::NAME, names.join("/")),
        ))
    }

    /// The state of an imported resource: the live objects whose annotation names it, and the arguments that one of them
    /// records. Where no annotation names it, the state has the names of its possible objects, so that objects which were
    /// written by hand are imported. It is an error if none of them exists.
    pub(super) async fn import_state(
        &self,
        call: Call<Context>,
        id: &str,
        out: &mut Diagnostics,
    ) -> Result<ResourceState, Reported> {
        let context = configured_context(&call, out)?;
        let Ok(mesh) = &context.mesh else {
            return Err(out.error(
                &Path::root(),
                "The provider isn't known yet",
                "Import needs known provider arguments.",
            ));
        };
        let deadline = Deadline::within(PLAN_CHECK_TIMEOUT, call.stop);
        let live = Self::annotated_objects(&context, mesh, id, &deadline, out).await?;
        if live.is_empty() {
            check_any_exists::<R>(&context, mesh, id, &deadline, out).await?;
        }
        check_single_instance(R::NAME, id, &live, out)?;
        let recorded = recorded_arguments(&live, R::schema(), out);
        let is_recorded = recorded.is_some();
        if !is_recorded && !live.is_empty() {
            warn_unrecorded(R::NAME, id, out);
        }
        let arguments = match &recorded {
            Some((_, arguments)) => arguments.clone(),
            None => R::schema().complete(&Value::Map(BTreeMap::new())),
        };
        let desired: Desired<R> = Desired::of(decode(&arguments, &mut Diagnostics::default()), mesh);
        if let Some((key, _)) = recorded {
            check_recorded_id(id, key, &desired, out)?;
        }
        let record = imported_record(id, &desired, &live);
        let objects: BTreeMap<Key, Json> =
            desired.objects().map(|object| (object.key.clone(), object.body.clone())).collect();
        // Without arguments nothing is computed yet.
        let outputs = if is_recorded { desired.arguments.outputs(mesh).encode() } else { Value::Null };
        let state = state::with_computed(&arguments, outputs, Value::string(id), Value::Null);
        let state = self.schema.complete(&state::with_objects(&state, &objects));
        Ok(ResourceState { state, private: record.encode(), identity: Some(Self::identity_of(id)) })
    }

    /// The state of a resource that a `moved` block makes of another provider's resource: its one object. The next plan adds
    /// the arguments.
    pub(super) fn moved_state(&self, source: &MoveSource, out: &mut Diagnostics) -> Result<ResourceState, Reported> {
        let key = move_source::object_key(source, out)?;
        let recorded = RecordedObject { moved: true, ..RecordedObject::default() };
        let record = Record { objects: [(key.to_string(), recorded)].into(), ..Record::default() };
        let empty = self.schema.complete(&Value::Map(BTreeMap::new()));
        let state = state::with_objects(&empty, &[(key, Json::Null)].into());
        Ok(ResourceState { state, private: record.encode(), identity: None })
    }
}

/// An annotation that all objects have with one value; empty where there are no objects.
fn common_annotation<'a>(live: &'a [(Key, Json)], name: &str) -> &'a str {
    live.first().map(|(_, live)| annotation_of(live, name)).unwrap_or_default()
}

/// Warns that the imported objects have no arguments that the import could take into the state.
fn warn_unrecorded(resource_type: &str, id: &str, out: &mut Diagnostics) {
    out.warn(
        &Path::root(),
        "The imported objects don't record arguments",
        format!(
            "The objects of {resource_type} {id} have no arguments in an annotation, as with record_arguments = false, so the \
             import knows their fields alone. The next plan shows all arguments as added, and an apply writes them into the \
             state; objects change only where the configuration says something else."
        ),
    );
}

/// The record of a resource as the annotations of its live objects give it.
pub(super) fn imported_record<R: ResourceType>(id: &str, desired: &Desired<'_, R>, live: &[(Key, Json)]) -> Record {
    let mut record = Record {
        id: id.to_owned(),
        instance: common_annotation(live, annotation::INSTANCE).to_owned(),
        owner: common_annotation(live, annotation::OWNER).to_owned(),
        protected: desired.arguments.is_protected(),
        ..Record::default()
    };
    for (key, live) in live {
        let stage = desired.objects().find(|object| object.key == *key).map_or(0, |object| object.stage.0);
        let uid = text(live, &["metadata", "uid"]).unwrap_or_default().to_owned();
        record.objects.insert(key.to_string(), RecordedObject { uid, stage, ..RecordedObject::default() });
    }
    for object in desired.objects() {
        if object.scope == ManagementScope::Fields {
            // Objects of other tools have no annotation of this provider, so the arguments decide.
            let recorded = RecordedObject { stage: object.stage.0, fields_only: true, ..RecordedObject::default() };
            record.objects.insert(object.key.to_string(), recorded);
        } else {
            // An object in another namespace than the id's is found by its name.
            record.objects.entry(object.key.to_string()).or_insert(RecordedObject::inherited(object.stage));
        }
    }
    if live.is_empty() {
        record.objects.extend(objects_written_by_hand::<R>(id, desired.mesh));
    }
    record
}

/// The possible objects that may have been written by hand. Kinds of the API server itself, such as admission policies, are
/// left out, since not every user may read them.
fn objects_written_by_hand<R: ResourceType>(id: &str, mesh: &Mesh) -> impl Iterator<Item = (String, RecordedObject)> {
    R::possible_objects(id, mesh)
        .into_iter()
        .filter(|(key, _)| key.kind.namespaced || key.kind.field_ownership == FieldOwnership::Shared)
        .map(|(key, stage)| {
            (key.to_string(), RecordedObject { stage: stage.0, moved: true, ..RecordedObject::default() })
        })
}
