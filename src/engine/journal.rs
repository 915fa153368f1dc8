//! What an apply has done so far. Its caller owns it, so that nothing written is lost, whatever comes after: an error, a
//! panic, a dropped future.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use serde_json::Value as Json;

use super::schedule::Gone;
use crate::{
    json_path::text,
    object::{Key, ManagementScope, Object},
};

/// What became of one object.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// It is live.
    Written {
        /// The server's id of it.
        uid: String,
        /// Our fields of it, as the server has them.
        owned: Json,
        /// How it goes one day.
        goes: Gone,
        /// How we hold it.
        holding: ManagementScope,
        /// Somebody else's before `adopt_existing` took it over.
        adopted: bool,
    },
    /// It is gone.
    Gone,
}

impl Entry {
    /// What is noted of a live object.
    pub(super) fn written(live: &Json, owned: Json, object: &Object, adopted: bool) -> Self {
        let uid = text(live, &["metadata", "uid"]).unwrap_or_default().to_owned();
        let goes = Gone::from(object, &owned);
        Self::Written { uid, owned, goes, holding: object.holding, adopted }
    }
}

/// Written as it happens.
#[derive(Debug, Default)]
pub struct Journal(Mutex<BTreeMap<Key, Entry>>);

impl Journal {
    /// Notes what became of an object; the last word counts.
    pub fn note(&self, key: &Key, entry: Entry) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), entry);
    }

    /// All that was noted.
    pub fn done(&self) -> BTreeMap<Key, Entry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
