//! Refresh: `objects` becomes what is there.

use serde_json::Value as Json;

use super::{Managed, configured, desired::decode_state};
use crate::{
    diagnostics::{Diagnostic, Diagnostics, Path, Reported, Severity},
    engine::Record,
    kubernetes::Deadline,
    object::{Key, ManagementScope},
    plugin::interface::{Call, ResourceState},
    resources::{Context, ResourceType, context::OnUnreadable, state},
    schema::{Value, model::Model},
};

impl<R: ResourceType> Managed<R> {
    /// The state as it is now; `None`: it is gone.
    pub(super) async fn refresh(
        call: Call<Context>,
        stored: &ResourceState,
        out: &mut Diagnostics,
    ) -> Result<Option<Value>, Reported> {
        let context = configured(&call, out)?;
        let mut told = Diagnostics::default();
        let live = Self::look(&context, &call, stored, &mut told).await;
        if live.is_ok() {
            out.extend(told);
            return live;
        }
        // A run that fails for want of a cluster says so once, not once for each resource.
        for Diagnostic { severity, summary, detail, .. } in told {
            if !context.reported.insert(&detail) {
                continue;
            }
            match (severity, context.on_unreadable) {
                (Severity::Error, OnUnreadable::Error) => drop(out.error(&Path::root(), summary, detail)),
                (Severity::Error, OnUnreadable::Warn) => {
                    let on = "The plan goes on with what the state says (on_unreadable = \"warn\").";
                    out.warn(&Path::root(), summary, format!("{detail}\n{on}"));
                }
                (Severity::Warning, _) => out.warn(&Path::root(), summary, detail),
            }
        }
        Ok(Some(stored.state.clone()))
    }

    async fn look(
        context: &Context,
        call: &Call<Context>,
        stored: &ResourceState,
        out: &mut Diagnostics,
    ) -> Result<Option<Value>, Reported> {
        let record = Record::decode(&stored.private);
        let limits = Deadline::within(decode_state::<R>(&stored.state).timeouts().read, call.stop.clone());
        let reader = context.reader(&record, limits);
        reader.check_cluster_identity(out).await?;
        let noted = record.recorded_objects();
        let mut wrote = state::live(&stored.state);
        for key in noted.keys() {
            wrote.entry(key.clone()).or_insert(Json::Null);
        }
        let live = reader.read(&wrote, out).await?;
        let whole = |key: &Key| noted.get(key).is_none_or(|noted| noted.scope() == ManagementScope::Whole);
        // Fields in somebody else's object are no sign of life where the resource has objects of its own.
        let alive = if wrote.keys().any(whole) { live.keys().any(whole) } else { !live.is_empty() };
        let state = state::with_objects(&stored.state, &live);
        Ok(alive.then(|| match &context.mesh {
            Ok(mesh) => state::completed(&state, decode_state::<R>(&state).outputs(mesh).encode()),
            Err(_) => state,
        }))
    }
}
