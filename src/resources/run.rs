//! What the resources of one run know of each other. Core tells the provider of each alone; that two of them mean the same
//! objects shows only here. It never feeds values, and Configure forgets it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value as Json;

use crate::{
    engine::{Record, record::RecordedObject},
    object::Key,
};

/// Objects of a resource that is deleted only to be created again, with our fields of them.
pub(super) type Handed = BTreeMap<Key, (RecordedObject, Json)>;

/// Held while a delete is at work.
pub(super) type Turn = Arc<tokio::sync::Mutex<()>>;

/// Resources are named as in the annotation, `mesh_service/pci/payments`.
#[derive(Debug, Default)]
pub struct Run(Mutex<Visibility>);

#[derive(Debug, Default)]
struct Visibility {
    planned: BTreeSet<String>,
    registered_objects: BTreeMap<Key, String>,
    doomed: BTreeMap<String, Record>,
    handed: BTreeMap<String, Handed>,
    settled: BTreeSet<String>,
    turns: BTreeMap<String, Turn>,
}

impl Run {
    /// Notes that `resource` is planned. `false`: it was planned before, at another address.
    pub(super) fn plan(&self, resource: &str) -> bool {
        self.seen().planned.insert(resource.to_owned())
    }

    /// Whether `resource` is planned.
    pub(super) fn is_planned(&self, resource: &str) -> bool {
        self.seen().planned.contains(resource)
    }

    /// Notes that `resource` makes the object; `Some`: another resource that does.
    pub(super) fn register_object(&self, key: &Key, resource: &str) -> Option<String> {
        let mut seen = self.seen();
        let first = seen.registered_objects.entry(key.clone()).or_insert_with(|| resource.to_owned());
        (first != resource).then(|| first.clone())
    }

    /// Notes that `resource` is planned to go.
    pub(super) fn doom(&self, resource: &str, record: Record) {
        self.seen().doomed.insert(resource.to_owned(), record);
    }

    /// The record of `resource` where it is planned to go.
    pub(super) fn doomed(&self, resource: &str) -> Option<Record> {
        self.seen().doomed.get(resource).cloned()
    }

    /// Leaves objects of `resource` to whoever of this run has it next: the create that follows, or the delete of a newer
    /// life.
    pub(super) fn hand_over(&self, resource: &str, handed: Handed) {
        self.seen().handed.entry(resource.to_owned()).or_default().extend(handed);
    }

    /// What was left of `resource`.
    pub(super) fn take_over(&self, resource: &str) -> Handed {
        self.seen().handed.remove(resource).unwrap_or_default()
    }

    /// Notes that `resource` was applied whole.
    pub(super) fn settle(&self, resource: &str) {
        self.seen().settled.insert(resource.to_owned());
    }

    /// Whether `resource` was applied whole.
    pub(super) fn is_settled(&self, resource: &str) -> bool {
        self.seen().settled.contains(resource)
    }

    /// The turn of one delete of `resource`: a deposed object and the current one go one after the other, so that what the
    /// first spares for the second is there when that begins.
    pub(super) fn turn(&self, resource: &str) -> Turn {
        self.seen().turns.entry(resource.to_owned()).or_default().clone()
    }

    fn seen(&self) -> MutexGuard<'_, Visibility> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
