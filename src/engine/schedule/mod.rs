//! In which order things are written. Pure: wanted × live × gone → waves.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value as Json;

use crate::object::{Key, Move, Object, Stage};

/// One write.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// Server-side apply of `body`.
    Apply {
        /// Which.
        key: Key,
        /// Without stamps.
        body: Json,
    },
    /// Delete it, or give our fields of it back.
    Remove {
        /// Which.
        key: Key,
    },
}

impl Write {
    /// Which object.
    pub fn key(&self) -> &Key {
        match self {
            Self::Apply { key, .. } | Self::Remove { key } => key,
        }
    }
}

/// Writes of one wave are independent and go in parallel; the next wave starts when all have succeeded and `settle` has
/// passed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wave {
    /// What to do.
    pub writes: Vec<Write>,
    /// How long to wait after it.
    pub settle: Duration,
}

/// What is live of a wanted object.
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    /// Our fields.
    pub owned: Json,
    /// Its stamps are as they should be, and nobody else holds fields of ours.
    pub current: bool,
}

/// What goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone {
    /// When it was written.
    pub stage: Stage,
    /// How long the data plane needs to leave it, once everything that was written after it is gone.
    pub settle: Duration,
}

impl Gone {
    /// How an object goes one day, of which we have `owned` now.
    pub fn from(object: &Object, owned: &Json) -> Self {
        Self { stage: object.stage, settle: object.transition.decide(owned, &Json::Null).1 }
    }
}

/// Applies by stage; then what moves via something; then deletions in reverse. Empty: nothing to do. It doesn't depend on
/// what earlier applies did, so that one that was killed anywhere is finished by the next.
pub fn schedule(wanted: &[Object], live: &BTreeMap<Key, Live>, gone: &BTreeMap<Key, Gone>) -> Vec<Wave> {
    let mut stages: BTreeMap<Stage, Vec<Write>> = BTreeMap::new();
    let (mut recreated, mut last) = (Vec::new(), Wave::default());
    let mut settle = Duration::ZERO;
    for object in wanted {
        let apply = |body: &Json| Write::Apply { key: object.key.clone(), body: body.clone() };
        let at = stages.entry(object.stage).or_default();
        match live.get(&object.key) {
            Some(live) if live.owned == object.body && live.current => {}
            None => at.push(apply(&object.body)),
            Some(live) => match object.transition.decide(&live.owned, &object.body) {
                (Move::InPlace, _) => at.push(apply(&object.body)),
                (Move::Recreate, _) => {
                    recreated.push(Write::Remove { key: object.key.clone() });
                    at.push(apply(&object.body));
                }
                (Move::Via { first }, wait) => {
                    if first != live.owned {
                        at.push(apply(&first));
                    }
                    last.writes.push(apply(&object.body));
                    settle = settle.max(wait);
                }
            },
        }
    }
    let mut removed: BTreeMap<Stage, (Vec<Write>, Duration)> = BTreeMap::new();
    for (key, gone) in gone {
        let (writes, settle) = removed.entry(gone.stage).or_default();
        writes.push(Write::Remove { key: key.clone() });
        *settle = gone.settle.max(*settle);
    }
    let wave = |writes| Wave { writes, settle: Duration::ZERO };
    let mut waves: Vec<Wave> = std::iter::once(recreated)
        .chain(stages.into_values())
        .map(wave)
        .filter(|wave| !wave.writes.is_empty())
        .collect();
    if !last.writes.is_empty() {
        settled(&mut waves, settle);
        waves.push(last);
    }
    for (writes, settle) in removed.into_values().rev() {
        settled(&mut waves, settle);
        waves.push(wave(writes));
    }
    waves
}

/// Lets so much time pass after what was scheduled so far: after nothing too, since an apply that was killed may have written
/// a moment ago.
fn settled(waves: &mut Vec<Wave>, settle: Duration) {
    if settle.is_zero() {
        return;
    }
    match waves.last_mut() {
        Some(before) => before.settle = settle.max(before.settle),
        None => waves.push(Wave { settle, ..Wave::default() }),
    }
}

#[cfg(test)]
mod tests;
