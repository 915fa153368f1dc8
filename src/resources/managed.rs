//! [`Managed`]: a [`Kind`] as a Terraform resource. The value flow is: the configuration's value → arguments → objects →
//! planned state = what the user wrote + what we compute. What the user wrote is never encoded again; what the cluster says
//! only enters `objects`, and only at refresh.

use std::{collections::BTreeMap, marker::PhantomData, sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::Value as Json;
use tokio_util::sync::CancellationToken;

use super::{
    Context, Kind,
    common::Common,
    state,
    work::{Job, Work},
};
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    engine::{Claim, Engine, Record, ownership, record::Noted},
    known::Unknown,
    kubernetes::{
        Limits,
        errors::{Doing, explain},
    },
    mesh::Mesh,
    object::{Holding, Key, Object, kind},
    plugin::offer::{Call, Foreign, ImportId, Outcome, Planned, Resource, Stored},
    schema::{Schema, Value, model::Model},
    tree::text,
};

/// A plan's checks are worth so much time, and no more: they are told by apply as well.
const CHECKS_WITHIN: Duration = Duration::from_secs(15);

/// The only resource that the plugin ever sees.
pub struct Managed<K>(PhantomData<fn() -> K>);

/// A [`Kind`] as the plugin wants it.
pub fn managed<K: Kind>() -> Box<dyn Resource<Context>> {
    Box::new(Managed::<K>(PhantomData))
}

/// The context, and that Configure was called.
fn configured(call: &Call<Context>, out: &mut Diagnostics) -> Result<Arc<Context>, Reported> {
    call.context.clone().ok_or_else(|| {
        out.error(
            &Path::root(),
            "The provider isn't configured",
            "Core asked for a resource before it sent the provider block.",
        )
    })
}

impl<K: Kind> Managed<K> {
    fn claim(id: &str, owner: &str, record: &Record, arguments: String) -> Claim {
        Claim {
            owner: owner.to_owned(),
            former_owner: Some(record.owner.clone()).filter(|former| !former.is_empty() && former != owner),
            resource: format!("{}/{id}", K::NAME),
            instance: record.instance.clone(),
            arguments,
        }
    }

    /// The planned state: what was written and what follows from it.
    fn planned(config: &Value, model: &K::Config, mesh: &Mesh) -> Value {
        let id = K::id(model, mesh).map_or(Value::Unknown, Value::String);
        let outputs = K::outputs(model, mesh).encode();
        state::with(config, outputs, id, state::objects(&K::render(model, mesh)))
    }

    /// The wanted objects whose bodies are known already.
    fn wanted(model: &K::Config, mesh: &Mesh) -> Vec<Object> {
        K::render(model, mesh).unwrap_or_default().into_iter().filter_map(|(_, object)| object.ok()).collect()
    }

    /// The plan's questions to the cluster, of what it would write.
    async fn ask(
        context: &Context,
        model: &K::Config,
        mesh: &Mesh,
        prior: Option<&Stored>,
        stop: CancellationToken,
        out: &mut Diagnostics,
    ) {
        let (Ok(id), Ok(owner)) = (K::id(model, mesh), &context.owner) else { return };
        let record = prior.map(|prior| Record::read(&prior.private)).unwrap_or_default();
        let before = prior.map(|prior| state::live(&prior.state)).unwrap_or_default();
        let changed = |object: &Object| before.get(&object.key) != Some(&object.body);
        let wanted: Vec<_> = Self::wanted(model, mesh).into_iter().filter(changed).collect();
        let claim = Self::claim(&id, owner, &record, "{}".to_owned());
        let limits = Limits::within(K::timeouts(model).read.min(CHECKS_WITHIN), stop);
        let engine = Engine { cluster: &context.cluster, claim: &claim, record: &record, limits, once: &context.once };
        if engine.same_cluster(out).await.is_ok() {
            engine.plan(&wanted, out).await;
        }
    }
}

impl<K: Kind> Managed<K> {
    fn identity_of(id: &str) -> Value {
        let parts = K::IDENTITY.iter().zip(id.splitn(K::IDENTITY.len(), '/'));
        Value::Map(parts.map(|((name, _), part)| ((*name).to_owned(), Value::string(part))).collect())
    }

    fn arguments_of(state: &Value) -> Value {
        state::arguments(&K::Config::schema(), state)
    }

    async fn write(
        call: Call<Context>,
        prior: Option<&Stored>,
        planned: &Stored,
        out: &mut Diagnostics,
    ) -> Result<Outcome, Reported> {
        let context = configured(&call, out)?;
        let arguments = Self::arguments_of(&planned.state);
        let model = K::Config::decode(&arguments, &Path::root(), out);
        out.sound()?;
        let (Ok(mesh), Ok(owner)) = (&context.mesh, &context.owner) else {
            return Err(out.error(
                &Path::root(),
                "Provider arguments aren't known",
                "Arguments of the provider \"mesh\" are still unknown at apply. Apply what they come from first (-target).",
            ));
        };
        let rendered: Result<Vec<Object>, Unknown> =
            K::render(&model, mesh).and_then(|objects| objects.into_iter().map(|(_, object)| object).collect());
        let (Ok(wanted), Ok(id)) = (rendered, K::id(&model, mesh)) else {
            return Err(out.error(
                &Path::root(),
                "Some arguments aren't known",
                "Apply got a configuration with unknown values. This is a bug in the provider.",
            ));
        };
        let mut record = Record { id: id.clone(), ..Record::read(&planned.private) };
        if record.instance.is_empty() {
            record.instance = format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
        }
        let timeouts = K::timeouts(&model);
        let within = if prior.is_some() { timeouts.update } else { timeouts.create };
        let claim = Self::claim(&id, owner, &record, state::recorded(&K::Config::schema(), &arguments));
        let limits = Limits::within(within, call.stop.clone());
        let work = Work { context: context.clone(), claim, record, limits };
        let done = work.run(Job::Apply(wanted)).await;

        let made = Self::planned(&arguments, &model, mesh);
        let sound = done.diagnostics.sound().is_ok();
        out.extend(done.diagnostics);
        let after = if sound {
            Some(made)
        } else {
            // Nothing of a create was written: there is nothing to keep.
            let before = prior.map(|prior| state::live(&prior.state)).unwrap_or_default();
            let left = state::merged(before, &done.written);
            (prior.is_some() || !left.is_empty()).then(|| state::with_objects(&made, &left))
        };
        let stored = |state| Stored { state, private: done.record.write(), identity: Some(Self::identity_of(&id)) };
        Ok(Outcome { after: after.map(stored), diagnostics: Diagnostics::default() })
    }

    async fn remove(
        call: Call<Context>,
        prior: &Stored,
        private: &[u8],
        out: &mut Diagnostics,
    ) -> Result<Outcome, Reported> {
        let context = configured(&call, out)?;
        let Ok(owner) = &context.owner else {
            return Err(out.error(
                &Path::root(),
                "The owner isn't known",
                "The provider's owner is still unknown. Write a known value.",
            ));
        };
        let model = K::Config::decode(&Self::arguments_of(&prior.state), &Path::root(), &mut Diagnostics::default());
        let record = Record::read(if private.is_empty() { &prior.private } else { private });
        let mut noted = record.keys();
        if noted.is_empty() {
            // A state without our bookkeeping (state surgery): its keys have to do, and the owner is looked at.
            let unnoted = |key| (key, Noted { uid: String::new(), stage: 0, fields: false });
            noted = state::live(&prior.state).into_keys().map(unnoted).collect();
        }
        let claim = Self::claim(&state::id(&prior.state), owner, &record, String::new());
        let limits = Limits::within(K::timeouts(&model).delete, call.stop.clone());
        let done = Work { context, claim, record, limits }.run(Job::Delete(noted)).await;
        let sound = done.diagnostics.sound().is_ok();
        out.extend(done.diagnostics);
        let left = || Stored {
            state: state::with_objects(&prior.state, &state::merged(state::live(&prior.state), &done.written)),
            private: done.record.write(),
            identity: prior.identity.clone(),
        };
        Ok(Outcome { after: (!sound).then(left), diagnostics: Diagnostics::default() })
    }

    async fn refresh(call: Call<Context>, stored: &Stored, out: &mut Diagnostics) -> Result<Option<Value>, Reported> {
        let context = configured(&call, out)?;
        let record = Record::read(&stored.private);
        let model = K::Config::decode(&Self::arguments_of(&stored.state), &Path::root(), &mut Diagnostics::default());
        let claim = Self::claim(&state::id(&stored.state), "", &record, String::new());
        let limits = Limits::within(K::timeouts(&model).read, call.stop.clone());
        let engine = Engine { cluster: &context.cluster, claim: &claim, record: &record, limits, once: &context.once };
        engine.same_cluster(out).await?;
        let noted = record.keys();
        let mut wrote = state::live(&stored.state);
        for key in noted.keys() {
            wrote.entry(key.clone()).or_insert(Json::Null);
        }
        let live = engine.read(&wrote, out).await?;
        let whole = |key: &Key| noted.get(key).is_none_or(|noted| noted.holding() == Holding::Whole);
        // Of a resource that has objects of its own, fields in somebody else's are no sign of life.
        let expected = wrote.keys().any(whole);
        let alive = if expected { live.keys().any(whole) } else { !live.is_empty() || wrote.is_empty() };
        Ok(alive.then(|| state::with_objects(&stored.state, &live)))
    }

    /// Everything in the id's namespace that says it belongs to the id, and the arguments that one of them carries.
    async fn find(call: Call<Context>, id: &str, out: &mut Diagnostics) -> Result<Stored, Reported> {
        let context = configured(&call, out)?;
        let Ok(mesh) = &context.mesh else {
            return Err(out.error(
                &Path::root(),
                "The provider isn't known yet",
                "Import needs known provider arguments.",
            ));
        };
        let namespace = id.rsplit_once('/').map_or(mesh.root_namespace.as_str(), |(namespace, _)| namespace);
        let limits = Limits::within(CHECKS_WITHIN, call.stop.clone());
        let resource = format!("{}/{id}", K::NAME);
        let mut found = Vec::new();
        for kind in kind::ALL.iter().copied().filter(|kind| kind.namespaced) {
            let label = format!("{}=true", ownership::MANAGED);
            let listed = match context.cluster.list(kind, namespace, &label, &limits).await {
                Ok(listed) => listed,
                Err(error) => return Err(explain(&error, Doing::Read, &Key::new(kind, namespace, ""), None, out)),
            };
            found.extend(
                listed
                    .into_iter()
                    .filter(|live| text(live, &["metadata", "annotations", ownership::RESOURCE]) == Some(&resource))
                    .filter_map(|live| Some((Key::new(kind, namespace, text(&live, &["metadata", "name"])?), live))),
            );
        }
        let said = |name: &str| {
            found.iter().find_map(|(_, live)| text(live, &["metadata", "annotations", name])).unwrap_or_default()
        };
        let arguments = state::restored(&K::Config::schema(), said(ownership::ARGUMENTS));
        let model = K::Config::decode(&arguments, &Path::root(), &mut Diagnostics::default());
        let noted = |(key, live): &(Key, Json)| {
            let uid = text(live, &["metadata", "uid"]).unwrap_or_default().to_owned();
            (key.to_string(), Noted { uid, stage: state::stage_of(&K::render(&model, mesh), key), fields: false })
        };
        let record = Record {
            id: id.to_owned(),
            instance: said(ownership::INSTANCE).to_owned(),
            owner: said(ownership::OWNER).to_owned(),
            objects: found.iter().map(noted).collect(),
            ..Record::default()
        };
        let outputs = if found.is_empty() { Value::Null } else { K::outputs(&model, mesh).encode() };
        let state = state::with(&arguments, outputs, Value::string(id), Value::Null);
        let state = self::schema::<K>().complete(&state::with_objects(&state, &BTreeMap::new()));
        Ok(Stored { state, private: record.write(), identity: Some(Self::identity_of(id)) })
    }
}

/// Arguments and outputs.
fn schema<K: Kind>() -> Schema {
    K::Config::schema().and(K::Outputs::schema()).and(Common::schema())
}

#[async_trait]
impl<K: Kind> Resource<Context> for Managed<K> {
    fn name(&self) -> &'static str {
        K::NAME
    }

    fn schema(&self) -> Schema {
        schema::<K>()
    }

    fn identity(&self) -> Option<Schema> {
        Some(state::identity_schema(K::IDENTITY))
    }

    fn validate(&self, config: &Value, out: &mut Diagnostics) {
        // Decoding the computed attributes finds those that are written.
        let _ = K::Outputs::decode(config, &Path::root(), out);
        let _ = Common::decode(config, &Path::root(), out);
        let model = K::Config::decode(config, &Path::root(), out);
        K::check(&model, out);
    }

    async fn plan(
        &self,
        call: Call<Context>,
        prior: Option<Stored>,
        config: Value,
        out: &mut Diagnostics,
    ) -> Result<Planned, Reported> {
        let context = configured(&call, out)?;
        let arguments = Self::arguments_of(&config);
        let model = K::Config::decode(&arguments, &Path::root(), out);
        out.sound()?;
        let planned = match &context.mesh {
            Ok(mesh) => {
                K::check_in_mesh(&model, mesh, out);
                out.sound()?;
                Self::planned(&arguments, &model, mesh)
            }
            Err(Unknown) => state::unknown(&arguments, &K::Outputs::schema()),
        };
        let requires_replace = prior
            .as_ref()
            .map(|prior| state::replaced(&K::Config::schema(), &prior.state, &arguments))
            .unwrap_or_default();
        let unchanged = prior.as_ref().is_some_and(|prior| prior.state == planned);
        if let (Ok(mesh), false, true) = (&context.mesh, unchanged, requires_replace.is_empty()) {
            Self::ask(&context, &model, mesh, prior.as_ref(), call.stop, out).await;
            out.sound()?;
        }
        let identity = match state::id(&planned) {
            id if id.is_empty() => None,
            id => Some(Self::identity_of(&id)),
        };
        let private = prior.map(|prior| prior.private).unwrap_or_default();
        Ok(Planned { after: Stored { state: planned, private, identity }, requires_replace })
    }

    async fn plan_delete(&self, _: Call<Context>, prior: Stored, _: &mut Diagnostics) -> Result<Vec<u8>, Reported> {
        Ok(prior.private)
    }

    async fn apply(&self, call: Call<Context>, prior: Option<Stored>, planned: Stored, _: Value) -> Outcome {
        let mut out = Diagnostics::default();
        let outcome = Self::write(call, prior.as_ref(), &planned, &mut out).await;
        Outcome { after: outcome.map_or(prior, |outcome| outcome.after), diagnostics: out }
    }

    async fn delete(&self, call: Call<Context>, prior: Stored, private: Vec<u8>) -> Outcome {
        let mut out = Diagnostics::default();
        let outcome = Self::remove(call, &prior, &private, &mut out).await;
        Outcome { after: outcome.map_or(Some(prior), |outcome| outcome.after), diagnostics: out }
    }

    async fn read(&self, call: Call<Context>, stored: Stored) -> Outcome {
        let mut out = Diagnostics::default();
        let after = match Self::refresh(call, &stored, &mut out).await {
            Ok(live) => live.map(|state| Stored { state, ..stored }),
            Err(_) => Some(stored),
        };
        Outcome { after, diagnostics: out }
    }

    async fn import(&self, call: Call<Context>, id: ImportId, out: &mut Diagnostics) -> Result<Stored, Reported> {
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
        if parts.len() != names.len() || parts.iter().any(|part| part.is_empty()) {
            let form = names.join("/");
            return Err(out.error(
                &Path::root(),
                "Invalid import id",
                format!("The id of {} is {form}; {id:?} isn't one.", K::NAME),
            ));
        }
        Self::find(call, &id, out).await
    }

    fn adopt(&self, foreign: Foreign, out: &mut Diagnostics) -> Result<Stored, Reported> {
        Err(out.error(
            &Path::root(),
            "This move is not supported",
            format!("{} of {} can't become {}. Remove it from the state (removed block with destroy = false), and delete the \
                     object or give the new resource another name.", foreign.kind, foreign.provider, K::NAME),
        ))
    }
}
