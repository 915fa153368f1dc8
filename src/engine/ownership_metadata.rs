//! The label and the annotations with which objects are written. Pure.

use serde_json::{Value as Json, json};

use super::ownership::OwnerIdentity;
use crate::{
    json_path::{at, set, text},
    object::{Key, annotation, label},
};

const ANNOTATIONS: [&str; 5] =
    [annotation::OWNER, annotation::RESOURCE, annotation::INSTANCE, annotation::ARGUMENTS, annotation::ADOPTED];

/// Facts about one object that its annotations record in addition to its owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Whether the object carries the arguments of its resource.
    pub carries_arguments: bool,
    /// Whether another tool had made the object, so that a destroy releases it.
    pub adopted: bool,
}

/// Kinds whose object may carry the arguments of its resource, in order of preference. Kinds of which a resource sets some
/// fields only never do.
const ARGUMENTS_KINDS: [&str; 14] = [
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
    "Service",
    "ServiceAccount",
    "Namespace",
];

/// Chooses the object that carries the arguments: the first of the preferred kind, in the order in which objects are
/// rendered. An object outside the namespace of the resource's id, where an import doesn't look, is rendered after one
/// inside it.
pub fn arguments_object<'a>(keys: impl Iterator<Item = &'a Key>) -> Option<&'a Key> {
    keys.filter_map(|key| Some((ARGUMENTS_KINDS.iter().position(|kind| *kind == key.kind.kind)?, key)))
        .min_by_key(|(position, _)| *position)
        .map(|(_, key)| key)
}

/// Returns `body` with the label and the annotations of its owner.
pub fn with_ownership_metadata(body: &Json, identity: &OwnerIdentity, marks: Marks) -> Json {
    let mut body = body.clone();
    set(&mut body, &["metadata", "labels", label::MANAGED], json!("true"));
    for (name, value) in annotations(identity, marks) {
        set(&mut body, &["metadata", "annotations", name], json!(value));
    }
    body
}

/// Whether a live object has exactly the label and the annotations that a write would give it.
pub fn has_current_metadata(live: &Json, identity: &OwnerIdentity, marks: Marks) -> bool {
    let desired = annotations(identity, marks);
    let is_current = |name: &str| {
        let desired = desired.iter().find(|(desired, _)| *desired == name).map(|(_, value)| *value);
        text(live, &["metadata", "annotations", name]) == desired
    };
    at(live, &["metadata", "labels", label::MANAGED]) == "true" && ANNOTATIONS.into_iter().all(is_current)
}

fn annotations(identity: &OwnerIdentity, marks: Marks) -> Vec<(&'static str, &str)> {
    let mut all = vec![
        (annotation::OWNER, identity.owner.as_str()),
        (annotation::RESOURCE, &identity.resource),
        (annotation::INSTANCE, &identity.instance),
    ];
    if marks.carries_arguments && !identity.arguments.is_empty() {
        all.push((annotation::ARGUMENTS, &identity.arguments));
    }
    if marks.adopted {
        all.push((annotation::ADOPTED, "true"));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{
        Takeover,
        kind::{DESTINATION_RULE, SERVICE, VIRTUAL_SERVICE},
    };

    #[test]
    fn metadata_is_current_until_any_of_it_changes() {
        let identity = OwnerIdentity {
            owner: "infra/prod".into(),
            former_owner: None,
            resource: "mesh_service/pci/payments".into(),
            instance: "i1".into(),
            arguments: "{}".into(),
            takeover: Takeover::default(),
            is_current: true,
        };
        let (plain, with_arguments) = (Marks::default(), Marks { carries_arguments: true, ..Marks::default() });
        let body = json!({"metadata": {"name": "x"}});
        let live = with_ownership_metadata(&body, &identity, with_arguments);
        assert!(has_current_metadata(&live, &identity, with_arguments));
        let unrecorded = OwnerIdentity { arguments: String::new(), ..identity.clone() };
        assert!(
            !has_current_metadata(&live, &unrecorded, with_arguments),
            "the annotation goes where arguments aren't recorded"
        );
        let live = with_ownership_metadata(&json!({}), &unrecorded, with_arguments);
        assert!(text(&live, &["metadata", "annotations", annotation::ARGUMENTS]).is_none());
        let live = with_ownership_metadata(&json!({}), &identity, with_arguments);
        assert!(!has_current_metadata(&live, &identity, plain), "another object carries the arguments now");
        assert!(!has_current_metadata(
            &live,
            &OwnerIdentity { owner: "new".into(), ..identity.clone() },
            with_arguments
        ));
        assert!(!has_current_metadata(&body, &identity, plain));
        let adopted = Marks { adopted: true, ..plain };
        let live = with_ownership_metadata(&body, &identity, adopted);
        assert!(has_current_metadata(&live, &identity, adopted) && !has_current_metadata(&live, &identity, plain));
    }

    #[test]
    fn object_of_preferred_kind_carries_the_arguments() {
        let keys = [&SERVICE, &VIRTUAL_SERVICE, &DESTINATION_RULE].map(|kind| Key::new(kind, "pci", "x"));
        assert_eq!(arguments_object(keys.iter()), keys.get(2));
    }
}
