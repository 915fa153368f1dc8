//! What an apply has done so far. Its caller owns it, so that nothing written is lost, whatever comes after: an error, a
//! panic, a dropped future.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use serde_json::Value as Json;

use super::schedule::Deletion;
use crate::{
    json_path::text,
    object::{Key, ManagementScope, Object},
};

/// What became of one object.
#[derive(Clone, Debug, PartialEq)]
pub enum JournalEntry {
    /// It is live.
    Written {
        /// The server's id of it.
        uid: String,
        /// Our fields of it, as the server has them.
        owned: Json,
        /// How it goes one day.
        deletion: Deletion,
        /// How we hold it.
        scope: ManagementScope,
        /// Somebody else's before `adopt_existing` took it over.
        adopted: bool,
    },
    /// It is gone.
    Removed,
}

impl JournalEntry {
    /// What is noted of a live object.
    pub(super) fn written(live: &Json, owned: Json, object: &Object, adopted: bool) -> Self {
        let uid = text(live, &["metadata", "uid"]).unwrap_or_default().to_owned();
        let deletion = Deletion::of(object, &owned);
        Self::Written { uid, owned, deletion, scope: object.scope, adopted }
    }
}

/// Written as it happens.
#[derive(Debug, Default)]
pub struct Journal(Mutex<BTreeMap<Key, JournalEntry>>);

impl Journal {
    /// Notes what became of an object; the last word counts.
    pub fn insert(&self, key: &Key, entry: JournalEntry) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), entry);
    }

    /// All that was noted.
    pub fn entries(&self) -> BTreeMap<Key, JournalEntry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
