//! What of a live object is ours, and who else writes there. Pure.
//!
//! [`project`] is the live side of `objects`: the fields that are ours, with the values that they have now. It is a fixed
//! point: what we render and apply comes back byte for byte. [`take`] hands over what others hold in our territory, by
//! managedFields alone, so that the apply that follows sets what is wanted and prunes the rest in one atomic change.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

use super::ownership::is_ownership_key;
use crate::{
    json_path::{at, set, text},
    object::{FIELD_MANAGER, FieldOwnership, Key},
};

/// Annotations and labels that mean something to Istio: on kinds that are ours alone they are ours, written or not.
const MEANINGFUL: [&str; 3] = ["istio.io/dry-run", "networking.istio.io/exportTo", "istio.io/rev"];

/// Fields of an object that aren't its content.
const FRAME: [&str; 4] = ["apiVersion", "kind", "metadata", "status"];

/// The part of `live` that is ours: what `wanted` (or, at refresh, what we wrote last) has, and what the server's
/// managedFields say is ours. Of kinds that are ours alone, everything but status and foreign metadata.
pub fn owned_fields(live: &Json, wanted: Option<&Json>, key: &Key) -> Json {
    let ours = union(&wanted.map_or(json!({}), |wanted| fields_of(wanted, key, &mut Vec::new())), &our_fields(live));
    let mut projected = Map::new();
    projected.insert("apiVersion".into(), json!(key.kind.api_version()));
    projected.insert("kind".into(), json!(key.kind.kind));
    let mut metadata = Map::new();
    metadata.insert("name".into(), json!(key.name));
    if let Some(namespace) = &key.namespace {
        metadata.insert("namespace".into(), json!(namespace));
    }
    for part in ["labels", "annotations"] {
        let found = at(live, &["metadata", part]).as_object();
        let kept = |name: &str| {
            !is_ownership_key(name)
                && (key.kind.field_ownership == FieldOwnership::Exclusive && MEANINGFUL.contains(&name)
                    || at(&ours, &["f:metadata", &field(part), &field(name)]).is_object())
        };
        let kept: Map<_, _> =
            found.into_iter().flatten().filter(|(name, _)| kept(name)).map(|(k, v)| (k.clone(), v.clone())).collect();
        if !kept.is_empty() {
            metadata.insert(part.into(), Json::Object(kept));
        }
    }
    projected.insert("metadata".into(), Json::Object(metadata));
    for (name, value) in content(live) {
        match key.kind.field_ownership {
            FieldOwnership::Exclusive => projected.insert(name.clone(), value.clone()),
            FieldOwnership::Shared => match ours.get(field(name)) {
                Some(fields) => projected.insert(name.clone(), pick(value, fields)),
                None => None,
            },
        };
    }
    Json::Object(projected)
}

/// The fields of an object that are its content: `spec`, or what stands in its place.
pub fn content(object: &Json) -> impl Iterator<Item = (&String, &Json)> {
    object.as_object().into_iter().flatten().filter(|(name, _)| !FRAME.contains(&name.as_str()))
}

/// Who else holds fields in our territory, by name of manager, with the fields as people write them.
pub fn intruders(live: &Json, wanted: &Json, key: &Key) -> Vec<(String, Vec<String>)> {
    let mine = territory(wanted, key);
    let mut all: Vec<(String, Vec<String>)> = Vec::new();
    for entry in managed_fields(live).iter().filter(|entry| !is_ours(entry) && !is_status(entry)) {
        let (taken, _) = split(&entry["fieldsV1"], &mine);
        let mut names = Vec::new();
        leaves(&taken, "", &mut names);
        if !names.is_empty() {
            all.push((text(entry, &["manager"]).unwrap_or("an unnamed manager").to_owned(), names));
        }
    }
    all
}

/// The JSON patch that makes every field in our territory ours alone without changing a value; `None` where nobody else
/// holds any. It carries the resourceVersion that was read: a newer object refuses it.
pub fn take(live: &Json, wanted: &Json, key: &Key) -> Option<Json> {
    handed_over(live, key, &territory(wanted, key))
}

/// Likewise for an object of a kind that others write, too, when it becomes ours: the fields that we write are ours alone
/// from then on, and its other fields stay whose they are.
pub fn take_written(live: &Json, wanted: &Json, key: &Key) -> Option<Json> {
    let written = fields_of(wanted, key, &mut Vec::new());
    handed_over(live, key, &|path: &[&str]| is_written(&written, path))
}

fn handed_over(live: &Json, key: &Key, mine: &impl Fn(&[&str]) -> bool) -> Option<Json> {
    let mut ours = json!({});
    let mut others = Vec::new();
    let mut found = false;
    for entry in managed_fields(live) {
        if is_ours(entry) {
            ours = union(&ours, &entry["fieldsV1"]);
            continue;
        }
        if is_status(entry) {
            others.push(entry.clone());
            continue;
        }
        let (taken, left) = split(&entry["fieldsV1"], mine);
        if is_empty(&taken) {
            others.push(entry.clone());
            continue;
        }
        found = true;
        ours = union(&ours, &taken);
        if !is_empty(&left) {
            let mut rest = entry.clone();
            set(&mut rest, &["fieldsV1"], left);
            others.push(rest);
        }
    }
    if !found {
        return None;
    }
    others.insert(
        0,
        json!({
            "manager": FIELD_MANAGER, "operation": "Apply", "apiVersion": key.kind.api_version(),
            "fieldsType": "FieldsV1", "fieldsV1": ours,
        }),
    );
    Some(json!([
        { "op": "replace", "path": "/metadata/managedFields", "value": others },
        { "op": "replace", "path": "/metadata/resourceVersion", "value": at(live, &["metadata", "resourceVersion"]) },
    ]))
}

/// The JSON patch by which we let go of an object without changing what it says: our stamps and our entry in managedFields
/// go, every value stays.
pub fn released(live: &Json) -> Json {
    let others: Vec<_> =
        managed_fields(live).iter().filter(|entry| text(entry, &["manager"]) != Some(FIELD_MANAGER)).collect();
    let mut operations = vec![
        json!({ "op": "test", "path": "/metadata/resourceVersion", "value": at(live, &["metadata", "resourceVersion"]) }),
    ];
    for part in ["labels", "annotations"] {
        let ours =
            at(live, &["metadata", part]).as_object().into_iter().flatten().filter(|(name, _)| is_ownership_key(name));
        operations.extend(ours.map(|(name, _)| {
            json!({ "op": "remove", "path": format!("/metadata/{part}/{}", name.replace('~', "~0").replace('/', "~1")) })
        }));
    }
    // An empty list would be taken for "clear it", a list with an empty entry is how the server wants to hear "nobody".
    let others = if others.is_empty() { json!([{}]) } else { json!(others) };
    operations.push(json!({ "op": "replace", "path": "/metadata/managedFields", "value": others }));
    Json::Array(operations)
}

/// Where two bodies differ, as people write paths; the shortest that say it.
pub fn differences(a: &Json, b: &Json) -> Vec<String> {
    fn walk(a: &Json, b: &Json, path: &str, out: &mut Vec<String>) {
        match (a, b) {
            (Json::Object(mine), Json::Object(theirs)) => {
                let names: BTreeSet<_> = mine.keys().chain(theirs.keys()).collect();
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

/// The server has no record of who set what: somebody cleared it.
pub fn is_unmanaged(live: &Json) -> bool {
    managed_fields(live).is_empty()
}

// === field sets: the server's own notation, `f:name` for members, `k:{…}` for list elements, `.` for the thing itself ===

fn field(name: &str) -> String {
    format!("f:{name}")
}

fn managed_fields(live: &Json) -> &[Json] {
    at(live, &["metadata", "managedFields"]).as_array().map(Vec::as_slice).unwrap_or_default()
}

fn is_ours(entry: &Json) -> bool {
    at(entry, &["manager"]) == FIELD_MANAGER && at(entry, &["operation"]) == "Apply" && !is_status(entry)
}

fn is_status(entry: &Json) -> bool {
    text(entry, &["subresource"]).is_some_and(|part| !part.is_empty())
}

fn our_fields(live: &Json) -> Json {
    managed_fields(live)
        .iter()
        .filter(|entry| is_ours(entry))
        .fold(json!({}), |all, entry| union(&all, &entry["fieldsV1"]))
}

/// What is ours of an object of a kind that is ours alone: all content, and the metadata that we write or that has meaning.
fn territory(wanted: &Json, key: &Key) -> impl Fn(&[&str]) -> bool {
    let names = |part: &str| -> BTreeSet<String> {
        at(wanted, &["metadata", part]).as_object().into_iter().flatten().map(|(name, _)| field(name)).collect()
    };
    let (labels, annotations) = (names("labels"), names("annotations"));
    let exclusive = key.kind.field_ownership == FieldOwnership::Exclusive;
    let meaningful: Vec<String> = MEANINGFUL.iter().map(|name| field(name)).collect();
    move |path| {
        if !exclusive {
            return false;
        }
        let has = |set: &BTreeSet<String>, name: &str| {
            set.contains(name)
                || meaningful.iter().any(|m| m == name)
                || name.strip_prefix("f:").is_some_and(is_ownership_key)
        };
        match path {
            ["f:metadata", "f:labels", name] => has(&labels, name),
            ["f:metadata", "f:annotations", name] => has(&annotations, name),
            ["f:metadata", ..] => false,
            [content] => content.strip_prefix("f:").is_some_and(|name| !FRAME.contains(&name)),
            _ => false,
        }
    }
}

/// Whether a body with the field set `written` sets the field at `path`: a leaf, or being an element of a list.
fn is_written(written: &Json, path: &[&str]) -> bool {
    let (name, parents) = path.split_last().unwrap_or((&"", &[]));
    let parent = at(written, parents);
    match *name {
        "." => parents.last().is_some_and(|parent| parent.starts_with("k:")) && parent.is_object(),
        "f:apiVersion" | "f:kind" | "f:name" | "f:namespace" if matches!(parents, [] | ["f:metadata"]) => false,
        name => parent.get(name).is_some_and(is_empty),
    }
}

/// Splits a field set into what `mine` admits, whole subtrees at a time, and the rest.
fn split(fields: &Json, mine: &impl Fn(&[&str]) -> bool) -> (Json, Json) {
    fn walk<'a>(fields: &'a Json, path: &mut Vec<&'a str>, mine: &impl Fn(&[&str]) -> bool) -> (Json, Json) {
        let (mut taken, mut left) = (Map::new(), Map::new());
        for (name, inner) in fields.as_object().into_iter().flatten() {
            path.push(name);
            if mine(path) {
                taken.insert(name.clone(), inner.clone());
            } else {
                let (inner_taken, inner_left) = walk(inner, path, mine);
                if !is_empty(&inner_taken) {
                    taken.insert(name.clone(), inner_taken);
                }
                if !is_empty(&inner_left) || is_empty(inner) {
                    left.insert(name.clone(), inner_left);
                }
            }
            path.pop();
        }
        (Json::Object(taken), Json::Object(left))
    }
    walk(fields, &mut Vec::new(), mine)
}

fn is_empty(fields: &Json) -> bool {
    fields.as_object().is_none_or(Map::is_empty)
}

fn union(a: &Json, b: &Json) -> Json {
    match (a, b) {
        (Json::Object(a), Json::Object(b)) => {
            let mut all = a.clone();
            for (name, inner) in b {
                let merged = all.get(name).map_or_else(|| inner.clone(), |mine| union(mine, inner));
                all.insert(name.clone(), merged);
            }
            Json::Object(all)
        }
        (Json::Object(_), _) => a.clone(),
        _ => b.clone(),
    }
}

/// The field set of a body, as the server would note it for an apply.
fn fields_of(body: &Json, key: &Key, path: &mut Vec<String>) -> Json {
    match body {
        Json::Object(_) if is_atomic(key, path) => json!({}),
        Json::Object(members) => members
            .iter()
            .map(|(name, inner)| {
                path.push(name.clone());
                let fields = fields_of(inner, key, path);
                path.pop();
                (field(name), fields)
            })
            .collect::<Map<_, _>>()
            .into(),
        Json::Array(items) => match list_keys(key, path) {
            Some(keys) => items
                .iter()
                .map(|item| (element(item, keys), fields_of(item, key, &mut Vec::new())))
                .collect::<Map<_, _>>()
                .into(),
            None => json!({}),
        },
        _ => json!({}),
    }
}

/// Lists of the shared kinds that we write that merge by key; all others are atomic.
fn list_keys(key: &Key, path: &[String]) -> Option<&'static [&'static str]> {
    (key.kind.kind == "Service" && path == ["spec", "ports"]).then_some(&["port", "protocol"])
}

/// Maps of the shared kinds that we write of which the server takes all or nothing.
fn is_atomic(key: &Key, path: &[String]) -> bool {
    key.kind.kind == "Service" && path == ["spec", "selector"]
}

fn element(item: &Json, keys: &[&str]) -> String {
    let named: Map<String, Json> = keys.iter().map(|key| ((*key).to_owned(), at(item, &[*key]).clone())).collect();
    format!("k:{}", Json::Object(named))
}

/// The part of `value` that a field set names; a leaf of the set is the value whole.
fn pick(value: &Json, fields: &Json) -> Json {
    match value {
        Json::Object(members) if !is_empty(fields) => members
            .iter()
            .filter_map(|(name, inner)| Some((name.clone(), pick(inner, fields.get(field(name))?))))
            .collect::<Map<_, _>>()
            .into(),
        Json::Array(items) if fields.as_object().is_some_and(|f| f.keys().any(|name| name.starts_with("k:"))) => {
            let keyed = fields.as_object().into_iter().flatten();
            let keyed: Vec<(Json, &Json)> = keyed
                .filter_map(|(name, inner)| Some((serde_json::from_str(name.strip_prefix("k:")?).ok()?, inner)))
                .collect();
            let fits = |item: &Json, keys: &Json| {
                keys.as_object().into_iter().flatten().all(|(name, value)| at(item, &[name]) == value)
            };
            let picked =
                |item: &Json| keyed.iter().find(|(keys, _)| fits(item, keys)).map(|(_, inner)| pick(item, inner));
            Json::Array(items.iter().filter_map(picked).collect())
        }
        other => other.clone(),
    }
}

/// The leaves of a field set as people write paths: `spec.rules`. A list that merges by key is named as a whole.
fn leaves(fields: &Json, at: &str, out: &mut Vec<String>) {
    let members =
        fields.as_object().into_iter().flatten().filter_map(|(name, inner)| Some((name.strip_prefix("f:")?, inner)));
    let members: Vec<_> = members.collect();
    if members.is_empty() && !at.is_empty() {
        out.push(at.to_owned());
    }
    for (name, inner) in members {
        leaves(inner, &if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }, out);
    }
}

#[cfg(test)]
mod tests;
