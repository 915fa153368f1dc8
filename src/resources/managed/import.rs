//! Import, and `moved` from resources of other providers.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{CHECKS_WITHIN, Managed, configured};
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    engine::{Record, ownership, record::Noted},
    kubernetes::{
        Limits,
        errors::{Doing, explain},
    },
    object::{Key, kind},
    plugin::offer::{Call, Foreign, ImportId, Stored},
    resources::{Context, Kind, foreign, state},
    schema::{Value, model::Model},
    tree::text,
};

impl<K: Kind> Managed<K> {
    /// The id that an import names, in either way.
    pub(super) fn import_id(id: ImportId, out: &mut Diagnostics) -> Result<String, Reported> {
        let names: Vec<_> = K::IDENTITY.iter().map(|(name, _)| *name).collect();
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
            format!("The id of {} is {}; {id:?} isn't one.", K::NAME, names.join("/")),
        ))
    }

    /// Everything in the id's namespace that says it belongs to the id, and the arguments that one of them carries. Where
    /// nothing does, the read that follows says that there is none.
    pub(super) async fn find(call: Call<Context>, id: &str, out: &mut Diagnostics) -> Result<Stored, Reported> {
        let context = configured(&call, out)?;
        let Ok(mesh) = &context.mesh else {
            return Err(out.error(
                &Path::root(),
                "The provider isn't known yet",
                "Import needs known provider arguments.",
            ));
        };
        let namespace = id.rsplit_once('/').map_or(mesh.root_namespace.as_str(), |(namespace, _)| namespace);
        let found = Self::stamped(&context, id, namespace, call, out).await?;
        let said = |name: &str| {
            found.iter().find_map(|(_, live)| text(live, &["metadata", "annotations", name])).unwrap_or_default()
        };
        let arguments = state::restored(&K::Config::schema(), said(ownership::ARGUMENTS));
        let model = K::Config::decode(&arguments, &Path::root(), &mut Diagnostics::default());
        let rendered = K::render(&model, mesh);
        let noted = |(key, live): &(Key, Json)| {
            let uid = text(live, &["metadata", "uid"]).unwrap_or_default().to_owned();
            (key.to_string(), Noted { uid, stage: state::stage_of(&rendered, key).0, ..Noted::default() })
        };
        let record = Record {
            id: id.to_owned(),
            instance: said(ownership::INSTANCE).to_owned(),
            owner: said(ownership::OWNER).to_owned(),
            objects: found.iter().map(noted).collect(),
            ..Record::default()
        };
        let outputs = if found.is_empty() { Value::Null } else { K::outputs(&model, mesh).encode() };
        let mut objects = BTreeMap::new();
        if let Ok(rendered) = &rendered
            && !found.is_empty()
        {
            // What it has of others' objects carries no stamp; the arguments say which.
            let lent = rendered.iter().filter_map(|(_, object)| object.as_ref().ok());
            objects.extend(lent.map(|object| (object.key.clone(), object.body.clone())));
        }
        let state = state::with_objects(&state::with(&arguments, outputs, Value::string(id), Value::Null), &objects);
        let state = Self::schema().complete(&state);
        Ok(Stored { state, private: record.write(), identity: Some(Self::identity_of(id)) })
    }

    async fn stamped(
        context: &Context,
        id: &str,
        namespace: &str,
        call: Call<Context>,
        out: &mut Diagnostics,
    ) -> Result<Vec<(Key, Json)>, Reported> {
        let limits = Limits::within(CHECKS_WITHIN, call.stop);
        let resource = Self::resource(id);
        let label = format!("{}=true", ownership::MANAGED);
        let mut found = Vec::new();
        for kind in kind::ALL.iter().copied().filter(|kind| kind.namespaced) {
            let listed = match context.cluster.list(kind, namespace, &label, &limits).await {
                Ok(listed) => listed,
                Err(error) => return Err(explain(&error, Doing::Read, &Key::new(kind, namespace, ""), None, out)),
            };
            let ours = |live: &Json| text(live, &["metadata", "annotations", ownership::RESOURCE]) == Some(&resource);
            let named = |live: Json| Some((Key::new(kind, namespace, text(&live, &["metadata", "name"])?), live));
            found.extend(listed.into_iter().filter(ours).filter_map(named));
        }
        Ok(found)
    }

    /// One object of another provider's resource as the beginning of ours: it is noted, and its arguments are the next
    /// plan's business.
    pub(super) fn moved(foreign: &Foreign, out: &mut Diagnostics) -> Result<Stored, Reported> {
        let key = foreign::object(foreign, out)?;
        let noted = Noted { moved: true, ..Noted::default() };
        let record = Record { objects: [(key.to_string(), noted)].into(), ..Record::default() };
        let nothing = Self::schema().complete(&Value::Map(BTreeMap::new()));
        let state = state::with_objects(&nothing, &[(key, Json::Null)].into());
        Ok(Stored { state, private: record.write(), identity: None })
    }
}
