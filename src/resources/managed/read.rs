//! Refresh: the attribute `objects` becomes what the cluster has.

use std::{collections::BTreeSet, time::Duration};

use serde_json::Value as Json;

use super::{
    Managed,
    desired::{Desired, decode_state},
    import::imported_record,
    recorded_resource::annotation_of,
};
use crate::{
    diagnostics::{Diagnostic, Diagnostics, Path, Reported, Severity},
    engine::Record,
    kubernetes::Deadline,
    object::{Key, ManagementScope, annotation},
    plugin::interface::{Call, ResourceState},
    resources::{Context, OnUnreadable, ResourceType, configured_context, state},
    schema::{Value, model::Model},
};

const UNKNOWN_CONNECTION: &str = "The cluster connection isn't known yet";
const UNKNOWN_CONNECTION_DETAIL: &str = "Arguments of the provider \"mesh\" come from resources that aren't applied yet, so the plan \
    goes on with what the state says. The apply reads the objects before it writes them. To plan with live objects, apply those \
    resources first (-target), or write known values.";

impl<R: ResourceType> Managed<R> {
    /// The state with the live objects, and the record; `None` where the resource doesn't exist any more. Where reading fails,
    /// `on_unreadable` decides whether that is an error, and the state stays as it is.
    pub(super) async fn refresh(
        call: Call<Context>,
        stored: &ResourceState,
        out: &mut Diagnostics,
    ) -> Result<Option<(Value, Record)>, Reported> {
        let context = configured_context(&call, out)?;
        let record = Record::of_state(&stored.private, &state::id(&stored.state));
        // Such a run changes what the connection comes from, so it isn't a drift report that `on_unreadable` would have to fail.
        if context.cluster.is_unknown() {
            if context.reported.insert(UNKNOWN_CONNECTION) {
                out.warn(&Path::root(), UNKNOWN_CONNECTION, UNKNOWN_CONNECTION_DETAIL);
            }
            return Ok(Some((stored.state.clone(), record)));
        }
        if context.reader(&Record::default(), Deadline::within(Duration::ZERO, call.stop.clone())).is_known_unanswered()
        {
            return Ok(Some((stored.state.clone(), record)));
        }
        let mut diagnostics = Diagnostics::default();
        if let Ok(state) = Self::read_state(&context, &call, stored, &mut diagnostics).await {
            out.extend(diagnostics);
            let Some(state) = state else { return Ok(None) };
            let recovered = Self::recovered_record(&context, &call, stored, &record).await;
            return Ok(Some((state, recovered.unwrap_or(record))));
        }
        // A run without a reachable cluster reports so once, not once for each resource.
        for Diagnostic { severity, summary, detail, .. } in diagnostics {
            if !context.reported.insert(&detail) {
                continue;
            }
            match (severity, context.on_unreadable) {
                (Severity::Error, OnUnreadable::Error) => drop(out.error(&Path::root(), summary, detail)),
                (Severity::Error, OnUnreadable::Warn) => {
                    let consequence = "The plan goes on with what the state says (on_unreadable = \"warn\").";
                    out.warn(&Path::root(), summary, format!("{detail}\n{consequence}"));
                }
                (Severity::Warning, _) => out.warn(&Path::root(), summary, detail),
            }
        }
        Ok(Some((stored.state.clone(), record)))
    }

    /// The record that the annotations of the live objects give, where the state has none. Core stores no private data where the
    /// provider is killed in an update, and a delete of objects that aren't desired any more goes by the record.
    async fn recovered_record(
        context: &Context,
        call: &Call<Context>,
        stored: &ResourceState,
        record: &Record,
    ) -> Option<Record> {
        let (Ok(mesh), Ok(owner)) = (&context.mesh, &context.owner) else { return None };
        if !record.instance.is_empty() || !record.objects.is_empty() {
            return None;
        }
        let desired: Desired<R> = Desired::of(decode_state(&stored.state), mesh);
        let deadline = Deadline::within(desired.arguments.timeouts().read, call.stop.clone());
        let keys = state::objects(&stored.state);
        let reader = context.reader(record, deadline);
        let live = reader.objects_of_resource(keys.keys(), owner, &Self::resource(&record.id)).await;
        let instances: BTreeSet<&str> =
            live.iter().map(|(_, live)| annotation_of(live, annotation::INSTANCE)).collect();
        (instances.len() == 1).then(|| imported_record(&record.id, &desired, &live))
    }

    async fn read_state(
        context: &Context,
        call: &Call<Context>,
        stored: &ResourceState,
        out: &mut Diagnostics,
    ) -> Result<Option<Value>, Reported> {
        let record = Record::decode(&stored.private);
        let deadline = Deadline::within(decode_state::<R>(&stored.state).timeouts().read, call.stop.clone());
        let reader = context.reader(&record, deadline);
        reader.check_cluster_identity(out).await?;
        let recorded = record.recorded_objects();
        let mut objects = state::objects(&stored.state);
        for key in recorded.keys() {
            objects.entry(key.clone()).or_insert(Json::Null);
        }
        let live = reader.read(&objects, out).await?;
        // Fields in an object of another tool don't prove that the resource exists, unless it has no objects of its own.
        let is_whole = |key: &Key| recorded.get(key).is_none_or(|object| object.scope() == ManagementScope::Whole);
        let exists = if objects.keys().any(is_whole) { live.keys().any(is_whole) } else { !live.is_empty() };
        let state = state::with_objects(&stored.state, &live);
        Ok(exists.then(|| match &context.mesh {
            Ok(mesh) => state::with_missing_outputs(&state, decode_state::<R>(&state).outputs(mesh).encode()),
            Err(_) => state,
        }))
    }
}
