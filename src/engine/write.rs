//! One write: an apply, a delete, a release. Each is decided anew when somebody else was faster, and journalled.

use std::{sync::Arc, time::Duration};

use serde_json::{Value as Json, json};

use super::{
    drift::{differences, is_unmanaged, owned_fields, released, take, take_written},
    journal::{Journal, JournalEntry},
    namespace_contents::Admitted,
    ownership::{Ownership, classify, is_stamped, stamped},
    plan::{absent, in_the_way},
    record::RecordedObject,
    writer::Writer,
};
use crate::{
    diagnostics::{Diagnostics, Path},
    json_path::{at, set, text},
    kubernetes::{ApplyOptions, Error, Freshness},
    object::{FieldOwnership, Key, ManagementScope, Object},
};

/// How often a write that met a change of somebody else is decided anew.
pub(super) const MAX_CONFLICT_RETRIES: usize = 5;
/// How long an apply waits for a namespace or a CRD that comes up in the same run.
const COMES_UP_WITHIN: Duration = Duration::from_secs(30);

/// What is to be applied.
pub(super) struct Target<'a> {
    /// The wanted object.
    pub(super) object: &'a Object,
    /// What is written of it now: a step on the way to it has a body of its own.
    pub(super) body: &'a Json,
    /// It carries the arguments.
    pub(super) is_anchor: bool,
    /// What earlier applies noted of it.
    pub(super) noted: Option<&'a RecordedObject>,
}

impl Writer<'_> {
    /// Server-side apply.
    pub(super) async fn put(
        &self,
        target: &Target<'_>,
        live: Option<Arc<Json>>,
        journal: &Journal,
        out: &mut Diagnostics,
    ) -> Result<(), Error> {
        let Target { object, noted, .. } = *target;
        let mut live = live;
        let mut waited = Duration::ZERO;
        for round in 1.. {
            if object.scope == ManagementScope::Fields && live.is_none() {
                // It went since it was read, and it isn't ours to make.
                absent(object, out);
                return Ok(());
            }
            if let Some(live) = live.as_deref()
                && let Some(who) = self.refuses(object, live, noted)
            {
                // It came between our reading and our writing.
                in_the_way(object, &who, out);
                return Ok(());
            }
            let whose = live.as_deref().map(|live| classify(live, self.identity, noted));
            let adopting = object.scope == ManagementScope::Whole && matches!(whose, Some(Ownership::Other(_)));
            let coming = adopting || noted.is_some_and(|noted| noted.moved);
            match self.put_once(target, live.as_deref(), coming).await {
                Ok(applied) => {
                    let owned = owned_fields(&applied, Some(&object.body), &object.key);
                    mutated(&owned, target.body, &object.key, out);
                    let adopted = adopting || noted.is_some_and(|noted| noted.is_adopted(object.scope));
                    journal.insert(&object.key, JournalEntry::written(&applied, owned, object, adopted));
                    return Ok(());
                }
                Err(error) if error.is_stale() && round < MAX_CONFLICT_RETRIES && !error.is_field_conflict() => {}
                Err(error) if error.is_missing_prerequisite() && live.is_none() && waited < COMES_UP_WITHIN => {
                    let pause = Duration::from_secs(1);
                    self.reader.deadline.sleep(pause).await?;
                    waited += pause;
                }
                Err(error) => return Err(error),
            }
            live = self.reader.cluster.get(&object.key, Freshness::Now, &self.reader.deadline).await?;
        }
        Ok(())
    }

    /// Who has the object, where we may not write it: somebody else, unless we take it over; where we only want some fields,
    /// another resource of this provider, since an apply would take the others from it.
    pub(super) fn refuses(&self, object: &Object, live: &Json, noted: Option<&RecordedObject>) -> Option<String> {
        let in_the_way = match object.scope {
            ManagementScope::Whole => !self.identity.takeover.adopt_existing,
            ManagementScope::Fields => is_stamped(live),
        };
        match classify(live, self.identity, noted) {
            Ownership::Other(who) if in_the_way => Some(who),
            _ => None,
        }
    }

    async fn put_once(&self, target: &Target<'_>, live: Option<&Json>, coming: bool) -> Result<Json, Error> {
        let object = target.object;
        let mut body = match object.scope {
            ManagementScope::Whole => stamped(target.body, self.identity, target.is_anchor),
            ManagementScope::Fields => target.body.clone(),
        };
        if let Some(live) = live {
            let live = self.taken(object, &body, live.clone(), coming).await?;
            set(&mut body, &["metadata", "resourceVersion"], at(&live, &["metadata", "resourceVersion"]).clone());
            if object.scope == ManagementScope::Fields {
                pin_uid(&mut body, &live);
            }
        }
        let how = ApplyOptions { dry_run: false, force: self.force_conflicts };
        Ok(self.reader.cluster.apply(&object.key, &body, how, &self.reader.deadline).await?.object)
    }

    /// The live object once every field in our territory is ours alone. Values don't change, only who has them. In shared
    /// kinds that is only done as an object becomes ours (`coming`). One that is ours no more, but for some fields, is let go.
    async fn taken(&self, object: &Object, body: &Json, mut live: Json, coming: bool) -> Result<Json, Error> {
        let key = &object.key;
        let patch = match (object.scope, key.kind.field_ownership) {
            (ManagementScope::Whole, FieldOwnership::Exclusive) => {
                if is_unmanaged(&live) {
                    // Nobody is on record: a forced apply makes the server note a manager, whom the take absorbs.
                    let how = ApplyOptions { dry_run: false, force: true };
                    live = self.reader.cluster.apply(key, body, how, &self.reader.deadline).await?.object;
                }
                take(&live, body, key)
            }
            (ManagementScope::Whole, FieldOwnership::Shared) if coming => take_written(&live, body, key),
            // It was ours as a whole: an apply of some fields would empty it of the others.
            (ManagementScope::Fields, _) if is_stamped(&live) => Some(released(&live)),
            _ => None,
        };
        match patch {
            Some(patch) => Ok(self.reader.cluster.patch(key, &patch, false, &self.reader.deadline).await?.object),
            None => Ok(live),
        }
    }

    /// A delete of ours, or giving back what was lent or adopted.
    pub(super) async fn remove(
        &self,
        key: &Key,
        noted: &RecordedObject,
        live: Option<Arc<Json>>,
        journal: &Journal,
        out: &mut Diagnostics,
    ) -> Result<(), Error> {
        let mut live = live;
        for round in 1.. {
            let Some(found) = live else { break };
            if self.would_go(key, noted, &found) && !self.vacant(key, Admitted::Nothing, out).await {
                return Ok(());
            }
            let result = match (noted.scope(), classify(&found, self.identity, Some(noted))) {
                // Whoever has it as a whole by now has what was lent, too.
                (ManagementScope::Fields, _) if is_stamped(&found) => Ok(()),
                (ManagementScope::Fields, _) => self.give_back(key, &found).await,
                (ManagementScope::Whole, Ownership::Ours) => self.let_go(key, noted, &found).await,
                // Of an earlier life, or without a record (state surgery): the owner alone has to do.
                (ManagementScope::Whole, Ownership::OtherInstance)
                    if noted.inherited || self.identity.instance.is_empty() =>
                {
                    self.let_go(key, noted, &found).await
                }
                (ManagementScope::Whole, Ownership::OtherInstance) => {
                    // A newer life of the same resource has it: that is how create_before_destroy ends.
                    tracing::info!(object = %key, "left to a newer resource of the same name");
                    Ok(())
                }
                (ManagementScope::Whole, Ownership::Other(_)) if noted.inherited => Ok(()),
                (ManagementScope::Whole, Ownership::Other(who)) => {
                    kept(key, &who, out);
                    Ok(())
                }
            };
            match result {
                Ok(()) => break,
                Err(error) if error.is_stale() && round < MAX_CONFLICT_RETRIES => {}
                Err(error) => return Err(error),
            }
            live = self.reader.cluster.get(key, Freshness::Now, &self.reader.deadline).await?;
        }
        journal.insert(key, JournalEntry::Removed);
        Ok(())
    }

    /// Ours goes; what is left to somebody else stays as it is, and of shared kinds what we only adopted, or never wrote.
    pub(super) async fn let_go(&self, key: &Key, noted: &RecordedObject, live: &Json) -> Result<(), Error> {
        let borrowed = (noted.adopted || noted.moved) && key.kind.field_ownership == FieldOwnership::Shared;
        if borrowed || self.identity.takeover.unmanaged_kinds.contains(&key.kind) {
            return self.reader.cluster.patch(key, &released(live), false, &self.reader.deadline).await.map(|_| ());
        }
        let said = |name: &str| text(live, &["metadata", name]).unwrap_or_default().to_owned();
        let (uid, version) = (said("uid"), said("resourceVersion"));
        let left = if at(live, &["metadata", "deletionTimestamp"]).is_null() {
            self.reader.cluster.delete(key, &uid, &version, &self.reader.deadline).await?.map(Arc::new)
        } else {
            // Whoever asked first, it goes; asking again is a conflict where it is a Namespace.
            Some(Arc::new(live.clone()))
        };
        let mut held = left.filter(|object| !finalizers(object).is_empty());
        while let Some(object) = held {
            self.reader.deadline.sleep(Duration::from_millis(500)).await.map_err(|error| match error {
                Error::TimedOut(_) => Error::TimedOut(format!(
                    "it is being deleted, but its finalizers aren't done: {}{}",
                    finalizers(&object).join(", "),
                    remains(&object)
                )),
                other => other,
            })?;
            let live = self.reader.cluster.get(key, Freshness::Now, &self.reader.deadline).await?;
            held = live.filter(|live| text(live, &["metadata", "uid"]) == Some(&uid));
        }
        Ok(())
    }

    /// An apply of the bare identity: the server prunes what we had.
    async fn give_back(&self, key: &Key, live: &Json) -> Result<(), Error> {
        let mut body = json!({
            "apiVersion": key.kind.api_version(), "kind": key.kind.kind,
            "metadata": {
                "name": key.name,
                "uid": at(live, &["metadata", "uid"]),
                "resourceVersion": at(live, &["metadata", "resourceVersion"]),
            },
        });
        if let Some(namespace) = &key.namespace {
            set(&mut body, &["metadata", "namespace"], json!(namespace));
        }
        self.reader.cluster.apply(key, &body, ApplyOptions::default(), &self.reader.deadline).await.map(|_| ())
    }
}

/// Who has to agree before it is gone. A Namespace has finalizers in its spec, too.
fn finalizers(object: &Json) -> Vec<&str> {
    let all = [&["metadata", "finalizers"], &["spec", "finalizers"]];
    all.iter().flat_map(|path| at(object, *path).as_array().into_iter().flatten()).filter_map(Json::as_str).collect()
}

/// What a Namespace that is on its way says of what keeps it.
fn remains(object: &Json) -> String {
    let conditions = at(object, &["status", "conditions"]).as_array().into_iter().flatten();
    let holding = conditions.filter(|condition| at(condition, &["status"]) == "True");
    let messages = holding.filter_map(|condition| text(condition, &["message"]));
    std::iter::once("").chain(messages).collect::<Vec<_>>().join("; ")
}

/// An apply would create what isn't there; with a uid the server refuses instead.
pub(super) fn pin_uid(body: &mut Json, live: &Json) {
    set(body, &["metadata", "uid"], at(live, &["metadata", "uid"]).clone());
}

/// Something between us and the store (a mutating webhook, a policy) changed what we wrote: every plan will show it.
pub(super) fn mutated(owned: &Json, wanted: &Json, key: &Key, out: &mut Diagnostics) {
    let fields = differences(owned, wanted);
    if !fields.is_empty() {
        out.warn(
            &Path::root(),
            format!("The cluster changes {} as it is written", key.kind.kind),
            format!(
                "{key}: {} came back other than it was sent, so a mutating webhook or policy of the cluster has its own idea \
                 of it, and every plan will show the difference. Exempt objects with the label \
                 terraform-provider-mesh/managed from it, or write what it wants.",
                fields.join(", ")
            ),
        );
    }
}

fn kept(key: &Key, why: &str, out: &mut Diagnostics) {
    out.warn(&Path::root(), format!("{} was left in place", key.kind.kind), format!("{key} was not deleted: {why}."));
}
