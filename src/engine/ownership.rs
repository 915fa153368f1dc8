//! Ownership an object is: what we write on it, and what we read from it. Pure.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::record::RecordedObject;
use crate::{
    json_path::{at, set, text},
    object::{
        Key, Takeover,
        annotation::{ARGUMENTS, INSTANCE, OWNER, RESOURCE},
        label::MANAGED,
    },
};

const ANNOTATIONS: [&str; 4] = [OWNER, RESOURCE, INSTANCE, ARGUMENTS];

/// Kinds whose object carries the arguments, best first. Objects that only lend us fields never do.
const ANCHORS: [&str; 15] = [
    "ServiceEntry",
    "Gateway",
    "DestinationRule",
    "VirtualService",
    "AuthorizationPolicy",
    "Sidecar",
    "PeerAuthentication",
    "RequestAuthentication",
    "Telemetry",
    "EnvoyFilter",
    "ValidatingAdmissionPolicy",
    "Role",
    "Service",
    "ServiceAccount",
    "Namespace",
];

/// In whose name a resource's objects are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerIdentity {
    /// The provider's `owner`.
    pub owner: String,
    /// What `owner` was when the resource was written last, where it has been renamed since.
    pub former_owner: Option<String>,
    /// `mesh_service/pci/payments`
    pub resource: String,
    /// The random id of this life of the resource.
    pub instance: String,
    /// The arguments as written, compact JSON.
    pub arguments: String,
    /// What becomes of objects of others.
    pub takeover: Takeover,
}

/// Ownership a live object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// This resource's: we may write it.
    Ours,
    /// This resource's by name and owner, but of another life of it: another address, or one that was replaced. We may
    /// write it, and must not delete it.
    OtherInstance,
    /// Somebody's; who, in words.
    Other(String),
}

/// Is it a key of ours? Such keys are bookkeeping, never part of `objects`.
pub fn is_ownership_key(key: &str) -> bool {
    key == MANAGED || ANNOTATIONS.contains(&key)
}

/// A resource of this provider, not only this one, has it as a whole. An apply of some fields would take the others from it:
/// they have the same field manager.
pub fn is_stamped(live: &Json) -> bool {
    !at(live, &["metadata", "annotations", RESOURCE]).is_null()
}

/// Judges by the stamps. What we noted when we wrote it counts as well: an object whose annotations somebody removed stays
/// ours, as does one that we made under a former name, and one that a `moved` block brought becomes it. One that only lent us fields stays somebody else's.
pub fn classify(live: &Json, identity: &OwnerIdentity, noted: Option<&RecordedObject>) -> Ownership {
    let said = |name: &str| text(live, &["metadata", "annotations", name]);
    let (owner, resource, instance) = (said(OWNER), said(RESOURCE), said(INSTANCE));
    let by_us = owner == Some(&identity.owner) || owner.is_some() && owner == identity.former_owner.as_deref();
    if by_us && resource == Some(&identity.resource) {
        return if instance == Some(&identity.instance) { Ownership::Ours } else { Ownership::OtherInstance };
    }
    let same = |noted: &RecordedObject| !noted.uid.is_empty() && text(live, &["metadata", "uid"]) == Some(&noted.uid);
    let known = noted.is_some_and(|noted| noted.moved || !noted.fields_only && same(noted));
    // What this life made under another id is left of a change of name: nobody else has the instance.
    let renamed =
        by_us && !identity.instance.is_empty() && instance == Some(&identity.instance) && noted.is_some_and(same);
    if owner.is_none() && known || renamed {
        return Ownership::Ours;
    }
    Ownership::Other(match (owner, resource) {
        (Some(owner), Some(resource)) if owner == identity.owner => {
            format!("it belongs to {resource} of this same owner ({owner:?})")
        }
        (Some(owner), resource) => {
            format!("it belongs to {} of owner {owner:?}", resource.unwrap_or("another resource"))
        }
        (None, _) => match managers(live) {
            managers if managers.is_empty() => "this provider didn't make it".to_owned(),
            managers => format!("this provider didn't make it; it was written by {}", managers.join(", ")),
        },
    })
}

/// Names in managedFields.
fn managers(live: &Json) -> Vec<String> {
    let entries = at(live, &["metadata", "managedFields"]).as_array().map(Vec::as_slice).unwrap_or_default();
    let names: BTreeSet<_> = entries.iter().filter_map(|entry| text(entry, &["manager"])).collect();
    names.into_iter().map(str::to_owned).collect()
}

/// The object of `keys` that carries the arguments: the first of the best kind, in the order in which they are rendered. What
/// is in another namespace than the id's, where an import wouldn't find it, comes after what isn't.
pub fn anchor<'a>(keys: impl Iterator<Item = &'a Key>) -> Option<&'a Key> {
    keys.filter_map(|key| Some((ANCHORS.iter().position(|kind| *kind == key.kind.kind)?, key)))
        .min_by_key(|(position, _)| *position)
        .map(|(_, key)| key)
}

/// `body` with our label and annotations.
pub fn stamped(body: &Json, identity: &OwnerIdentity, is_anchor: bool) -> Json {
    let mut body = body.clone();
    set(&mut body, &["metadata", "labels", MANAGED], json!("true"));
    for (name, value) in annotations(identity, is_anchor) {
        set(&mut body, &["metadata", "annotations", name], json!(value));
    }
    body
}

/// Whether a live object carries exactly the stamps that it should.
pub fn is_current(live: &Json, identity: &OwnerIdentity, is_anchor: bool) -> bool {
    let wanted = annotations(identity, is_anchor);
    let said = |name: &str| text(live, &["metadata", "annotations", name]);
    at(live, &["metadata", "labels", MANAGED]) == "true"
        && ANNOTATIONS
            .iter()
            .all(|name| said(name) == wanted.iter().find(|(wanted, _)| wanted == name).map(|(_, v)| *v))
}

fn annotations(identity: &OwnerIdentity, is_anchor: bool) -> Vec<(&'static str, &str)> {
    let mut all =
        vec![(OWNER, identity.owner.as_str()), (RESOURCE, &identity.resource), (INSTANCE, &identity.instance)];
    if is_anchor {
        all.push((ARGUMENTS, &identity.arguments));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::kind::{DESTINATION_RULE, SERVICE, VIRTUAL_SERVICE};

    fn identity() -> OwnerIdentity {
        OwnerIdentity {
            owner: "infra/prod".into(),
            former_owner: Some("infra/old".into()),
            resource: "mesh_service/pci/payments".into(),
            instance: "i1".into(),
            arguments: "{}".into(),
            takeover: Takeover::default(),
        }
    }

    fn live(owner: &str, resource: &str, instance: &str) -> Json {
        json!({"metadata": {"uid": "u1", "annotations": {OWNER: owner, RESOURCE: resource, INSTANCE: instance}}})
    }

    #[test]
    fn whose_it_is() {
        let by_kubectl =
            json!({"metadata": {"uid": "u2", "managedFields": [{"manager": "kubectl"}, {"manager": "argocd"}]}});
        let rows = [
            (live("infra/prod", "mesh_service/pci/payments", "i1"), None, Ownership::Ours),
            (live("infra/prod", "mesh_service/pci/payments", "i2"), None, Ownership::OtherInstance),
            (live("infra/old", "mesh_service/pci/payments", "i1"), None, Ownership::Ours),
            (
                live("infra/prod", "mesh_service/pci/other", "i1"),
                None,
                Ownership::Other("it belongs to mesh_service/pci/other of this same owner (\"infra/prod\")".into()),
            ),
            (live("infra/prod", "mesh_service/pci/former", "i1"), Some("u1"), Ownership::Ours),
            (
                live("infra/prod", "mesh_service/pci/other", "i2"),
                Some("u1"),
                Ownership::Other("it belongs to mesh_service/pci/other of this same owner (\"infra/prod\")".into()),
            ),
            (
                live("shop/prod", "mesh_service/pci/payments", "i1"),
                Some("u1"),
                Ownership::Other("it belongs to mesh_service/pci/payments of owner \"shop/prod\"".into()),
            ),
            (json!({"metadata": {"uid": "u1"}}), Some("u1"), Ownership::Ours),
            (json!({"metadata": {"uid": "u2"}}), Some("u1"), Ownership::Other("this provider didn't make it".into())),
            (
                by_kubectl,
                None,
                Ownership::Other("this provider didn't make it; it was written by argocd, kubectl".into()),
            ),
        ];
        let lent = RecordedObject { uid: "u1".into(), fields_only: true, ..RecordedObject::default() };
        let somebody_else_s = Ownership::Other("this provider didn't make it".into());
        assert_eq!(classify(&json!({"metadata": {"uid": "u1"}}), &identity(), Some(&lent)), somebody_else_s);
        for (live, uid, expected) in rows {
            let noted = uid.map(|uid: &str| RecordedObject { uid: uid.to_owned(), ..RecordedObject::default() });
            assert_eq!(classify(&live, &identity(), noted.as_ref()), expected, "{live}");
        }
    }

    #[test]
    fn a_stamp_is_current_until_anything_of_it_changes() {
        let body = json!({"metadata": {"name": "x"}});
        let live = stamped(&body, &identity(), true);
        assert!(is_current(&live, &identity(), true));
        assert!(!is_current(&live, &identity(), false), "it isn't the anchor any more");
        assert!(!is_current(&live, &OwnerIdentity { owner: "new".into(), ..identity() }, true));
        assert!(!is_current(&body, &identity(), false));
    }

    #[test]
    fn the_anchor_is_the_best_kind() {
        let keys = [&SERVICE, &VIRTUAL_SERVICE, &DESTINATION_RULE].map(|kind| Key::new(kind, "pci", "x"));
        assert_eq!(anchor(keys.iter()), keys.get(2));
    }
}
