//! In which order things are written. Pure: wanted × live × gone → waves.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value as Json;

use crate::object::{Key, Object, Stage, UpdateStrategy};

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

/// Writes of one wave are independent and go in parallel; the next wave starts when all have succeeded and `delay_after` has
/// passed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wave {
    /// What to do.
    pub writes: Vec<Write>,
    /// How long to wait after it.
    pub delay_after: Duration,
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
pub struct Deletion {
    /// When it was written.
    pub stage: Stage,
    /// How long the data plane needs to leave it, once everything that was written after it is gone.
    pub propagation_delay: Duration,
}

impl Deletion {
    /// How an object goes one day, of which we have `owned` now.
    pub fn of(object: &Object, owned: &Json) -> Self {
        Self { stage: object.stage, propagation_delay: object.transition.decide(owned, &Json::Null).1 }
    }
}

/// Up by stages: what is wanted, or what holds both the old and the new. Then down again: what goes, and the last step of what
/// moved via something. Empty: nothing to do. It doesn't depend on what earlier applies did, so that one that was killed
/// anywhere is finished by the next.
pub fn schedule(wanted: &[Object], live: &BTreeMap<Key, Live>, gone: &BTreeMap<Key, Deletion>) -> Vec<Wave> {
    let mut up: BTreeMap<Stage, Vec<Write>> = BTreeMap::new();
    let mut down: BTreeMap<Stage, Wave> = BTreeMap::new();
    let mut recreated = Vec::new();
    let mut later = |write: Write, goes: Deletion| {
        let wave = down.entry(goes.stage).or_default();
        wave.writes.push(write);
        wave.delay_after = wave.delay_after.max(goes.propagation_delay);
    };
    for object in wanted {
        let apply = |body: &Json| Write::Apply { key: object.key.clone(), body: body.clone() };
        let at = up.entry(object.stage).or_default();
        match live.get(&object.key) {
            Some(live) if live.owned == object.body && live.current => {}
            None => at.push(apply(&object.body)),
            Some(live) => match object.transition.decide(&live.owned, &object.body) {
                (UpdateStrategy::InPlace, _) => at.push(apply(&object.body)),
                (UpdateStrategy::Recreate, _) => {
                    recreated.push(Write::Remove { key: object.key.clone() });
                    at.push(apply(&object.body));
                }
                (UpdateStrategy::TwoStep { intermediate }, delay_after) => {
                    if intermediate != live.owned {
                        at.push(apply(&intermediate));
                    }
                    later(apply(&object.body), Deletion { stage: object.stage, propagation_delay: delay_after });
                }
            },
        }
    }
    for (key, gone) in gone {
        later(Write::Remove { key: key.clone() }, *gone);
    }
    let mut waves: Vec<Wave> = std::iter::once(recreated)
        .chain(up.into_values())
        .map(|writes| Wave { writes, delay_after: Duration::ZERO })
        .filter(|wave| !wave.writes.is_empty())
        .collect();
    for Wave { writes, delay_after } in down.into_values().rev() {
        settled(&mut waves, delay_after);
        waves.push(Wave { writes, delay_after: Duration::ZERO });
    }
    waves
}

/// Lets so much time pass after what was scheduled so far: after nothing too, since an apply that was killed may have written
/// a moment ago.
fn settled(waves: &mut Vec<Wave>, delay_after: Duration) {
    if delay_after.is_zero() {
        return;
    }
    match waves.last_mut() {
        Some(before) => before.delay_after = delay_after.max(before.delay_after),
        None => waves.push(Wave { delay_after, ..Wave::default() }),
    }
}

#[cfg(test)]
mod tests;
