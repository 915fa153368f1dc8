//! The order in which objects are written. A pure function of the desired objects, the live ones and the deletions.

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
    /// A delete of an object of another tool that the resource replaces.
    Replace {
        /// The object.
        key: Key,
    },
}

impl Write {
    /// The object that is written.
    pub fn key(&self) -> &Key {
        match self {
            Self::Apply { key, .. } | Self::Remove { key } | Self::Replace { key } => key,
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// The stage in which the object was written. Deletions run in reverse order of the stages.
    pub stage: Stage,
    /// How long the proxies may go on using the object after everything of later stages is deleted.
    pub propagation_delay: Duration,
    /// A body that is written before, as long as the propagation delay after the stages before, so that proxies are ready for the
    /// deletion.
    pub last_body: Option<Json>,
}

impl Deletion {
    /// Returns the future deletion of `object`, of which `owned` is live now.
    pub fn of(object: &Object, owned: &Json) -> Self {
        let (strategy, propagation_delay) = object.transition.decide(owned, &Json::Null);
        let last_body = match strategy {
            UpdateStrategy::TwoStep { intermediate } if !intermediate.is_null() => Some(intermediate),
            _ => None,
        };
        Self { stage: object.stage, propagation_delay, last_body }
    }
}

/// A live object of another tool that the resource replaces.
#[derive(Clone, Debug, PartialEq)]
pub struct Predecessor {
    /// The stage in which an object of its kind is written.
    pub stage: Stage,
    /// The live object.
    pub live: Json,
}

/// The time between the deletes of predecessors of two stages. Every proxy must have dropped a route before what the route names is
/// deleted, and an ALLOW policy before the DENY policy that refuses some of what it admits.
const PREDECESSOR_DELAY: Duration = Duration::from_secs(2);

/// The waves of one stage while stages ascend.
#[derive(Default)]
struct AscendingStage {
    /// Bodies that are written before the wait, by which proxies get ready for the writes.
    preparations: Vec<Write>,
    /// The time to wait before the writes.
    delay_before: Duration,
    writes: Vec<Write>,
    /// Deletes of predecessors that the objects of the stage have taken over from.
    replacements: Vec<Write>,
    /// The time to wait before these deletes.
    takeover_delay: Duration,
}

/// Returns the waves that make the live objects the desired ones; none if there is nothing to do.
///
/// First come the applies in ascending order of stages, with the desired or the intermediate bodies, after those that prepare
/// them. Then come, in descending order, the deletions, those of predecessors too, and the applies that replace an intermediate
/// body by the desired one. The schedule depends on the cluster alone and not on earlier applies, so the next apply completes one
/// that was killed at any point.
pub fn schedule(
    desired: &[Object],
    live: &BTreeMap<Key, LiveObject>,
    deletions: &BTreeMap<Key, Deletion>,
    predecessors: &BTreeMap<Key, Predecessor>,
) -> Vec<Wave> {
    let mut recreations = Vec::new();
    let mut ascending: BTreeMap<Stage, AscendingStage> = BTreeMap::new();
    // Here `delay_after` is the time to wait before the wave.
    let mut descending: BTreeMap<Stage, Wave> = BTreeMap::new();
    let mut descend = |write: Write, stage: Stage, delay_before: Duration| {
        let wave = descending.entry(stage).or_default();
        wave.writes.push(write);
        wave.delay_after = wave.delay_after.max(delay_before);
    };
    let mut remaining = predecessors.clone();
    for object in desired {
        let apply = |body: &Json| Write::Apply { key: object.key.clone(), body: body.clone() };
        let stage = ascending.entry(object.stage).or_default();
        let live = live.get(&object.key);
        let replaced = if object.takes_over { take_kind(&mut remaining, &object.key) } else { BTreeMap::new() };
        let (strategy, delay) = strategy(object, live, &replaced);
        stage.takeover_delay = stage.takeover_delay.max(if replaced.is_empty() { Duration::ZERO } else { delay });
        stage.replacements.extend(replaced.into_keys().map(|key| Write::Replace { key }));
        let body = match strategy {
            UpdateStrategy::InPlace => &object.body,
            UpdateStrategy::Recreate => {
                recreations.push(Write::Remove { key: object.key.clone() });
                &object.body
            }
            UpdateStrategy::TwoStep { ref intermediate } => {
                descend(apply(&object.body), object.stage, delay);
                intermediate
            }
        };
        let is_current = live.is_some_and(|live| {
            live.owned == *body && (live.current || matches!(strategy, UpdateStrategy::TwoStep { .. }))
        });
        if !is_current {
            let owned = live.map_or(&Json::Null, |live| &live.owned);
            let preparation = object.settle_time.map(|settle| settle.before(owned, body)).unwrap_or_default();
            stage.preparations.extend(preparation.body.as_ref().map(apply));
            stage.delay_before = stage.delay_before.max(preparation.delay);
            stage.writes.push(apply(body));
        }
    }
    for (key, deletion) in deletions {
        if let Some(body) = &deletion.last_body {
            let stage = ascending.entry(deletion.stage).or_default();
            stage.delay_before = stage.delay_before.max(deletion.propagation_delay);
            stage.writes.push(Write::Apply { key: key.clone(), body: body.clone() });
        }
        descend(Write::Remove { key: key.clone() }, deletion.stage, deletion.propagation_delay);
    }
    let last = remaining.values().map(|predecessor| predecessor.stage).max();
    for (key, predecessor) in remaining {
        let propagation_delay = if Some(predecessor.stage) == last { Duration::ZERO } else { PREDECESSOR_DELAY };
        descend(Write::Replace { key }, predecessor.stage, propagation_delay);
    }
    let mut waves = Vec::new();
    let mut add_wave = |writes: Vec<Write>, delay_before: Duration| {
        if !writes.is_empty() {
            extend_delay(&mut waves, delay_before);
            waves.push(Wave { writes, delay_after: Duration::ZERO });
        }
    };
    add_wave(recreations, Duration::ZERO);
    for stage in ascending.into_values() {
        add_wave(stage.preparations, Duration::ZERO);
        add_wave(stage.writes, stage.delay_before);
        add_wave(stage.replacements, stage.takeover_delay);
    }
    for Wave { writes, delay_after: delay_before } in descending.into_values().rev() {
        add_wave(writes, delay_before);
    }
    waves
}

/// Removes the objects of the kind of `key` and returns them.
fn take_kind(predecessors: &mut BTreeMap<Key, Predecessor>, key: &Key) -> BTreeMap<Key, Predecessor> {
    let (same, others) = std::mem::take(predecessors).into_iter().partition(|(other, _)| other.kind == key.kind);
    *predecessors = others;
    same
}

/// How an object changes, from its live state and from those that it takes over from, and how long to wait before its last write
/// and before these are deleted.
fn strategy(
    object: &Object,
    live: Option<&LiveObject>,
    replaced: &BTreeMap<Key, Predecessor>,
) -> (UpdateStrategy, Duration) {
    let before = live.map(|live| &live.owned).into_iter().chain(replaced.values().map(|predecessor| &predecessor.live));
    let mut result = (UpdateStrategy::InPlace, Duration::ZERO);
    for live in before.filter(|live| **live != object.body) {
        let body = match &result.0 {
            UpdateStrategy::TwoStep { intermediate } => intermediate,
            UpdateStrategy::InPlace | UpdateStrategy::Recreate => &object.body,
        };
        let (strategy, delay) = object.transition.decide(live, body);
        if strategy != UpdateStrategy::InPlace {
            result = (strategy, delay);
        }
    }
    if !replaced.is_empty() {
        result.1 = object.transition.propagation_delay();
    }
    result
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
