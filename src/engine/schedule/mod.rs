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

/// Up by stages: what is wanted, or what holds both the old and the new. Then down again: what goes, and the last step of what
/// moved via something. Empty: nothing to do. It doesn't depend on what earlier applies did, so that one that was killed
/// anywhere is finished by the next.
pub fn schedule(wanted: &[Object], live: &BTreeMap<Key, Live>, gone: &BTreeMap<Key, Gone>) -> Vec<Wave> {
    let mut up: BTreeMap<Stage, Vec<Write>> = BTreeMap::new();
    let mut down: BTreeMap<Stage, Wave> = BTreeMap::new();
    let mut recreated = Vec::new();
    let mut later = |write: Write, goes: Gone| {
        let wave = down.entry(goes.stage).or_default();
        wave.writes.push(write);
        wave.settle = wave.settle.max(goes.settle);
    };
    for object in wanted {
        let apply = |body: &Json| Write::Apply { key: object.key.clone(), body: body.clone() };
        let at = up.entry(object.stage).or_default();
        match live.get(&object.key) {
            Some(live) if live.owned == object.body && live.current => {}
            None => at.push(apply(&object.body)),
            Some(live) => match object.transition.decide(&live.owned, &object.body) {
                (Move::InPlace, _) => at.push(apply(&object.body)),
                (Move::Recreate, _) => {
                    recreated.push(Write::Remove { key: object.key.clone() });
                    at.push(apply(&object.body));
                }
                (Move::Via { first }, settle) => {
                    if first != live.owned {
                        at.push(apply(&first));
                    }
                    later(apply(&object.body), Gone { stage: object.stage, settle });
                }
            },
        }
    }
    for (key, gone) in gone {
        later(Write::Remove { key: key.clone() }, *gone);
    }
    let mut waves: Vec<Wave> = std::iter::once(recreated)
        .chain(up.into_values())
        .map(|writes| Wave { writes, settle: Duration::ZERO })
        .filter(|wave| !wave.writes.is_empty())
        .collect();
    for Wave { writes, settle } in down.into_values().rev() {
        settled(&mut waves, settle);
        waves.push(Wave { writes, settle: Duration::ZERO });
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
