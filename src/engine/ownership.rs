//! Whom a live object belongs to, by the annotations on it and by the record. Pure.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::record::RecordedObject;
use crate::{
    diagnostics::single_line,
    json_path::{at, text},
    object::{FieldOwnership, Key, ManagementScope, Object, Takeover, annotation},
};

/// The owner and the resource on whose behalf objects are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerIdentity {
    /// The provider's `owner`.
    pub owner: String,
    /// The `owner` with which the resource was written last, if it has been renamed since.
    pub former_owner: Option<String>,
    /// The resource as its annotation names it: `mesh_service/pci/payments`.
    pub resource: String,
    /// The random id of this instance of the resource. Empty if the state has no record.
    pub instance: String,
    /// The arguments as written, as compact JSON; empty where they aren't recorded.
    pub arguments: String,
    /// What the resource may do to objects that it doesn't manage.
    pub takeover: Takeover,
    /// Whether this is the current instance in the state, and not one that a replacement with `create_before_destroy` has deposed
    /// and may have a newer one. What another instance has of a current one's objects was left by a run that was killed.
    pub is_current: bool,
}

impl OwnerIdentity {
    /// Whether an owner annotation names this owner, by its present or its former name.
    pub fn is_owner(&self, annotation: Option<&str>) -> bool {
        annotation.is_some_and(|owner| owner == self.owner || Some(owner) == self.former_owner.as_deref())
    }
}

/// Whom a live object belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// This instance of the resource, which may write and delete the object.
    Ours,
    /// The resource of this name and owner, but another instance of it: one at another address, or one that was replaced.
    /// The object may be written, but not deleted.
    OtherInstance,
    /// Another tool, whose object has no annotation of this provider. The text says which tool, for diagnostics.
    OtherTool(String),
    /// Another resource of this provider.
    OtherResource {
        /// The owner annotation. Empty if the object has lost it.
        owner: String,
        /// Owner and resource, for diagnostics.
        description: String,
    },
}

impl Ownership {
    /// Whether a delete of the resource may delete the object. An object of another instance may go if no newer instance can have
    /// it, if it was inherited from that instance, or if the state has no record and the owner has to do.
    pub fn allows_delete(&self, identity: &OwnerIdentity, recorded: &RecordedObject) -> bool {
        match self {
            Self::Ours => true,
            Self::OtherInstance => identity.is_current || recorded.inherited || identity.instance.is_empty(),
            Self::OtherTool(_) | Self::OtherResource { .. } => false,
        }
    }

    /// Whether an apply may delete the object to create it again, because it can't change in place: the same as whether it
    /// may write the object.
    pub fn allows_recreation(&self, takeover: &Takeover) -> bool {
        matches!(self, Self::Ours | Self::OtherInstance) || self.is_adoptable(takeover)
    }

    /// Describes an owner other than this resource, for diagnostics.
    pub fn other_owner(&self) -> Option<&str> {
        match self {
            Self::Ours | Self::OtherInstance => None,
            Self::OtherTool(description) | Self::OtherResource { description, .. } => Some(description),
        }
    }

    /// Whether the resource may take over the object of another owner. Objects of another tool are adopted by
    /// `adopt_existing`, and those of another owner of this provider only by that owner's name: both configurations would
    /// otherwise take the object from each other.
    pub fn is_adoptable(&self, takeover: &Takeover) -> bool {
        match self {
            Self::Ours | Self::OtherInstance => false,
            Self::OtherTool(_) => takeover.adopt_existing,
            Self::OtherResource { owner, .. } => !owner.is_empty() && takeover.adopt_from_owner.as_ref() == Some(owner),
        }
    }
}

/// Whether any resource of this provider manages the object as a whole. Applying some fields to it would remove its other
/// fields, which have the same field manager.
pub fn has_owning_resource(live: &Json) -> bool {
    text(live, &["metadata", "annotations", annotation::RESOURCE]).is_some()
}

/// Decides whom a live object belongs to, by its annotations. The record adds three cases of [`Ownership::Ours`]: an object
/// that lost its annotations, an object that this instance made under a former name, and an object that a `moved` block
/// brought. An object of which only fields are recorded is none of them.
pub fn classify(live: &Json, identity: &OwnerIdentity, recorded: Option<&RecordedObject>) -> Ownership {
    let annotated = |name: &str| text(live, &["metadata", "annotations", name]);
    let (owner, resource, instance) =
        (annotated(annotation::OWNER), annotated(annotation::RESOURCE), annotated(annotation::INSTANCE));
    let same_owner = identity.is_owner(owner);
    if same_owner && resource == Some(&identity.resource) {
        return if instance == Some(&identity.instance) { Ownership::Ours } else { Ownership::OtherInstance };
    }
    let same_uid =
        |recorded: &RecordedObject| !recorded.uid.is_empty() && text(live, &["metadata", "uid"]) == Some(&recorded.uid);
    let lost_annotations = owner.is_none()
        && recorded.is_some_and(|recorded| recorded.moved || !recorded.fields_only && same_uid(recorded));
    // The instance id is random, so an object that has it under another resource name was made before a rename.
    let renamed = same_owner
        && !identity.instance.is_empty()
        && instance == Some(&identity.instance)
        && recorded.is_some_and(same_uid);
    if lost_annotations || renamed {
        return Ownership::Ours;
    }
    // Everyone who may write the object may write its annotations and choose a manager's name.
    match (owner, resource) {
        (None, None) => {
            let managers = field_managers(live);
            let description = if managers.is_empty() {
                "this provider didn't make it".to_owned()
            } else {
                format!("this provider didn't make it; it was written by {}", managers.join(", "))
            };
            Ownership::OtherTool(single_line(&description))
        }
        (owner, resource) => {
            let resource = resource.unwrap_or("another resource");
            let description = match owner {
                Some(owner) if owner == identity.owner => {
                    format!("it belongs to {resource} of this same owner ({owner:?})")
                }
                Some(owner) => format!("it belongs to {resource} of owner {owner:?}"),
                None => format!("it belongs to {resource} of an owner that isn't annotated"),
            };
            Ownership::OtherResource {
                owner: owner.unwrap_or_default().to_owned(),
                description: single_line(&description),
            }
        }
    }
}

/// Returns the ownership of a live object if it forbids writing `object`. A whole object may not replace that of another tool
/// or resource, unless it may be adopted. Fields may not be set in an object that a resource manages as a whole.
pub fn conflicting_owner(
    object: &Object,
    live: &Json,
    identity: &OwnerIdentity,
    recorded: Option<&RecordedObject>,
) -> Option<Ownership> {
    let ownership = classify(live, identity, recorded);
    let forbids_others = match object.scope {
        ManagementScope::Whole => !ownership.is_adoptable(&identity.takeover),
        ManagementScope::Fields => has_owning_resource(live),
    };
    (ownership.other_owner().is_some() && forbids_others).then_some(ownership)
}

/// Whether another tool had made the live object that becomes or is the resource's, so that a destroy releases it: an
/// annotation or the record says so, or it is adopted now. An object that was deleted and made again is the resource's own.
/// Only objects of shared kinds are released.
pub fn is_adopted(object: &Object, live: &Json, identity: &OwnerIdentity, recorded: Option<&RecordedObject>) -> bool {
    let is_recorded = |recorded: &RecordedObject| {
        recorded.is_adopted_as(object.scope)
            && (recorded.uid.is_empty() || text(live, &["metadata", "uid"]) == Some(&recorded.uid))
    };
    object.scope == ManagementScope::Whole
        && object.key.kind.field_ownership == FieldOwnership::Shared
        && (has_adopted_annotation(live)
            || recorded.is_some_and(is_recorded)
            || classify(live, identity, recorded).other_owner().is_some())
}

/// Whether a removal of the object leaves it in place: other clients depend on an object of a shared kind that another tool had
/// made before.
pub fn is_released(key: &Key, recorded: &RecordedObject, live: &Json) -> bool {
    key.kind.field_ownership == FieldOwnership::Shared
        && (recorded.adopted || recorded.moved || has_adopted_annotation(live))
}

fn has_adopted_annotation(live: &Json) -> bool {
    text(live, &["metadata", "annotations", annotation::ADOPTED]) == Some("true")
}

/// The managers in `managedFields`.
fn field_managers(live: &Json) -> Vec<String> {
    let entries = at(live, &["metadata", "managedFields"]).as_array().map(Vec::as_slice).unwrap_or_default();
    let names: BTreeSet<_> = entries.iter().filter_map(|entry| text(entry, &["manager"])).collect();
    names.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::object::{
        Stage,
        kind::{SERVICE, VIRTUAL_SERVICE},
    };

    fn identity() -> OwnerIdentity {
        OwnerIdentity {
            owner: "infra/prod".into(),
            former_owner: Some("infra/old".into()),
            resource: "mesh_service/pci/payments".into(),
            instance: "i1".into(),
            arguments: "{}".into(),
            takeover: Takeover::default(),
            is_current: false,
        }
    }

    fn live(owner: &str, resource: &str, instance: &str) -> Json {
        json!({"metadata": {"uid": "u1", "annotations": {
            annotation::OWNER: owner, annotation::RESOURCE: resource, annotation::INSTANCE: instance,
        }}})
    }

    fn other_resource(owner: &str, description: &str) -> Ownership {
        Ownership::OtherResource { owner: owner.to_owned(), description: description.to_owned() }
    }

    fn recorded(uid: &str) -> RecordedObject {
        RecordedObject { uid: uid.to_owned(), ..RecordedObject::default() }
    }

    #[test]
    fn annotations_and_record_decide_the_owner() {
        let by_kubectl =
            json!({"metadata": {"uid": "u2", "managedFields": [{"manager": "kubectl"}, {"manager": "argocd"}]}});
        let rows = [
            (live("infra/prod", "mesh_service/pci/payments", "i1"), None, Ownership::Ours),
            (live("infra/prod", "mesh_service/pci/payments", "i2"), None, Ownership::OtherInstance),
            (live("infra/old", "mesh_service/pci/payments", "i1"), None, Ownership::Ours),
            (
                live("infra/prod", "mesh_service/pci/other", "i1"),
                None,
                other_resource(
                    "infra/prod",
                    "it belongs to mesh_service/pci/other of this same owner (\"infra/prod\")",
                ),
            ),
            (live("infra/prod", "mesh_service/pci/former", "i1"), Some("u1"), Ownership::Ours),
            (
                live("infra/prod", "mesh_service/pci/other", "i2"),
                Some("u1"),
                other_resource(
                    "infra/prod",
                    "it belongs to mesh_service/pci/other of this same owner (\"infra/prod\")",
                ),
            ),
            (
                live("shop/prod", "mesh_service/pci/payments", "i1"),
                Some("u1"),
                other_resource("shop/prod", "it belongs to mesh_service/pci/payments of owner \"shop/prod\""),
            ),
            (
                live("shop\nError: x", "mesh_service/pci/a\nError: y", "i1"),
                None,
                other_resource(
                    "shop\nError: x",
                    "it belongs to mesh_service/pci/a Error: y of owner \"shop\\nError: x\"",
                ),
            ),
            (json!({"metadata": {"uid": "u1"}}), Some("u1"), Ownership::Ours),
            (
                json!({"metadata": {"uid": "u2"}}),
                Some("u1"),
                Ownership::OtherTool("this provider didn't make it".into()),
            ),
            (
                by_kubectl,
                None,
                Ownership::OtherTool("this provider didn't make it; it was written by argocd, kubectl".into()),
            ),
        ];
        for (live, uid, expected) in rows {
            assert_eq!(classify(&live, &identity(), uid.map(recorded).as_ref()), expected, "{live}");
        }
    }

    #[test]
    fn stamped_objects_are_adopted_from_the_named_owner_only() {
        let takeover = |adopt_existing, owner: Option<&str>| Takeover {
            adopt_existing,
            adopt_from_owner: owner.map(str::to_owned),
            ..Takeover::default()
        };
        let tool = Ownership::OtherTool(String::new());
        let (named, unnamed) = (other_resource("shop/prod", ""), other_resource("", ""));
        for (takeover, adoptable) in [
            (takeover(false, None), [false, false, false]),
            (takeover(true, None), [true, false, false]),
            (takeover(false, Some("shop/prod")), [false, true, false]),
            (takeover(true, Some("pci/prod")), [true, false, false]),
            (takeover(true, Some("")), [true, false, false]),
        ] {
            let all = [&tool, &named, &unnamed].map(|ownership| ownership.is_adoptable(&takeover));
            assert_eq!(all, adoptable, "{takeover:?}");
        }
        assert!(!Ownership::Ours.is_adoptable(&takeover(true, None)));
    }

    #[test]
    fn object_with_recorded_fields_is_not_ours() {
        let fields = RecordedObject { fields_only: true, ..recorded("u1") };
        let ownership = classify(&json!({"metadata": {"uid": "u1"}}), &identity(), Some(&fields));
        assert_eq!(ownership, Ownership::OtherTool("this provider didn't make it".into()));
    }

    #[test]
    fn moved_object_is_ours_before_it_is_annotated() {
        let moved = RecordedObject { moved: true, ..RecordedObject::default() };
        let unmarked = json!({"metadata": {"uid": "u1"}});
        assert_eq!(classify(&unmarked, &identity(), Some(&moved)), Ownership::Ours);
        let annotated = live("shop/prod", "mesh_service/pci/payments", "i1");
        assert!(matches!(classify(&annotated, &identity(), Some(&moved)), Ownership::OtherResource { .. }));
    }

    #[test]
    fn object_of_another_instance_is_deleted_only_if_no_newer_instance_can_have_it() {
        let (own, inherited) = (recorded("u1"), RecordedObject { inherited: true, ..recorded("u1") });
        let without_instance = OwnerIdentity { instance: String::new(), ..identity() };
        assert!(!Ownership::OtherInstance.allows_delete(&identity(), &own));
        assert!(Ownership::OtherInstance.allows_delete(&identity(), &inherited));
        assert!(Ownership::OtherInstance.allows_delete(&without_instance, &own));
        let current = OwnerIdentity { is_current: true, ..identity() };
        assert!(Ownership::OtherInstance.allows_delete(&current, &own));
        assert!(!other_resource("shop/prod", "").allows_delete(&current, &own));
        assert!(!Ownership::OtherTool(String::new()).allows_delete(&without_instance, &inherited));
    }

    #[test]
    fn adopted_object_stays_so_until_it_is_made_again() {
        let service = |scope| Object { scope, ..Object::whole(Key::new(&SERVICE, "pci", "x"), json!({}), Stage(0)) };
        let (whole, fields) = (service(ManagementScope::Whole), service(ManagementScope::Fields));
        let route = Object::whole(Key::new(&VIRTUAL_SERVICE, "pci", "x"), json!({}), Stage(0));
        let of_tool = json!({"metadata": {"uid": "u1"}});
        let ours = live("infra/prod", "mesh_service/pci/payments", "i2");
        let mut annotated = ours.clone();
        annotated["metadata"]["annotations"][annotation::ADOPTED] = json!("true");
        let adopted = |uid| RecordedObject { adopted: true, ..recorded(uid) };
        for (object, live, recorded, expected) in [
            (&whole, &of_tool, None, true),
            (&route, &of_tool, None, false),
            (&fields, &of_tool, None, false),
            (&whole, &ours, None, false),
            (&whole, &annotated, None, true),
            (&whole, &ours, Some(adopted("u1")), true),
            (&whole, &ours, Some(adopted("of an object that was deleted")), false),
        ] {
            assert_eq!(is_adopted(object, live, &identity(), recorded.as_ref()), expected, "{live} {recorded:?}");
        }
    }

    #[test]
    fn renamed_owner_is_recognized_by_its_former_name() {
        assert!(identity().is_owner(Some("infra/prod")) && identity().is_owner(Some("infra/old")));
        assert!(!identity().is_owner(Some("shop/prod")) && !identity().is_owner(None));
        assert!(!OwnerIdentity { former_owner: None, ..identity() }.is_owner(None));
    }
}
