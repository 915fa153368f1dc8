//! JSON merge patches of the `spec` of rendered objects.

use std::fmt;

use serde_json::{Map, Value as Json};

use crate::mesh::text::Text;

/// A JSON merge patch (RFC 7386) of an object's `spec`.
#[derive(Clone, Debug, PartialEq)]
pub struct MergePatch(Map<String, Json>);

impl fmt::Display for MergePatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Json::Object(self.0.clone()).fmt(f)
    }
}

impl Text for MergePatch {
    fn accepted_values() -> String {
        "The JSON of an object with the one member `spec`, as `jsonencode({ spec = { ... } })` makes it.".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let json = serde_json::from_str(text).map_err(|fault| format!("It isn't JSON: {fault}. Use jsonencode()."))?;
        let Json::Object(patch) = normalize_numbers(json) else {
            return Err(format!("It must be an object. {}", Self::accepted_values()));
        };
        match patch.keys().find(|member| *member != "spec") {
            Some(other) => Err(format!("{other:?} can't be patched: names, labels and annotations are arguments.")),
            None if patch.get("spec").is_some_and(|spec| spec.as_object().is_some_and(|spec| !spec.is_empty())) => {
                Ok(Self(patch))
            }
            None => Err(format!("It says nothing. {}", Self::accepted_values())),
        }
    }
}

impl MergePatch {
    /// Applies the patch to the manifest of an object.
    pub(super) fn apply(&self, body: &mut Json) {
        merge(body, &Json::Object(self.0.clone()));
    }

    /// The fields that the patch sets, in the form `spec.a.b`.
    pub(super) fn fields(&self) -> Vec<String> {
        let mut fields = Vec::new();
        collect_fields(&Json::Object(self.0.clone()), "", &mut fields);
        fields
    }

    /// The value of the patch at a JSON pointer.
    pub(super) fn value(&self, pointer: &str) -> Option<&Json> {
        let (_, pointer) = pointer.split_once("/spec")?;
        self.0.get("spec")?.pointer(pointer)
    }
}

/// Applies a merge patch by RFC 7386: null removes a member, objects are merged, any other value replaces the present one.
fn merge(target: &mut Json, patch: &Json) {
    let Json::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Json::Object(Map::new());
    }
    let Json::Object(members) = target else { return };
    for (name, value) in patch {
        if value.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name.clone()).or_insert(Json::Null), value);
        }
    }
}

/// Adds the fields that a patch sets to `out`, in the form `spec.a.b`. `parent` is the path of `patch`.
fn collect_fields(patch: &Json, parent: &str, out: &mut Vec<String>) {
    match patch {
        Json::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                collect_fields(value, &if parent.is_empty() { name.clone() } else { format!("{parent}.{name}") }, out);
            }
        }
        Json::Null => {}
        _ => out.push(parent.to_owned()),
    }
}

/// Converts whole numbers to integers: the API server returns `5.0` as `5`, which every plan would show as drift.
fn normalize_numbers(json: Json) -> Json {
    match json {
        Json::Number(number) => {
            let whole = number.as_f64().filter(|n| n.fract() == 0.0 && !number.is_i64() && !number.is_u64());
            whole.and_then(|n| format!("{n:.0}").parse::<i64>().ok()).map_or(Json::Number(number), Json::from)
        }
        Json::Array(items) => items.into_iter().map(normalize_numbers).collect(),
        Json::Object(members) => members.into_iter().map(|(name, value)| (name, normalize_numbers(value))).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn patches_are_merged() {
        let mut target = json!({ "spec": { "a": { "b": 1, "c": 2 }, "list": [1, 2], "gone": 3 } });
        merge(&mut target, &json!({ "spec": { "a": { "b": { "d": 4 } }, "list": [3], "gone": null, "new": {} } }));
        assert_eq!(target, json!({ "spec": { "a": { "b": { "d": 4 }, "c": 2 }, "list": [3], "new": {} } }));
    }

    #[test]
    fn only_patches_of_spec_are_accepted() {
        for text in ["", "[]", "{}", "null", r#"{"spec":{}}"#, r#"{"spec":1}"#, r#"{"metadata":{}}"#] {
            assert!(MergePatch::parse(text).is_err(), "{text}");
        }
        let patch = MergePatch::parse(r#"{"spec":{"x":5.0,"y":[1.5,1e3]}}"#).unwrap();
        assert_eq!(patch.to_string(), r#"{"spec":{"x":5,"y":[1.5,1000]}}"#);
    }
}
