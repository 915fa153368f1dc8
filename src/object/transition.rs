//! [`Transition`]: how a live object changes into the desired one. The domain decides it, and the engine carries it out.

use std::time::Duration;

use serde_json::Value as Json;

/// The writes that change one object.
#[derive(Clone, Debug, PartialEq)]
pub enum UpdateStrategy {
    /// One write, or one delete.
    InPlace,
    /// `intermediate` is written at the object's own stage. The desired body follows after all other objects and after the
    /// propagation delay of the [`Transition`].
    TwoStep {
        /// A body that serves both the old and the new configuration of the proxies. Null before a deletion that needs none: the
        /// deletion alone waits.
        intermediate: Json,
    },
    /// The server doesn't allow the change in place: the object is deleted and created again.
    Recreate,
}

/// How an object changes.
#[derive(Clone, Copy, Debug)]
pub enum Transition {
    /// One write, whatever is live.
    InPlace,
    /// The strategy depends on what is live.
    Computed {
        /// Decides by the fields that the resource owns in the live object and by the desired body, which is null if the
        /// object is deleted. The function is pure.
        strategy: fn(live: &Json, desired: &Json) -> UpdateStrategy,
        /// How long Istio needs until every proxy has left the old configuration.
        propagation_delay: Duration,
    },
}

/// A wait before an object is written. The object relies on others of the resource, and proxies must have got these first.
#[derive(Clone, Copy, Debug)]
pub struct SettleTime {
    /// Decides by the fields that the resource owns in the live object, which are null if there is no object, and by the desired
    /// body. The function is pure.
    pub is_needed: fn(live: &Json, desired: &Json) -> bool,
    /// How long Istio needs until every proxy has what the stages before have written.
    pub duration: Duration,
    /// Returns what is written before the wait, if that is something else than what is live: a body that serves the proxies as
    /// the live one does, and makes them ready for the desired one. It gets the same as `is_needed`, and is pure.
    pub preparation: fn(live: &Json, desired: &Json) -> Option<Json>,
}

/// A write and a wait that precede the write of an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Preparation {
    /// A body that is written first.
    pub body: Option<Json>,
    /// How long to wait then.
    pub delay: Duration,
}

impl SettleTime {
    /// Returns the write and the wait that precede the write of the desired body.
    pub fn before(&self, live: &Json, desired: &Json) -> Preparation {
        if self.duration.is_zero() || !(self.is_needed)(live, desired) {
            return Preparation::default();
        }
        let body = (self.preparation)(live, desired).filter(|body| body != live);
        Preparation { body, delay: self.duration }
    }
}

impl Transition {
    /// How long Istio needs until every proxy has left the old configuration.
    pub fn propagation_delay(&self) -> Duration {
        match self {
            Self::InPlace => Duration::ZERO,
            Self::Computed { propagation_delay, .. } => *propagation_delay,
        }
    }

    /// Returns the strategy, and how long to wait before its last write.
    pub fn decide(&self, live: &Json, desired: &Json) -> (UpdateStrategy, Duration) {
        match self {
            Self::InPlace => (UpdateStrategy::InPlace, Duration::ZERO),
            Self::Computed { strategy, propagation_delay } => match strategy(live, desired) {
                two_step @ UpdateStrategy::TwoStep { .. } => (two_step, *propagation_delay),
                other => (other, Duration::ZERO),
            },
        }
    }
}
