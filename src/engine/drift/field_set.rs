//! Field sets in the notation of `managedFields`: `f:name` for a member, `k:{…}` for an element of a list that merges by
//! key, and `.` for the member or element itself. A field set with no members is a leaf.

use serde_json::{Map, Value as Json, json};

use crate::{json_path::at, object::Key};

/// Returns the field set's name of the member `name`.
pub(super) fn member(name: &str) -> String {
    format!("f:{name}")
}

/// Whether the field set names no fields, or is a leaf of another one.
pub(super) fn is_empty(fields: &Json) -> bool {
    fields.as_object().is_none_or(Map::is_empty)
}

/// Returns the fields of both sets.
pub(super) fn union(a: &Json, b: &Json) -> Json {
    match (a, b) {
        (Json::Object(a), Json::Object(b)) => {
            let mut all = a.clone();
            for (name, inner) in b {
                let merged = all.get(name).map_or_else(|| inner.clone(), |known| union(known, inner));
                all.insert(name.clone(), merged);
            }
            Json::Object(all)
        }
        (Json::Object(_), _) => a.clone(),
        _ => b.clone(),
    }
}

/// Splits a field set into the fields that `owns` accepts and the others. A path that it accepts goes with everything below
/// it.
pub(super) fn split(fields: &Json, owns: &impl Fn(&[&str]) -> bool) -> (Json, Json) {
    fn walk<'a>(fields: &'a Json, path: &mut Vec<&'a str>, owns: &impl Fn(&[&str]) -> bool) -> (Json, Json) {
        let (mut owned, mut others) = (Map::new(), Map::new());
        for (name, inner) in fields.as_object().into_iter().flatten() {
            path.push(name);
            if owns(path) {
                owned.insert(name.clone(), inner.clone());
            } else {
                let (inner_owned, inner_others) = walk(inner, path, owns);
                if !is_empty(&inner_owned) {
                    owned.insert(name.clone(), inner_owned);
                }
                if !is_empty(&inner_others) || is_empty(inner) {
                    others.insert(name.clone(), inner_others);
                }
            }
            path.pop();
        }
        (Json::Object(owned), Json::Object(others))
    }
    walk(fields, &mut Vec::new(), owns)
}

/// Returns the field set of a manifest, as the server would note it for a server-side apply.
pub(super) fn of_body(body: &Json, key: &Key) -> Json {
    of_value(body, key, &mut Vec::new())
}

fn of_value(value: &Json, key: &Key, path: &mut Vec<String>) -> Json {
    match value {
        Json::Object(_) if is_atomic_map(key, path) => json!({}),
        Json::Object(members) => members
            .iter()
            .map(|(name, inner)| {
                path.push(name.clone());
                let fields = of_value(inner, key, path);
                path.pop();
                (member(name), fields)
            })
            .collect::<Map<_, _>>()
            .into(),
        Json::Array(items) => match list_map_keys(key, path) {
            Some(keys) => items
                .iter()
                .map(|item| (element(item, keys), of_value(item, key, &mut Vec::new())))
                .collect::<Map<_, _>>()
                .into(),
            None => json!({}),
        },
        _ => json!({}),
    }
}

/// The `x-kubernetes-list-map-keys` of a list that server-side apply merges by key, among the lists of shared kinds that the
/// provider writes. All other lists are atomic.
fn list_map_keys(key: &Key, path: &[String]) -> Option<&'static [&'static str]> {
    (key.kind.kind == "Service" && path == ["spec", "ports"]).then_some(&["port", "protocol"])
}

/// Whether server-side apply treats the map as one value, among the maps of shared kinds that the provider writes.
fn is_atomic_map(key: &Key, path: &[String]) -> bool {
    key.kind.kind == "Service" && path == ["spec", "selector"]
}

/// The field set's name of a list element.
fn element(item: &Json, keys: &[&str]) -> String {
    let named: Map<String, Json> = keys.iter().map(|key| ((*key).to_owned(), at(item, &[*key]).clone())).collect();
    format!("k:{}", Json::Object(named))
}

/// Whether a manifest with the field set `fields` sets the field at `path`: a leaf of the set, or the existence of a list
/// element. The names that identify an object are no fields that anyone owns.
pub(super) fn sets(fields: &Json, path: &[&str]) -> bool {
    let (name, parents) = path.split_last().unwrap_or((&"", &[]));
    let parent = at(fields, parents);
    match *name {
        "." => parents.last().is_some_and(|parent| parent.starts_with("k:")) && parent.is_object(),
        "f:apiVersion" | "f:kind" | "f:name" | "f:namespace" if matches!(parents, [] | ["f:metadata"]) => false,
        name => parent.get(name).is_some_and(is_empty),
    }
}

/// Returns the part of `value` that the field set names. A leaf of the set stands for the whole value below it.
pub(super) fn select(value: &Json, fields: &Json) -> Json {
    match value {
        Json::Object(members) if !is_empty(fields) => members
            .iter()
            .filter_map(|(name, inner)| Some((name.clone(), select(inner, fields.get(member(name))?))))
            .collect::<Map<_, _>>()
            .into(),
        Json::Array(items) if fields.as_object().is_some_and(|set| set.keys().any(|name| name.starts_with("k:"))) => {
            let elements: Vec<(Json, &Json)> = fields
                .as_object()
                .into_iter()
                .flatten()
                .filter_map(|(name, inner)| Some((serde_json::from_str(name.strip_prefix("k:")?).ok()?, inner)))
                .collect();
            let has_keys = |item: &Json, keys: &Json| {
                keys.as_object().into_iter().flatten().all(|(name, value)| at(item, &[name]) == value)
            };
            let selected = |item: &Json| {
                elements.iter().find(|(keys, _)| has_keys(item, keys)).map(|(_, inner)| select(item, inner))
            };
            Json::Array(items.iter().filter_map(selected).collect())
        }
        other => other.clone(),
    }
}

/// Returns the leaves of a field set as users write paths: `spec.rules`. A list that merges by key is named as a whole.
pub(super) fn leaf_paths(fields: &Json) -> Vec<String> {
    fn walk(fields: &Json, path: &str, out: &mut Vec<String>) {
        let members: Vec<_> = fields
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(name, inner)| Some((name.strip_prefix("f:")?, inner)))
            .collect();
        if members.is_empty() && !path.is_empty() {
            out.push(path.to_owned());
        }
        for (name, inner) in members {
            walk(inner, &if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }, out);
        }
    }
    let mut out = Vec::new();
    walk(fields, "", &mut out);
    out
}
