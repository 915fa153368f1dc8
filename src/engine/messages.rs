//! The diagnostics of plan and apply about single objects.

use serde_json::Value as Json;

use super::{
    drift::{conflicting_managers, differences, owned_fields},
    ownership::{OwnerIdentity, Ownership},
};
use crate::{
    diagnostics::{Diagnostics, Path},
    object::{Key, ManagementScope, Object},
};

/// Warns that an object of another tool doesn't exist, so that its fields can't be set yet.
pub(super) fn warn_absent(object: &Object, out: &mut Diagnostics) {
    out.warn(
        &Path::root(),
        format!("{} isn't there yet", object.key.kind.kind),
        format!(
            "{} is managed by another tool, and this resource sets only some of its fields. The first apply that finds the object sets them; until then each plan shows them.",
            object.key
        ),
    );
}

/// Warns that apply releases an object that the resource managed as a whole. With [`ManagementScope::Fields`] the resource
/// goes on setting some fields.
pub(super) fn warn_release(key: &Key, remaining: Option<ManagementScope>, out: &mut Diagnostics) {
    let except = match remaining {
        Some(ManagementScope::Fields) => ", except for the fields that the plan shows",
        _ => "",
    };
    out.warn(
        &Path::root(),
        format!("{} is left in place", key.kind.kind),
        format!(
            "{key} isn't managed by this resource any more{except}. Apply removes only this provider's labels, annotations \
             and field ownership from it, so that another tool can take it over unchanged."
        ),
    );
}

/// Reports that an object of another owner forbids writing `object`.
pub(super) fn report_conflict(object: &Object, ownership: &Ownership, identity: &OwnerIdentity, out: &mut Diagnostics) {
    let (key, kind) = (&object.key, object.key.kind.kind);
    let owner = ownership.other_owner().unwrap_or_default();
    match object.scope {
        ManagementScope::Whole => out.error(
            &Path::root(),
            format!("{kind} exists already"),
            format!("{key} is in the cluster, and {owner}. It is left as it is. {}", takeover_advice(ownership, identity)),
        ),
        ManagementScope::Fields => out.error(
            &Path::root(),
            format!("{kind} is another resource's"),
            format!(
                "{key} is in the cluster, and {owner}. That resource manages the whole object, so this one can't set some \
                 of its fields. Set the fields in that resource, or remove the object from that resource first."
            ),
        ),
    };
}

/// Says how the resource comes to an object of another owner.
fn takeover_advice(ownership: &Ownership, identity: &OwnerIdentity) -> String {
    match ownership {
        Ownership::OtherResource { owner, .. } if *owner == identity.owner => format!(
            "Remove it there, or give this resource another name. To take it over as it is, remove that resource from the state \
             and set adopt_from_owner = {owner:?}."
        ),
        Ownership::OtherResource { owner, .. } if !owner.is_empty() => format!(
            "adopt_existing doesn't take objects of another owner. To take it over, remove it from that owner's state, and set \
             adopt_from_owner = {owner:?}; else give this resource another name."
        ),
        Ownership::OtherResource { .. } => {
            "Its annotations are incomplete: restore them, or delete it there, or give this resource another name.".to_owned()
        }
        _ => "To take it over, import the resource or set adopt_existing = true; else delete it there, or give this resource \
              another name."
            .to_owned(),
    }
}

/// Warns that apply adopts an existing object, and which fields it changes. The plan of a create only shows the desired
/// object, so this is the only place that mentions the live one.
pub(super) fn warn_adoption(live: &Json, object: &Object, ownership: &Ownership, out: &mut Diagnostics) {
    let owned = owned_fields(live, Some(&object.body), &object.key);
    let fields = differences(&owned, &object.body);
    let changes = if fields.is_empty() { "nothing in it".to_owned() } else { fields.join(", ") };
    let recreation = if object.is_recreated(&owned) {
        " That can't be changed in place, so apply deletes it and creates it again."
    } else {
        ""
    };
    let argument = match ownership {
        Ownership::OtherResource { .. } => "adopt_from_owner",
        _ => "adopt_existing",
    };
    out.warn(
        &Path::root().attribute(argument),
        format!("{} will be taken over", object.key.kind.kind),
        format!(
            "{} is in the cluster, and {}. Apply makes it this resource's, and changes {changes}.{recreation}",
            object.key,
            ownership.other_owner().unwrap_or_default()
        ),
    );
}

/// Warns which field managers changed the object since the last apply. The plan shows the live values, and apply reverts
/// them.
pub(super) fn warn_drift(live: &Json, object: &Object, out: &mut Diagnostics) {
    if owned_fields(live, Some(&object.body), &object.key) == object.body {
        return;
    }
    for (manager, fields) in conflicting_managers(live, &object.body, &object.key) {
        out.warn(
            &Path::root(),
            format!("{} was changed by {manager}", object.key.kind.kind),
            format!("{}: {} set by {manager}. Apply takes this back.", object.key, fields.join(", ")),
        );
    }
}

/// Warns if the server stored other values than were sent, because of a mutating webhook or policy. Every later plan will
/// show the difference.
pub(super) fn warn_if_mutated(stored: &Json, sent: &Json, key: &Key, out: &mut Diagnostics) {
    let fields = differences(stored, sent);
    if !fields.is_empty() {
        out.warn(
            &Path::root(),
            format!("The cluster changes {} as it is written", key.kind.kind),
            format!(
                "{key}: the API server stored {} with other values than this resource sent, so a mutating webhook or \
                 policy of the cluster changes them, and every plan will show the difference. Exclude objects with the \
                 label terraform-provider-mesh/managed from the webhook or policy, or configure the values that it sets.",
                fields.join(", ")
            ),
        );
    }
}

/// Warns that a delete left an object in place, because it belongs to another owner.
pub(super) fn warn_not_deleted(key: &Key, owner: &str, out: &mut Diagnostics) {
    out.warn(&Path::root(), format!("{} was left in place", key.kind.kind), format!("{key} was not deleted: {owner}."));
}
