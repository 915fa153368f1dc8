//! Refresh: `objects` becomes what is there.

use serde_json::Value as Json;

use super::{Managed, configured};
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    engine::Record,
    kubernetes::Limits,
    object::{Holding, Key},
    plugin::offer::{Call, Stored},
    resources::{Context, Kind, context::OnUnreadable, state},
    schema::Value,
};

impl<K: Kind> Managed<K> {
    /// The state as it is now; `None`: it is gone.
    pub(super) async fn refresh(
        call: Call<Context>,
        stored: &Stored,
        out: &mut Diagnostics,
    ) -> Result<Option<Value>, Reported> {
        let context = configured(&call, out)?;
        let mut told = Diagnostics::default();
        let live = Self::look(&context, &call, stored, &mut told).await;
        if live.is_err() && context.on_unreadable == OnUnreadable::Warn {
            for error in told.iter() {
                let detail =
                    format!("{}\nThe plan goes on with what the state says (on_unreadable = \"warn\").", error.detail);
                out.warn(&Path::root(), error.summary.clone(), detail);
            }
            return Ok(Some(stored.state.clone()));
        }
        out.extend(told);
        live
    }

    async fn look(
        context: &Context,
        call: &Call<Context>,
        stored: &Stored,
        out: &mut Diagnostics,
    ) -> Result<Option<Value>, Reported> {
        let record = Record::read(&stored.private);
        let claim = Self::claim(&state::id(&stored.state), "", &record);
        let limits = Limits::within(K::timeouts(&Self::model_of(&stored.state)).read, call.stop.clone());
        let engine = context.engine(&claim, &record, limits);
        engine.same_cluster(out).await?;
        let noted = record.keys();
        let mut wrote = state::live(&stored.state);
        for key in noted.keys() {
            wrote.entry(key.clone()).or_insert(Json::Null);
        }
        let live = engine.read(&wrote, out).await?;
        let whole = |key: &Key| noted.get(key).is_none_or(|noted| noted.holding() == Holding::Whole);
        // Fields in somebody else's object are no sign of life: each resource has objects of its own.
        let alive = live.keys().any(whole);
        Ok(alive.then(|| state::with_objects(&stored.state, &live)))
    }
}
