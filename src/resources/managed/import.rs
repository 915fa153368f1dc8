//! Import, and `moved` from resources of other providers.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{
    CHECKS_WITHIN, Managed, configured,
    desired::{Desired, decode},
};
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    engine::{Record, record::RecordedObject},
    json_path::text,
    kubernetes::{
        Deadline, Freshness,
        error_report::{ApiOperation, report_error},
    },
    mesh::Mesh,
    object::{self, FieldOwnership, Key, ManagementScope, annotation, kind, label},
    plugin::interface::{Call, ImportId, MoveSource, ResourceState},
    resources::{Context, ResourceType, foreign, state},
    schema::{Value, model::Model as _},
};

impl<R: ResourceType> Managed<R> {
    /// The id that an import names, in either way.
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

    /// Everything in the id's namespace that says it belongs to the id, and the arguments that one of them carries. Where
    /// nothing says so, objects of the same names that somebody made by hand; where there are none of those either, the read
    /// that follows says that there is nothing to import.
    pub(super) async fn find(
        &self,
        call: Call<Context>,
        id: &str,
        out: &mut Diagnostics,
    ) -> Result<ResourceState, Reported> {
        let context = configured(&call, out)?;
        let Ok(mesh) = &context.mesh else {
            return Err(out.error(
                &Path::root(),
                "The provider isn't known yet",
                "Import needs known provider arguments.",
            ));
        };
        let limits = Deadline::within(CHECKS_WITHIN, call.stop);
        let found = Self::stamped(&context, mesh, id, &limits, out).await?;
        let said = |name: &str| {
            found.iter().find_map(|(_, live)| text(live, &["metadata", "annotations", name])).unwrap_or_default()
        };
        let arguments = state::restored(R::schema(), said(annotation::ARGUMENTS));
        let desired: Desired<R> = Desired::of(decode(&arguments, &mut Diagnostics::default()), mesh);
        let mut record = Record {
            id: id.to_owned(),
            instance: said(annotation::INSTANCE).to_owned(),
            owner: said(annotation::OWNER).to_owned(),
            protected: desired.arguments.is_protected(),
            ..Record::default()
        };
        for (key, live) in &found {
            let stage = desired.objects().find(|object| object.key == *key).map_or(0, |object| object.stage.0);
            let uid = text(live, &["metadata", "uid"]).unwrap_or_default().to_owned();
            record.objects.insert(key.to_string(), RecordedObject { uid, stage, ..RecordedObject::default() });
        }
        let mut objects: BTreeMap<Key, Json> = BTreeMap::new();
        for object in desired.objects() {
            if object.scope == ManagementScope::Fields {
                // What it has of others' objects carries no stamp; the arguments say which.
                let noted = RecordedObject { stage: object.stage.0, fields_only: true, ..RecordedObject::default() };
                record.objects.insert(object.key.to_string(), noted);
            } else {
                // In another namespace than the id's: it is looked for by its name.
                record.objects.entry(object.key.to_string()).or_insert(RecordedObject::inherited(object.stage));
            }
            objects.insert(object.key.clone(), object.body.clone());
        }
        if found.is_empty() {
            // What the API server itself goes by isn't made by hand under our names, and not everybody may read it.
            let by_hand = |key: &Key| key.kind.namespaced || key.kind.field_ownership == FieldOwnership::Shared;
            for (key, stage) in R::possible_objects(id, mesh).into_iter().filter(|(key, _)| by_hand(key)) {
                let noted = RecordedObject { stage: stage.0, moved: true, ..RecordedObject::default() };
                record.objects.insert(key.to_string(), noted);
            }
        }
        let outputs = if found.is_empty() { Value::Null } else { desired.arguments.outputs(mesh).encode() };
        let state = state::with_objects(&state::with(&arguments, outputs, Value::string(id), Value::Null), &objects);
        let state = self.schema.complete(&state);
        Ok(ResourceState { state, private: record.encode(), identity: Some(Self::identity_of(id)) })
    }

    /// Objects whose stamps name the resource: in its namespace of the kinds of `possible_objects` and of those that it may share with
    /// others, and of the whole cluster by the names of `possible_objects`.
    /// Where nothing is found, it may be for want of a right: it is told, but for shared kinds, which not everybody needs.
    pub(super) async fn stamped(
        context: &Context,
        mesh: &Mesh,
        id: &str,
        limits: &Deadline,
        out: &mut Diagnostics,
    ) -> Result<Vec<(Key, Json)>, Reported> {
        let resource = Self::resource(id);
        let label = format!("{}=true", label::MANAGED);
        let (mut found, mut forbidden) = (Vec::new(), None);
        let possible_objects = R::possible_objects(id, mesh);
        let own = |kind: &object::Kind| possible_objects.iter().any(|(key, _)| key.kind == kind);
        let ours = |live: &Json| said_resource(live) == Some(&resource);
        for (key, _) in possible_objects.iter().filter(|(key, _)| !key.kind.namespaced) {
            match context.cluster.get(key, Freshness::Now, limits).await {
                Ok(live) => found.extend(live.filter(|live| ours(live)).map(|live| (key.clone(), Json::clone(&live)))),
                // What the API server itself goes by: only who writes it needs the right.
                Err(error) if error.is_forbidden() && key.kind.field_ownership == FieldOwnership::Exclusive => {}
                Err(error) if error.is_forbidden() => forbidden = Some((error, key.clone())),
                Err(error) => return Err(report_error(&error, ApiOperation::Read, key, None, out)),
            }
        }
        let namespace =
            possible_objects.iter().find_map(|(key, _)| key.namespace.as_deref()).unwrap_or(&mesh.root_namespace);
        let asked = |kind: &&'static object::Kind| {
            kind.namespaced && (kind.field_ownership == FieldOwnership::Shared || own(kind))
        };
        for kind in kind::MANAGED.iter().copied().filter(asked) {
            let key = |name: &str| Key::new(kind, namespace, name);
            match context.cluster.list(kind, namespace, &label, limits).await {
                Ok(listed) => {
                    let named = |live: Json| Some((key(text(&live, &["metadata", "name"])?), live));
                    found.extend(listed.into_iter().filter(ours).filter_map(named));
                }
                Err(error) if error.is_forbidden() && !own(kind) => {}
                Err(error) if error.is_forbidden() => forbidden = Some((error, key(""))),
                Err(error) => return Err(report_error(&error, ApiOperation::Read, &key(""), None, out)),
            }
        }
        match forbidden {
            Some((error, key)) if found.is_empty() => {
                report_error(&error, ApiOperation::Read, &key, None, out);
                out.no_errors().map(|()| found)
            }
            _ => Ok(found),
        }
    }

    /// One object of another provider's resource as the beginning of ours: it is noted, and its arguments are the next
    /// plan's business.
    pub(super) fn moved(&self, foreign: &MoveSource, out: &mut Diagnostics) -> Result<ResourceState, Reported> {
        let key = foreign::object(foreign, out)?;
        let noted = RecordedObject { moved: true, ..RecordedObject::default() };
        let record = Record { objects: [(key.to_string(), noted)].into(), ..Record::default() };
        let nothing = self.schema.complete(&Value::Map(BTreeMap::new()));
        let state = state::with_objects(&nothing, &[(key, Json::Null)].into());
        Ok(ResourceState { state, private: record.encode(), identity: None })
    }
}

/// The resource that an object's stamp names.
fn said_resource(live: &Json) -> Option<&str> {
    text(live, &["metadata", "annotations", annotation::RESOURCE])
}
