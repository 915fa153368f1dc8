//! Which fields of a live object belong to the resource, and which other managers set them. Pure.
//!
//! [`owned_fields`] is the live side of the `objects` attribute. For an object without changes it returns exactly the
//! body that was applied, byte for byte. [`exclusive_ownership_patch`] takes the ownership of fields from other managers by
//! rewriting `managedFields` only; the apply that follows sets the desired values and prunes the other fields in one atomic
//! change.

mod field_set;

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

use crate::{
    json_path::{at, set, text},
    object::{FIELD_MANAGER, FieldOwnership, Key, is_ownership_key},
};

/// Annotations and labels that Istio reads. In kinds of exclusive ownership they belong to the resource even if it doesn't
/// set them.
const ISTIO_METADATA: [&str; 3] = ["istio.io/dry-run", "networking.istio.io/exportTo", "istio.io/rev"];

/// Members of a manifest that aren't its content.
const NON_CONTENT: [&str; 4] = ["apiVersion", "kind", "metadata", "status"];

/// Returns the part of `live` that belongs to the resource: the fields of `desired` (at refresh, of the body that was written
/// last) and those that `managedFields` attributes to the provider. In kinds of exclusive ownership, all content and the
/// metadata that Istio reads.
pub fn owned_fields(live: &Json, desired: Option<&Json>, key: &Key) -> Json {
    let desired_fields = desired.map_or(json!({}), |desired| field_set::of_body(desired, key));
    let owned = field_set::union(&desired_fields, &applied_field_set(live));
    let mut body = Map::new();
    body.insert("apiVersion".into(), json!(key.kind.api_version()));
    body.insert("kind".into(), json!(key.kind.kind));
    let mut metadata = Map::new();
    metadata.insert("name".into(), json!(key.name));
    if let Some(namespace) = &key.namespace {
        metadata.insert("namespace".into(), json!(namespace));
    }
    for part in ["labels", "annotations"] {
        let is_owned = |name: &str| {
            !is_ownership_key(name)
                && (key.kind.field_ownership == FieldOwnership::Exclusive && ISTIO_METADATA.contains(&name)
                    || at(&owned, &["f:metadata", &field_set::member(part), &field_set::member(name)]).is_object())
        };
        let members = at(live, &["metadata", part]).as_object().into_iter().flatten();
        let owned: Map<_, _> =
            members.filter(|(name, _)| is_owned(name)).map(|(name, value)| (name.clone(), value.clone())).collect();
        if !owned.is_empty() {
            metadata.insert(part.into(), Json::Object(owned));
        }
    }
    body.insert("metadata".into(), Json::Object(metadata));
    for (name, value) in content(live) {
        match key.kind.field_ownership {
            FieldOwnership::Exclusive => body.insert(name.clone(), value.clone()),
            FieldOwnership::Shared => match owned.get(field_set::member(name)) {
                Some(fields) => body.insert(name.clone(), field_set::select(value, fields)),
                None => None,
            },
        };
    }
    Json::Object(body)
}

/// Returns the members of a manifest that are its content: `spec`, or what other kinds have in its place (`roleRef`).
pub fn content(object: &Json) -> impl Iterator<Item = (&String, &Json)> {
    object.as_object().into_iter().flatten().filter(|(name, _)| !NON_CONTENT.contains(&name.as_str()))
}

/// Returns the other field managers that set fields of exclusive ownership, with the paths of these fields.
pub fn conflicting_managers(live: &Json, desired: &Json, key: &Key) -> Vec<(String, Vec<String>)> {
    let owns = exclusive_ownership(desired, key);
    let mut conflicts: Vec<(String, Vec<String>)> = Vec::new();
    for entry in managed_fields(live).iter().filter(|entry| !is_apply_entry(entry) && !is_status_entry(entry)) {
        let (owned, _) = field_set::split(&entry["fieldsV1"], &owns);
        let paths = field_set::leaf_paths(&owned);
        if !paths.is_empty() {
            conflicts.push((text(entry, &["manager"]).unwrap_or("an unnamed manager").to_owned(), paths));
        }
    }
    conflicts
}

/// Returns the JSON patch that makes the provider the only manager of every field that it owns exclusively, without changing
/// a value. `None` if it is already. The patch has the resourceVersion that was read, so the server refuses it for a newer
/// object.
pub fn exclusive_ownership_patch(live: &Json, desired: &Json, key: &Key) -> Option<Json> {
    ownership_patch(live, key, &exclusive_ownership(desired, key))
}

/// Returns the JSON patch for an object of a shared kind that becomes the resource's: the provider becomes the only manager
/// of the fields of `desired`, and the managers of other fields stay.
pub fn shared_ownership_patch(live: &Json, desired: &Json, key: &Key) -> Option<Json> {
    let desired_fields = field_set::of_body(desired, key);
    ownership_patch(live, key, &|path: &[&str]| field_set::sets(&desired_fields, path))
}

fn ownership_patch(live: &Json, key: &Key, owns: &impl Fn(&[&str]) -> bool) -> Option<Json> {
    let mut our_fields = json!({});
    let mut other_entries = Vec::new();
    let mut changes = false;
    for entry in managed_fields(live) {
        if is_apply_entry(entry) {
            our_fields = field_set::union(&our_fields, &entry["fieldsV1"]);
            continue;
        }
        if is_status_entry(entry) {
            other_entries.push(entry.clone());
            continue;
        }
        let (owned, others) = field_set::split(&entry["fieldsV1"], owns);
        if field_set::is_empty(&owned) {
            other_entries.push(entry.clone());
            continue;
        }
        changes = true;
        our_fields = field_set::union(&our_fields, &owned);
        if !field_set::is_empty(&others) {
            let mut entry = entry.clone();
            set(&mut entry, &["fieldsV1"], others);
            other_entries.push(entry);
        }
    }
    if !changes {
        return None;
    }
    let mut entries = vec![json!({
        "manager": FIELD_MANAGER, "operation": "Apply", "apiVersion": key.kind.api_version(),
        "fieldsType": "FieldsV1", "fieldsV1": our_fields,
    })];
    entries.extend(other_entries);
    Some(json!([
        { "op": "replace", "path": "/metadata/managedFields", "value": entries },
        { "op": "replace", "path": "/metadata/resourceVersion", "value": at(live, &["metadata", "resourceVersion"]) },
    ]))
}

/// Returns the JSON patch that releases an object: it removes the ownership labels and annotations and the provider's entry
/// in `managedFields`. Every other value stays.
pub fn release_patch(live: &Json) -> Json {
    let other_entries: Vec<_> =
        managed_fields(live).iter().filter(|entry| text(entry, &["manager"]) != Some(FIELD_MANAGER)).collect();
    let mut operations = vec![
        json!({ "op": "test", "path": "/metadata/resourceVersion", "value": at(live, &["metadata", "resourceVersion"]) }),
    ];
    for part in ["labels", "annotations"] {
        let members = at(live, &["metadata", part]).as_object().into_iter().flatten();
        operations.extend(members.filter(|(name, _)| is_ownership_key(name)).map(|(name, _)| {
            json!({ "op": "remove", "path": format!("/metadata/{part}/{}", name.replace('~', "~0").replace('/', "~1")) })
        }));
    }
    // The server ignores an empty list; it clears managedFields if the list has one empty entry.
    let entries = if other_entries.is_empty() { json!([{}]) } else { json!(other_entries) };
    operations.push(json!({ "op": "replace", "path": "/metadata/managedFields", "value": entries }));
    Json::Array(operations)
}

/// Returns the paths at which two bodies differ, as users write them. The path of a difference is as short as possible: a
/// list that differs is one path.
pub fn differences(a: &Json, b: &Json) -> Vec<String> {
    fn walk(a: &Json, b: &Json, path: &str, out: &mut Vec<String>) {
        match (a, b) {
            (Json::Object(members), Json::Object(other_members)) => {
                let names: BTreeSet<_> = members.keys().chain(other_members.keys()).collect();
                for name in names {
                    let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    walk(at(a, &[name]), at(b, &[name]), &inner, out);
                }
            }
            _ if a == b => {}
            _ => out.push(path.to_owned()),
        }
    }
    let mut out = Vec::new();
    walk(a, b, "", &mut out);
    out
}

/// Whether the server has no record of field managers: a client cleared `managedFields`.
pub fn has_no_managers(live: &Json) -> bool {
    managed_fields(live).is_empty()
}

fn managed_fields(live: &Json) -> &[Json] {
    at(live, &["metadata", "managedFields"]).as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Whether the entry of `managedFields` lists what the provider applied.
fn is_apply_entry(entry: &Json) -> bool {
    at(entry, &["manager"]) == FIELD_MANAGER && at(entry, &["operation"]) == "Apply" && !is_status_entry(entry)
}

/// Whether the entry of `managedFields` is about a subresource, such as `status`.
fn is_status_entry(entry: &Json) -> bool {
    text(entry, &["subresource"]).is_some_and(|subresource| !subresource.is_empty())
}

/// The fields that the provider applied, by `managedFields`.
fn applied_field_set(live: &Json) -> Json {
    managed_fields(live)
        .iter()
        .filter(|entry| is_apply_entry(entry))
        .fold(json!({}), |all, entry| field_set::union(&all, &entry["fieldsV1"]))
}

/// Returns the predicate of the fields that belong to the resource alone: in kinds of exclusive ownership all content, the
/// metadata of `desired`, the metadata that Istio reads, and the ownership labels and annotations.
fn exclusive_ownership(desired: &Json, key: &Key) -> impl Fn(&[&str]) -> bool {
    let members = |part: &str| -> BTreeSet<String> {
        let members = at(desired, &["metadata", part]).as_object().into_iter().flatten();
        members.map(|(name, _)| field_set::member(name)).collect()
    };
    let (labels, annotations) = (members("labels"), members("annotations"));
    let is_exclusive = key.kind.field_ownership == FieldOwnership::Exclusive;
    move |path| {
        let owns = |desired: &BTreeSet<String>, member: &str| {
            desired.contains(member)
                || member
                    .strip_prefix("f:")
                    .is_some_and(|name| ISTIO_METADATA.contains(&name) || is_ownership_key(name))
        };
        is_exclusive
            && match path {
                ["f:metadata", "f:labels", member] => owns(&labels, member),
                ["f:metadata", "f:annotations", member] => owns(&annotations, member),
                [member] => member.strip_prefix("f:").is_some_and(|name| !NON_CONTENT.contains(&name)),
                _ => false,
            }
    }
}

#[cfg(test)]
mod tests;
