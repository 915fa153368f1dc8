//! Values of a resource's state: the arguments as they are configured, and the computed attributes. All functions are pure.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::{
    diagnostics::Path,
    engine::JournalEntry,
    known::Known,
    mesh::Rendered,
    object::{self, Key, Object},
    schema::{Member, MemberKind, Schema, Type, Value, model::required},
};

/// The state of `arguments` with the computed attributes.
pub(super) fn with_computed(arguments: &Value, outputs: Value, id: Value, objects: Value) -> Value {
    let Value::Map(mut members) = arguments.clone() else { return arguments.clone() };
    if let Value::Map(outputs) = outputs {
        members.extend(outputs);
    }
    members.insert("id".into(), id);
    members.insert("objects".into(), objects);
    Value::Map(members)
}

/// The planned state while arguments of the provider are unknown: of the computed attributes, only the id may be known.
pub(super) fn with_unknown_outputs(arguments: &Value, outputs: &Schema, id: Value) -> Value {
    let outputs = outputs.members.iter().map(|member| (member.name.to_owned(), Value::Unknown)).collect();
    with_computed(arguments, Value::Map(outputs), id, Value::Unknown)
}

/// The arguments of a state, without the computed attributes.
pub(super) fn arguments(schema: &Schema, state: &Value) -> Value {
    Value::Map(
        schema.members.iter().map(|member| (member.name.to_owned(), state.member(member.name).clone())).collect(),
    )
}

/// The attribute `objects` of a plan. It is unknown as a whole only where it is unknown which objects there are.
pub(super) fn planned_objects(rendered: &Rendered) -> Value {
    let text = |object: &Known<Object>| {
        object.as_ref().map_or(Value::Unknown, |object| Value::string(object::to_text(object.body.clone())))
    };
    match rendered {
        Ok(objects) => Value::Map(objects.iter().map(|(key, object)| (key.to_string(), text(object))).collect()),
        Err(_) => Value::Unknown,
    }
}

/// The state with `objects` in place of its own.
pub(super) fn with_objects(state: &Value, objects: &BTreeMap<Key, Json>) -> Value {
    let Value::Map(mut members) = state.clone() else { return state.clone() };
    let objects =
        objects.iter().map(|(key, body)| (key.to_string(), Value::string(object::to_text(body.clone())))).collect();
    members.insert("objects".into(), Value::Map(objects));
    Value::Map(members)
}

/// The state with the outputs that it has no value of, since an older version of the provider without them wrote it. Otherwise
/// the next plan would show a change of every resource.
pub(super) fn with_missing_outputs(state: &Value, outputs: Value) -> Value {
    let (Value::Map(mut members), Value::Map(outputs)) = (state.clone(), outputs) else { return state.clone() };
    for (name, output) in outputs.into_iter().filter(|(_, output)| output.is_wholly_known()) {
        let member = members.entry(name).or_insert(Value::Null);
        if *member == Value::Null {
            *member = output;
        }
    }
    Value::Map(members)
}

/// The objects of a state. One that can't be decoded is left out, so that the next apply writes it again.
pub(super) fn objects(state: &Value) -> BTreeMap<Key, Json> {
    let Value::Map(objects) = state.member("objects") else { return BTreeMap::new() };
    let decode = |(key, text): (&String, &Value)| {
        let (key, Value::String(text)) = (key.parse().ok()?, text) else { return None };
        let body = object::from_text(&key, text)?;
        Some((key, body))
    };
    objects.iter().filter_map(decode).collect()
}

/// The objects of a state after the writes and deletes of a journal.
pub(super) fn objects_after(
    mut objects: BTreeMap<Key, Json>,
    journal: &BTreeMap<Key, JournalEntry>,
) -> BTreeMap<Key, Json> {
    for (key, entry) in journal {
        match entry {
            JournalEntry::Written { owned, .. } => drop(objects.insert(key.clone(), owned.clone())),
            JournalEntry::Removed => drop(objects.remove(key)),
        }
    }
    objects
}

/// The id of a state; empty where it isn't known.
pub(super) fn id(state: &Value) -> String {
    match state.member("id") {
        Value::String(id) => id.clone(),
        _ => String::new(),
    }
}

/// The changed arguments that force a new resource. An unknown value counts as changed, since it may be. An argument without a
/// prior value, as in a resource that a `moved` block brought from another type, is set in place.
pub(super) fn requires_replace(schema: &Schema, prior: &Value, arguments: &Value) -> Vec<Path> {
    let replaces = |member: &&Member| matches!(&member.kind, MemberKind::Attribute { spec, .. } if spec.replaces);
    let is_changed = |member: &&Member| {
        let prior = prior.member(member.name);
        *prior != Value::Null && prior != arguments.member(member.name)
    };
    schema
        .members
        .iter()
        .filter(replaces)
        .filter(is_changed)
        .map(|member| Path::root().attribute(member.name))
        .collect()
}

/// The schema of the resource identity: the parts of the id.
pub(super) fn identity_schema(parts: &[(&'static str, &'static str)]) -> Schema {
    let member = |(name, doc): &(&'static str, &str)| Member {
        name,
        doc: (*doc).to_owned(),
        kind: MemberKind::Attribute { value_type: Type::String, spec: required() },
    };
    Schema::new(String::new(), parts.iter().map(member).collect())
}
