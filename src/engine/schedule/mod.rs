//! In which order objects are written. A pure function of the desired objects, the live ones and the deletions.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value as Json;

use crate::object::{Key, Object, Stage, UpdateStrategy};

/// One write.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// A server-side apply of `body`.
    Apply {
        /// The object.
        key: Key,
        /// The manifest without the ownership label and annotations.
        body: Json,
    },
    /// A delete, or the release of the fields that the resource owns.
    Remove {
        /// The object.
        key: Key,
    },
}

impl Write {
    /// The object that is written.
    pub fn key(&self) -> &Key {
        match self {
            Self::Apply { key, .. } | Self::Remove { key } => key,
        }
    }
}

/// Writes that don't depend on each other and run in parallel. The next wave starts when all of them have succeeded and
/// `delay_after` has passed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wave {
    /// The writes, in the order in which they are reported.
    pub writes: Vec<Write>,
    /// How long to wait before the next wave.
    pub delay_after: Duration,
}

/// The live side of a desired object.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveObject {
    /// The fields that the resource owns.
    pub owned: Json,
    /// Whether the object has the right ownership label and annotations, and no other manager sets fields that the resource
    /// owns exclusively.
    pub current: bool,
}

/// When an object is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// The stage in which the object was written. Deletions run in reverse order of the stages.
    pub stage: Stage,
    /// How long the proxies may go on using the object after everything of later stages is deleted.
    pub propagation_delay: Duration,
}

impl Deletion {
    /// Returns the future deletion of `object`, of which `owned` is live now.
    pub fn of(object: &Object, owned: &Json) -> Self {
        Self { stage: object.stage, propagation_delay: object.transition.decide(owned, &Json::Null).1 }
    }
}

/// Returns the waves that make the live objects the desired ones; none if there is nothing to do.
///
/// First come the applies in ascending order of stages, with the desired or the intermediate bodies. Then come, in descending
/// order, the deletions and the applies that replace an intermediate body by the desired one. The schedule depends on the
/// cluster alone and not on earlier applies, so the next apply completes one that was killed at any point.
pub fn schedule(
    desired: &[Object],
    live: &BTreeMap<Key, LiveObject>,
    deletions: &BTreeMap<Key, Deletion>,
) -> Vec<Wave> {
    let mut recreations = Vec::new();
    let mut ascending: BTreeMap<Stage, Vec<Write>> = BTreeMap::new();
    // Here `delay_after` is the time to wait before the wave.
    let mut descending: BTreeMap<Stage, Wave> = BTreeMap::new();
    let mut descend = |write: Write, deletion: Deletion| {
        let wave = descending.entry(deletion.stage).or_default();
        wave.writes.push(write);
        wave.delay_after = wave.delay_after.max(deletion.propagation_delay);
    };
    for object in desired {
        let apply = |body: &Json| Write::Apply { key: object.key.clone(), body: body.clone() };
        let writes = ascending.entry(object.stage).or_default();
        match live.get(&object.key) {
            Some(live) if live.owned == object.body && live.current => {}
            None => writes.push(apply(&object.body)),
            Some(live) => match object.transition.decide(&live.owned, &object.body) {
                (UpdateStrategy::InPlace, _) => writes.push(apply(&object.body)),
                (UpdateStrategy::Recreate, _) => {
                    recreations.push(Write::Remove { key: object.key.clone() });
                    writes.push(apply(&object.body));
                }
                (UpdateStrategy::TwoStep { intermediate }, propagation_delay) => {
                    if intermediate != live.owned {
                        writes.push(apply(&intermediate));
                    }
                    descend(apply(&object.body), Deletion { stage: object.stage, propagation_delay });
                }
            },
        }
    }
    for (key, deletion) in deletions {
        descend(Write::Remove { key: key.clone() }, *deletion);
    }
    let mut waves: Vec<Wave> = std::iter::once(recreations)
        .chain(ascending.into_values())
        .map(|writes| Wave { writes, delay_after: Duration::ZERO })
        .filter(|wave| !wave.writes.is_empty())
        .collect();
    for Wave { writes, delay_after: delay_before } in descending.into_values().rev() {
        extend_delay(&mut waves, delay_before);
        waves.push(Wave { writes, delay_after: Duration::ZERO });
    }
    waves
}

/// Makes the last wave wait for at least `delay`. If there is no wave yet, one without writes does, because an apply that was
/// killed may have written the objects of earlier waves a moment ago.
fn extend_delay(waves: &mut Vec<Wave>, delay: Duration) {
    if delay.is_zero() {
        return;
    }
    match waves.last_mut() {
        Some(last) => last.delay_after = last.delay_after.max(delay),
        None => waves.push(Wave { delay_after: delay, ..Wave::default() }),
    }
}

#[cfg(test)]
mod tests;
