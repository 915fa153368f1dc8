//! Reads again, decides, and writes wave by wave.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::FutureExt;
use serde_json::Value as Json;

use super::{
    drift::{owned_fields, take},
    journal::{Journal, JournalEntry},
    ownership::{Ownership, anchor, classify, is_current},
    plan::{absent, in_the_way},
    record::RecordedObject,
    run_bounded::run_bounded,
    schedule::{Live, Wave, Write, schedule},
    write::Target,
    writer::Writer,
};
use crate::{
    diagnostics::Diagnostics,
    kubernetes::{
        Freshness,
        error_report::{ApiOperation, report_error},
    },
    object::{Key, ManagementScope, Object},
};

/// What an apply knows of the set it writes.
struct Set<'a> {
    wanted: BTreeMap<&'a Key, &'a Object>,
    noted: BTreeMap<Key, RecordedObject>,
    anchor: Option<&'a Key>,
}

/// What is known of an object before a write.
enum Seen {
    /// Read by this apply.
    Fresh(Option<Arc<Json>>),
    /// Written by it since.
    Stale,
}

impl Writer<'_> {
    /// Makes the cluster hold exactly `wanted` of this resource. What was noted and isn't wanted any more goes, after
    /// everything else. `out` has no error yet.
    pub async fn apply(&self, wanted: &[Object], journal: &Journal, out: &mut Diagnostics) {
        let set = Set {
            wanted: wanted.iter().map(|object| (&object.key, object)).collect(),
            noted: self.reader.record.recorded_objects(),
            anchor: anchor(wanted.iter().filter(|o| o.scope == ManagementScope::Whole).map(|object| &object.key)),
        };
        let Ok(found) = self.look(&set, out).await else { return };
        let (mut live, mut writable) = (BTreeMap::new(), Vec::new());
        for object in wanted {
            let found = found.get(&object.key);
            match (object.scope, found) {
                (ManagementScope::Fields, None) => {
                    absent(object, out);
                    continue;
                }
                (_, Some(found)) => {
                    if let Some(who) = self.refuses(object, found, set.noted.get(&object.key)) {
                        in_the_way(object, &who, out);
                    }
                }
                _ => {}
            }
            if let Some(found) = found {
                live.insert(object.key.clone(), self.seen(object, found, &set, journal));
            }
            writable.push(object.clone());
        }
        if out.has_errors() {
            return;
        }
        let unwanted = set.noted.iter().filter(|(key, _)| !set.wanted.contains_key(key));
        let gone = unwanted.map(|(key, noted)| (key.clone(), noted.deletion())).collect();
        self.run(&schedule(&writable, &live, &gone), &set, &found, journal, out).await;
        if !out.has_errors() {
            self.displace(out).await;
        }
    }

    /// Deletes what was noted; gives back what was lent. Objects that aren't ours (any more) are left, with a warning. Where
    /// a newer life of the resource has begun and isn't `settled`, nothing is touched, nor journalled: that life goes on
    /// with what is there.
    pub async fn delete(
        &self,
        noted: &BTreeMap<Key, RecordedObject>,
        settled: bool,
        journal: &Journal,
        out: &mut Diagnostics,
    ) {
        let mut noted = noted.clone();
        if settled {
            // Whatever was inherited and is still wanted says so by now.
            for noted in noted.values_mut() {
                noted.inherited = false;
            }
        }
        let gone = noted.iter().map(|(key, noted)| (key.clone(), noted.deletion())).collect();
        let set = Set { wanted: BTreeMap::new(), noted, anchor: None };
        let Ok(found) = self.look(&set, out).await else { return };
        let newer = |(key, live): (&Key, &Arc<Json>)| {
            let noted = set.noted.get(key);
            !noted.is_some_and(|noted| noted.inherited)
                && classify(live, self.identity, noted) == Ownership::OtherInstance
        };
        if !settled && !self.identity.instance.is_empty() && found.iter().any(newer) {
            return;
        }
        if !self.may_go(&set.noted, &found, out).await {
            return;
        }
        self.run(&schedule(&[], &BTreeMap::new(), &gone), &set, &found, journal, out).await;
    }

    /// What is there. Of what may be left of an earlier life an answer some seconds old will do: it is read again before it
    /// is deleted.
    async fn look(
        &self,
        set: &Set<'_>,
        out: &mut Diagnostics,
    ) -> Result<BTreeMap<Key, Arc<Json>>, crate::diagnostics::Reported> {
        let (inherited, noted): (Vec<_>, Vec<_>) = set.noted.iter().partition(|(_, noted)| noted.inherited);
        let keys = noted.iter().map(|(key, _)| *key).chain(set.wanted.keys().copied());
        let mut found = self.reader.fetch(keys, Freshness::Now, out).await?;
        let inherited = inherited.iter().map(|(key, _)| *key).filter(|key| !set.wanted.contains_key(key));
        found.extend(self.reader.fetch_leftovers(inherited, out).await?);
        Ok(found)
    }

    /// What is live of a wanted object. It is noted, too: what needs no write is part of the state like what does.
    fn seen(&self, object: &Object, found: &Json, set: &Set<'_>, journal: &Journal) -> Live {
        let owned = owned_fields(found, Some(&object.body), &object.key);
        let current = match object.scope {
            ManagementScope::Fields => true,
            ManagementScope::Whole => {
                is_current(found, self.identity, set.anchor == Some(&object.key))
                    && take(found, &object.body, &object.key).is_none()
            }
        };
        if owned == object.body && current {
            let adopted = set.noted.get(&object.key).is_some_and(|noted| noted.is_adopted(object.scope));
            journal.insert(&object.key, JournalEntry::written(found, owned.clone(), object, adopted));
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
            for told in run_bounded(work.collect()).await {
                out.extend(told);
            }
            if out.has_errors() {
                return;
            }
            if !wave.delay_after.is_zero()
                && let Err(error) = self.reader.deadline.sleep(wave.delay_after).await
            {
                // What waits is what this resource has; any of it names the resource.
                if let Some(key) = set.anchor.or_else(|| set.noted.keys().next()) {
                    report_error(&error, ApiOperation::Apply, key, None, out);
                }
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
            Seen::Stale => self.reader.cluster.get(key, Freshness::Now, &self.reader.deadline).await,
        };
        let noted = set.noted.get(key);
        let (doing, result) = match (write, object, live) {
            (Write::Apply { .. }, _, Err(error)) => (ApiOperation::Apply, Err(error)),
            (Write::Remove { .. }, _, Err(error)) => (ApiOperation::Delete, Err(error)),
            (Write::Apply { body, .. }, Some(object), Ok(live)) => {
                let target = Target { object, body, is_anchor: set.anchor == Some(key), noted };
                (ApiOperation::Apply, self.put(&target, live, journal, &mut out).await)
            }
            (Write::Apply { .. }, None, Ok(_)) => (ApiOperation::Apply, Ok(())),
            (Write::Remove { .. }, _, Ok(live)) => {
                let usual = RecordedObject::default();
                (ApiOperation::Delete, self.remove(key, noted.unwrap_or(&usual), live, journal, &mut out).await)
            }
        };
        if let Err(error) = result {
            report_error(&error, doing, key, object, &mut out);
        }
        out
    }
}
