//! Writes: reads again, decides, applies wave by wave, and journals each write as it happens.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::FutureExt;
use serde_json::{Value as Json, json};

use super::{
    Engine, Entry, Journal,
    drift::{is_unmanaged, project, take},
    ownership::{Whose, anchor, is_current, stamped, whose},
    plan::{absent, in_the_way},
    record::Noted,
    schedule::{Live, Wave, Write, schedule},
    side_by_side,
};
use crate::{
    diagnostics::{Diagnostics, Path},
    kubernetes::{
        Apply, Error, Freshness,
        errors::{Doing, explain},
    },
    object::{Holding, Key, Object, Stage, Territory},
    tree::{at, set, text},
};

/// How often a write that met a change of somebody else is decided anew.
const MOST_ROUNDS: usize = 5;
/// How long an apply waits for a namespace or a CRD that comes up in the same run.
const COMES_UP_WITHIN: Duration = Duration::from_secs(30);

/// What an apply knows of the set it writes.
struct Set<'a> {
    wanted: BTreeMap<&'a Key, &'a Object>,
    noted: BTreeMap<Key, Noted>,
    anchor: Option<&'a Key>,
}

/// What is known of an object before a write.
enum Seen {
    /// Read by this apply.
    Fresh(Option<Arc<Json>>),
    /// Written by it since.
    Stale,
}

impl Engine<'_> {
    /// Makes the cluster hold exactly `wanted` of this resource. What earlier applies noted and isn't wanted any more goes,
    /// after everything else.
    pub async fn apply(&self, wanted: &[Object], journal: &Journal, out: &mut Diagnostics) {
        let set = Set {
            wanted: wanted.iter().map(|object| (&object.key, object)).collect(),
            noted: self.record.keys(),
            anchor: anchor(wanted.iter().filter(|o| o.holding == Holding::Whole).map(|object| &object.key)),
        };
        let keys = set.noted.keys().chain(set.wanted.keys().copied());
        let Ok(found) = self.fetch(keys, Freshness::Now, out).await else { return };
        let (mut live, mut writable) = (BTreeMap::new(), Vec::new());
        for object in wanted {
            let found = found.get(&object.key);
            match (object.holding, found) {
                (Holding::Fields, None) => {
                    absent(object, out);
                    continue;
                }
                (Holding::Whole, Some(found)) => {
                    if let Whose::Other(who) = whose(found, self.claim, self.record.uid(&object.key)) {
                        in_the_way(object, &who, out);
                    }
                }
                _ => {}
            }
            if let Some(found) = found {
                live.insert(object.key.clone(), self.seen(object, found, set.anchor == Some(&object.key), journal));
            }
            writable.push(object.clone());
        }
        if out.sound().is_err() {
            return;
        }
        let gone = set
            .noted
            .iter()
            .filter(|(key, _)| !set.wanted.contains_key(key))
            .map(|(key, noted)| (key.clone(), noted.stage()));
        let waves = schedule(&writable, &live, &gone.collect());
        self.run(&waves, &set, &found, journal, out).await;
    }

    /// Deletes what was noted; gives back what was lent. Objects that aren't ours (any more) are left, with a warning.
    pub async fn delete(&self, noted: &BTreeMap<Key, Noted>, journal: &Journal, out: &mut Diagnostics) {
        let set = Set { wanted: BTreeMap::new(), noted: noted.clone(), anchor: None };
        let gone = noted.iter().map(|(key, noted)| (key.clone(), noted.stage())).collect();
        let waves = schedule(&[], &BTreeMap::new(), &gone);
        let Ok(found) = self.fetch(noted.keys(), Freshness::Now, out).await else { return };
        self.run(&waves, &set, &found, journal, out).await;
    }

    /// What is live of a wanted object. It is noted, too: what needs no write is part of the state like what does.
    fn seen(&self, object: &Object, found: &Json, is_anchor: bool, journal: &Journal) -> Live {
        let owned = project(found, Some(&object.body), &object.key);
        let current = match object.holding {
            Holding::Fields => true,
            Holding::Whole => {
                is_current(found, self.claim, is_anchor) && take(found, &object.body, &object.key).is_none()
            }
        };
        if owned == object.body && current {
            journal.note(&object.key, written(found, owned.clone(), object.stage, object.holding));
        }
        Live { owned, current }
    }

    async fn run(
        &self,
        waves: &[Wave],
        set: &Set<'_>,
        found: &BTreeMap<Key, Arc<Json>>,
        journal: &Journal,
        out: &mut Diagnostics,
    ) {
        // Only the first write of a key may rely on what was read; a later one (make before break) reads again.
        let mut fresh = found.clone();
        for wave in waves {
            let work = wave.writes.iter().map(|write| {
                let seen = match fresh.remove(write.key()) {
                    None if found.contains_key(write.key()) => Seen::Stale,
                    live => Seen::Fresh(live),
                };
                self.perform(write, seen, set, journal).boxed()
            });
            for told in side_by_side(work.collect()).await {
                out.extend(told);
            }
            if out.sound().is_err() {
                return;
            }
            if !wave.settle.is_zero()
                && let Err(error) = self.limits.pause(wave.settle).await
                && let Some(key) = set.anchor
            {
                explain(&error, Doing::Apply, key, None, out);
                return;
            }
        }
    }

    async fn perform(&self, write: &Write, seen: Seen, set: &Set<'_>, journal: &Journal) -> Diagnostics {
        let mut out = Diagnostics::default();
        let key = write.key();
        let object = set.wanted.get(key).copied();
        let live = match seen {
            Seen::Fresh(live) => Ok(live),
            Seen::Stale => self.cluster.get(key, Freshness::Now, &self.limits).await,
        };
        let (doing, result) = match (write, object, live) {
            (Write::Apply { .. }, _, Err(error)) => (Doing::Apply, Err(error)),
            (Write::Remove { .. }, _, Err(error)) => (Doing::Delete, Err(error)),
            (Write::Apply { body, .. }, Some(object), Ok(live)) => {
                (Doing::Apply, self.put(object, body, live, set.anchor == Some(key), journal).await)
            }
            (Write::Apply { .. }, None, Ok(_)) => (Doing::Apply, Ok(())),
            (Write::Remove { .. }, _, Ok(live)) => {
                let holding = set.noted.get(key).map_or(Holding::Whole, Noted::holding);
                (Doing::Delete, self.remove(key, holding, live, journal, &mut out).await)
            }
        };
        if let Err(error) = result {
            explain(&error, doing, key, object, &mut out);
        }
        out
    }

    /// One apply, decided anew when somebody else was faster.
    async fn put(
        &self,
        object: &Object,
        body: &Json,
        live: Option<Arc<Json>>,
        is_anchor: bool,
        journal: &Journal,
    ) -> Result<(), Error> {
        let mut live = live;
        let mut waited = Duration::ZERO;
        for round in 1.. {
            match self.put_once(object, body, live.as_deref(), is_anchor, journal).await {
                Err(error) if error.stale() && round < MOST_ROUNDS && !is_field_conflict(&error) => {}
                Err(error) if error.may_come_yet() && live.is_none() && waited < COMES_UP_WITHIN => {
                    let pause = Duration::from_secs(1);
                    self.limits.pause(pause).await?;
                    waited += pause;
                }
                result => return result,
            }
            live = self.cluster.get(&object.key, Freshness::Now, &self.limits).await?;
        }
        Ok(())
    }

    async fn put_once(
        &self,
        object: &Object,
        body: &Json,
        live: Option<&Json>,
        is_anchor: bool,
        journal: &Journal,
    ) -> Result<(), Error> {
        let key = &object.key;
        let mut body = match object.holding {
            Holding::Whole => stamped(body, self.claim, is_anchor),
            Holding::Fields => body.clone(),
        };
        if let Some(live) = live {
            let live = self.taken(object, &body, live.clone()).await?;
            set(&mut body, &["metadata", "resourceVersion"], at(&live, &["metadata", "resourceVersion"]).clone());
            if object.holding == Holding::Fields {
                // An apply would create what isn't there; with a uid the server refuses instead.
                set(&mut body, &["metadata", "uid"], at(&live, &["metadata", "uid"]).clone());
            }
        }
        let applied = self.cluster.apply(key, &body, Apply::default(), &self.limits).await?;
        let owned = project(&applied.object, Some(&object.body), key);
        journal.note(key, written(&applied.object, owned, object.stage, object.holding));
        Ok(())
    }

    /// The live object once every field in our territory is ours alone. Values don't change, only who has them.
    async fn taken(&self, object: &Object, body: &Json, mut live: Json) -> Result<Json, Error> {
        let key = &object.key;
        if object.holding == Holding::Whole && key.kind.territory == Territory::Exclusive {
            if is_unmanaged(&live) {
                // Nobody is on record: a forced apply makes the server note a manager, whom the take absorbs.
                live = self.cluster.apply(key, body, Apply { dry_run: false, force: true }, &self.limits).await?.object;
            }
            if let Some(patch) = take(&live, body, key) {
                live = self.cluster.patch(key, &patch, false, &self.limits).await?.object;
            }
        }
        Ok(live)
    }

    /// One removal: a delete of ours, or giving back the fields of somebody else's.
    async fn remove(
        &self,
        key: &Key,
        holding: Holding,
        live: Option<Arc<Json>>,
        journal: &Journal,
        out: &mut Diagnostics,
    ) -> Result<(), Error> {
        let mut live = live;
        for round in 1.. {
            let Some(found) = live else {
                journal.note(key, Entry::Gone);
                return Ok(());
            };
            let result = match holding {
                Holding::Fields => self.give_back(key, &found).await,
                Holding::Whole => match whose(&found, self.claim, self.record.uid(key)) {
                    Whose::Ours => self.delete_one(key, &found).await,
                    // Without a record (state surgery) the owner alone has to do.
                    Whose::OtherLife if self.claim.instance.is_empty() => self.delete_one(key, &found).await,
                    Whose::OtherLife => {
                        kept(key, "another address or a newer resource of the same name has it now", out);
                        Ok(())
                    }
                    Whose::Other(who) => {
                        kept(key, &who, out);
                        Ok(())
                    }
                },
            };
            match result {
                Ok(()) => {
                    journal.note(key, Entry::Gone);
                    return Ok(());
                }
                Err(error) if error.stale() && round < MOST_ROUNDS => {}
                Err(error) => return Err(error),
            }
            live = self.cluster.get(key, Freshness::Now, &self.limits).await?;
        }
        Ok(())
    }

    async fn delete_one(&self, key: &Key, live: &Json) -> Result<(), Error> {
        let said = |name: &str| text(live, &["metadata", name]).unwrap_or_default().to_owned();
        let (uid, version) = (said("uid"), said("resourceVersion"));
        let left = self.cluster.delete(key, &uid, &version, &self.limits).await?;
        let finalizers =
            |object: &Json| at(object, &["metadata", "finalizers"]).as_array().is_some_and(|f| !f.is_empty());
        let mut held = left.filter(finalizers).map(Arc::new);
        while let Some(object) = held {
            self.limits.pause(Duration::from_millis(500)).await.map_err(|error| match error {
                Error::TimedOut(_) => Error::TimedOut(format!(
                    "it is being deleted, but its finalizers aren't done: {}",
                    at(&object, &["metadata", "finalizers"])
                )),
                other => other,
            })?;
            let live = self.cluster.get(key, Freshness::Now, &self.limits).await?;
            held = live.filter(|live| text(live, &["metadata", "uid"]) == Some(&uid));
        }
        Ok(())
    }

    /// An apply of the bare identity: the server prunes what we had.
    async fn give_back(&self, key: &Key, live: &Json) -> Result<(), Error> {
        let mut body = json!({
            "apiVersion": key.kind.api_version(), "kind": key.kind.kind,
            "metadata": { "name": key.name, "uid": at(live, &["metadata", "uid"]), "resourceVersion": at(live, &["metadata", "resourceVersion"]) },
        });
        if let Some(namespace) = &key.namespace {
            set(&mut body, &["metadata", "namespace"], json!(namespace));
        }
        self.cluster.apply(key, &body, Apply::default(), &self.limits).await.map(|_| ())
    }
}

fn written(object: &Json, owned: Json, stage: Stage, holding: Holding) -> Entry {
    Entry::Written { uid: text(object, &["metadata", "uid"]).unwrap_or_default().to_owned(), owned, stage, holding }
}

fn is_field_conflict(error: &Error) -> bool {
    error
        .status()
        .is_some_and(|status| status.details.causes.iter().any(|cause| cause.reason == "FieldManagerConflict"))
}

fn kept(key: &Key, why: &str, out: &mut Diagnostics) {
    out.warn(&Path::root(), format!("{} was left in place", key.kind.kind), format!("{key} was not deleted: {why}."));
}
