//! Desired objects, as plain data. The domain renders them, the engine compares them with the live ones, and the Kubernetes
//! layer writes them.

mod key;
pub mod kind;
mod ownership_metadata;
mod text;
mod transition;

use std::collections::BTreeMap;

pub use key::{Key, ParseKeyError};
pub use kind::{FieldOwnership, Kind};
pub use ownership_metadata::{
    FIELD_MANAGER, annotation, is_ownership_key, label, resource_id, resource_name, resource_type,
};
use serde_json::Value as Json;
pub use text::{from_text, to_text};
pub use transition::{Preparation, SettleTime, Transition, UpdateStrategy};

use crate::diagnostics::Path;

/// Orders the writes of one apply: lower stages are written first and deleted last. `mesh::stage` names the stages; the
/// engine only compares them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stage(pub u8);

/// The stage of a live object that another tool has made, by its content.
pub type StageOfLive = fn(&Json) -> Stage;

/// What a resource may do to objects that it doesn't manage, or not any more.
#[derive(Clone, Debug, Default)]
pub struct Takeover {
    /// Whether objects of other tools with the names of this resource's objects are taken over (`adopt_existing`).
    pub adopt_existing: bool,
    /// The owner of another configuration of this provider, whose objects with the names of this resource's objects are taken
    /// over (`adopt_from_owner`).
    pub adopt_from_owner: Option<String>,
    /// Kinds that another tool manages from now on (`unmanaged`): objects of this resource are released, not deleted.
    pub unmanaged_kinds: Vec<&'static Kind>,
    /// Objects of other tools that are deleted once all objects of this resource exist (`replaces`), the highest stage
    /// first.
    pub replaced_objects: BTreeMap<Key, StageOfLive>,
    /// Whether a Namespace is deleted with whatever is in it (`force_destroy`). Otherwise it stays as long as it holds an
    /// object that the provider doesn't manage.
    pub force_destroy: bool,
}

/// How much of an object the provider manages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManagementScope {
    /// The provider creates, labels and deletes the object.
    Whole,
    /// Another tool creates and deletes the object. The provider sets some fields and gives them up on destroy; it sets no
    /// labels or annotations of its own.
    Fields,
}

/// One desired object.
#[derive(Clone, Debug)]
pub struct Object {
    /// Kind, namespace and name.
    pub key: Key,
    /// Whether the provider manages the object or only some fields of it.
    pub scope: ManagementScope,
    /// The manifest with exactly the fields that the provider sets, including `apiVersion`, `kind` and the names in
    /// `metadata`.
    pub body: Json,
    /// When the object is written, relative to the other objects of the resource.
    pub stage: Stage,
    /// How the live object changes into the desired one.
    pub transition: Transition,
    /// The wait before the object is written; `None` if it relies on no other object.
    pub settle_time: Option<SettleTime>,
    /// Whether the object takes over from the objects of its kind that it replaces (`replaces`) in two steps, by its transition,
    /// as if they were its own live state. They are deleted after the first step, before later stages are written.
    pub takes_over: bool,
    /// The arguments that fields come from, as `("spec.http", path)`. An error of the server about a field is reported at
    /// the argument with the longest matching prefix.
    pub origins: Vec<(String, Path)>,
}

impl Object {
    /// Makes an object that the provider creates and deletes, and that changes by one write.
    pub fn whole(key: Key, body: Json, stage: Stage) -> Self {
        Self {
            key,
            scope: ManagementScope::Whole,
            body,
            stage,
            transition: Transition::InPlace,
            settle_time: None,
            takes_over: false,
            origins: Vec::new(),
        }
    }

    /// Makes the fields that the provider sets in an object of another tool.
    pub fn fields(key: Key, body: Json, stage: Stage) -> Self {
        Self { scope: ManagementScope::Fields, ..Self::whole(key, body, stage) }
    }

    /// Replaces the arguments that the fields come from.
    #[must_use]
    pub fn with_origins<F: Into<String>>(self, origins: impl IntoIterator<Item = (F, Path)>) -> Self {
        let origins = origins.into_iter().map(|(field, path)| (field.into(), path)).collect();
        Self { origins, ..self }
    }

    /// Whether the object is deleted and created again, where the resource owns the fields `owned` of the live one.
    pub fn is_recreated(&self, owned: &Json) -> bool {
        self.transition.decide(owned, &self.body).0 == UpdateStrategy::Recreate
    }

    /// Makes the write wait for what earlier stages have written.
    #[must_use]
    pub fn with_settle_time(self, settle_time: SettleTime) -> Self {
        Self { settle_time: Some(settle_time), ..self }
    }

    /// Lets the object take over from those that it replaces.
    #[must_use]
    pub fn taking_over(self) -> Self {
        Self { takes_over: true, ..self }
    }

    /// Replaces the way in which the object changes.
    #[must_use]
    pub fn with_transition(self, transition: Transition) -> Self {
        Self { transition, ..self }
    }
}
