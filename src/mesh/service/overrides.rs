//! `override` blocks: JSON merge patches of rendered objects, for fields of Istio that have no argument.

use std::fmt;

use serde_json::{Map, Value as Json};

use super::{Override, Service};
use crate::{
    diagnostics::Diagnostics,
    known::Known,
    mesh::{Mesh, Rendered, text::Text},
    object::{Key, Object},
    schema::At,
};

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
            Some(other) => Err(format!("{other:?} isn't to be patched: names, labels and annotations are arguments.")),
            None if patch.get("spec").is_some_and(|spec| spec.as_object().is_some_and(|spec| !spec.is_empty())) => {
                Ok(Self(patch))
            }
            None => Err(format!("It says nothing. {}", Self::accepted_values())),
        }
    }
}

impl Override {
    /// Whether the block patches the object with this key. `base` is the name of the service's objects without a suffix.
    fn matches(&self, key: &Key, base: &str) -> Known<bool> {
        let kind = self.kind.required()?;
        let has_name = match self.suffix.known()? {
            Some(suffix) => {
                key.name.strip_prefix(base).and_then(|rest| rest.strip_prefix('-')) == Some(suffix.as_str())
            }
            // The Service has a name of its own, and there is only one.
            None => key.name == base || matches!(key.kind.kind, "Service"),
        };
        Ok(has_name && key.kind.kind == kind)
    }
}

/// Applies the patches to the objects.
pub(super) fn apply_overrides(
    overrides: &[At<Override>],
    base: &str,
    objects: Vec<(Key, Known<Object>)>,
) -> Vec<(Key, Known<Object>)> {
    let apply = |(key, object): (Key, Known<Object>)| {
        let patched = overrides.iter().try_fold(object, |object, patch| {
            Ok(if patch.matches(&key, base)? { object.and_then(|object| patch.apply(object)) } else { object })
        });
        (key, patched.unwrap_or_else(Err))
    };
    objects.into_iter().map(apply).collect()
}

impl At<Override> {
    fn apply(&self, mut object: Object) -> Known<Object> {
        let MergePatch(patch) = self.patch.required()?;
        let patch = Json::Object(patch.clone());
        merge(&mut object.body, &patch);
        let mut patched_fields = Vec::new();
        collect_fields(&patch, "", &mut patched_fields);
        object.origins.extend(patched_fields.into_iter().map(|field| (field, self.at.attribute("patch"))));
        Ok(object)
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

impl Service {
    /// Reports patches of objects that this configuration doesn't render.
    pub(super) fn validate_overrides(&self, mesh: &Mesh, rendered: &Rendered, out: &mut Diagnostics) {
        let (Ok(overrides), Ok(context), Ok(rendered)) = (self.r#override.known(), self.context(mesh), rendered) else {
            return;
        };
        let base = context.object_name();
        for patch in overrides {
            let matches = rendered.iter().map(|(key, _)| patch.matches(key, &base)).collect::<Known<Vec<_>>>();
            if matches.is_ok_and(|matches| !matches.contains(&true)) {
                let keys: Vec<_> = rendered.iter().map(|(key, _)| key.to_string()).collect();
                out.error(
                    &patch.at,
                    "Nothing to override",
                    format!(
                        "This configuration makes no such object. It makes {}; kind is the first word of one of these, and suffix \
                         what follows \"{base}-\" in its name.",
                        keys.join(", ")
                    ),
                );
            }
        }
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
