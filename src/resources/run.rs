//! State that the resources of one run share. Terraform core sends the provider one resource at a time, so that two resources
//! with the same objects only show here. It never enters planned values, and each Configure starts with an empty one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value as Json;

use crate::{
    engine::{Record, record::RecordedObject},
    mesh::gateway_matches::GatewayMatch,
    object::Key,
};

/// Objects that a delete leaves in the cluster for the next operation on the same resource, with the fields that this provider
/// manages in them.
pub(super) type HandedOverObjects = BTreeMap<Key, (RecordedObject, Json)>;

/// A lock that a delete holds while it runs.
pub(super) type DeletionLock = Arc<tokio::sync::Mutex<()>>;

/// The shared state of one run. Resources are named as in the annotation, such as `mesh_service/pci/payments`.
#[derive(Debug)]
pub struct RunState {
    id: String,
    shared: Mutex<Shared>,
}

impl Default for RunState {
    fn default() -> Self {
        Self { id: format!("{:016x}", fastrand::u64(..)), shared: Mutex::default() }
    }
}

#[derive(Debug, Default)]
struct Shared {
    /// The instance of each planned resource; empty for one that is created.
    planned_resources: BTreeMap<String, String>,
    object_resources: BTreeMap<Key, String>,
    gateway_matches: BTreeMap<String, Vec<GatewayMatch>>,
    planned_deletions: BTreeMap<String, Record>,
    handed_over_objects: BTreeMap<String, HandedOverObjects>,
    /// The resources that were completely applied, with the objects of other tools in which each sets fields.
    applied_resources: BTreeMap<String, BTreeSet<Key>>,
    deletion_locks: BTreeMap<String, DeletionLock>,
}

impl RunState {
    /// A random id, by which the private data of a plan tells whether it is applied in the same run.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Adds `resource` to the planned resources, with its instance, which is empty for one that is created. Answers `false`
    /// where it was planned before, at another address.
    pub(super) fn add_planned_resource(&self, resource: &str, instance: &str) -> bool {
        self.shared().planned_resources.insert(resource.to_owned(), instance.to_owned()).is_none()
    }

    /// The instance of `resource` where it is planned; empty where it is created.
    pub(super) fn planned_instance(&self, resource: &str) -> Option<String> {
        self.shared().planned_resources.get(resource).cloned()
    }

    /// Registers `resource` as the one that renders the object. Answers the name of another resource that renders it as well.
    pub(super) fn register_object(&self, key: &Key, resource: &str) -> Option<String> {
        let mut shared = self.shared();
        let first = shared.object_resources.entry(key.clone()).or_insert_with(|| resource.to_owned());
        (first != resource).then(|| first.clone())
    }

    /// Sets what the planned VirtualServices of `resource` match at gateways, in place of what was set before. Answers one of its matches
    /// that another planned resource has as well, with that of the other one and its name. Only resources that the run creates or keeps
    /// are planned so, and each with its desired configuration.
    pub(super) fn register_gateway_matches(
        &self,
        resource: &str,
        matches: Vec<GatewayMatch>,
    ) -> Option<(GatewayMatch, GatewayMatch, String)> {
        let mut shared = self.shared();
        let others = shared.gateway_matches.iter().filter(|(other, _)| *other != resource);
        let overlap = others.flat_map(|(other, theirs)| theirs.iter().map(move |their| (other, their))).find_map(
            |(other, their)| {
                let own = matches.iter().find(|own| own.overlaps(their))?;
                Some((own.clone(), their.clone(), other.clone()))
            },
        );
        shared.gateway_matches.insert(resource.to_owned(), matches);
        overlap
    }

    /// Adds `resource` to the resources whose deletion is planned.
    pub(super) fn add_planned_deletion(&self, resource: &str, record: Record) {
        self.shared().planned_deletions.insert(resource.to_owned(), record);
    }

    /// The record of `resource` where its deletion is planned.
    pub(super) fn planned_deletion(&self, resource: &str) -> Option<Record> {
        self.shared().planned_deletions.get(resource).cloned()
    }

    /// Leaves objects of `resource` to its next operation in this run: the create of a replacement, or the delete of a newer
    /// instance.
    pub(super) fn hand_over(&self, resource: &str, objects: HandedOverObjects) {
        self.shared().handed_over_objects.entry(resource.to_owned()).or_default().extend(objects);
    }

    /// Whether objects of `resource` were handed over and not yet taken.
    pub(super) fn has_handed_over(&self, resource: &str) -> bool {
        self.shared().handed_over_objects.contains_key(resource)
    }

    /// Removes and answers the objects that were handed over.
    pub(super) fn take_handed_over(&self, resource: &str) -> HandedOverObjects {
        self.shared().handed_over_objects.remove(resource).unwrap_or_default()
    }

    /// Marks `resource` as completely applied. It sets fields in the objects `with_fields`, which have no annotations of the
    /// resource that could tell so.
    pub(super) fn mark_applied(&self, resource: &str, with_fields: BTreeSet<Key>) {
        self.shared().applied_resources.insert(resource.to_owned(), with_fields);
    }

    /// The objects of other tools in which `resource` sets fields. `None` where it wasn't completely applied.
    pub(super) fn applied_fields(&self, resource: &str) -> Option<BTreeSet<Key>> {
        self.shared().applied_resources.get(resource).cloned()
    }

    /// The lock of deletes of `resource`. The deletes of a deposed instance and of the current one run one after the other, so
    /// that the second finds the objects that the first hands over.
    pub(super) fn deletion_lock(&self, resource: &str) -> DeletionLock {
        self.shared().deletion_locks.entry(resource.to_owned()).or_default().clone()
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
