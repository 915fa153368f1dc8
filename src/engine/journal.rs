//! What an apply or a delete has done so far. The caller owns the journal, so no write is lost if the operation ends by an
//! error, a panic or a dropped future.

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

/// The outcome for one object.
#[derive(Clone, Debug, PartialEq)]
pub enum JournalEntry {
    /// The object exists and belongs to the resource.
    Written {
        /// The uid that the server gave it.
        uid: String,
        /// The fields that the resource owns, as the server has them.
        owned: Json,
        /// How the object will be deleted.
        deletion: Deletion,
        /// Whether the resource manages the object or only some fields of it.
        scope: ManagementScope,
        /// Whether another tool had made the object before `adopt_existing` took it over.
        adopted: bool,
    },
    /// The object is deleted, or doesn't belong to the resource any more.
    Removed,
}

impl JournalEntry {
    /// Makes the entry of a live object, of which the resource owns the fields `owned`.
    pub(super) fn written(live: &Json, owned: Json, object: &Object, adopted: bool) -> Self {
        let uid = text(live, &["metadata", "uid"]).unwrap_or_default().to_owned();
        let deletion = Deletion::of(object, &owned);
        Self::Written { uid, owned, deletion, scope: object.scope, adopted }
    }
}

/// The outcomes by object. Entries are added as the writes happen.
#[derive(Debug, Default)]
pub struct Journal(Mutex<BTreeMap<Key, JournalEntry>>);

impl Journal {
    /// Adds the outcome for an object, or replaces an earlier one.
    pub fn insert(&self, key: &Key, entry: JournalEntry) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), entry);
    }

    /// Returns the outcomes so far.
    pub fn entries(&self) -> BTreeMap<Key, JournalEntry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
