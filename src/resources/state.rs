//! Values of a resource's state, made of what was written and what we compute. Pure.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::{
    diagnostics::Path,
    engine::JournalEntry,
    known::Known,
    mesh::Rendered,
    object::{Key, Object},
    schema::{Mode, Schema, Shape, Slot, Type, Value, json, model::required},
};

/// `config` with the computed attributes.
pub(super) fn with(config: &Value, outputs: Value, id: Value, objects: Value) -> Value {
    let Value::Map(mut members) = config.clone() else { return config.clone() };
    if let Value::Map(outputs) = outputs {
        members.extend(outputs);
    }
    members.insert("id".into(), id);
    members.insert("objects".into(), objects);
    Value::Map(members)
}

/// `config` with nothing but the id computed yet: arguments of the provider come at apply.
pub(super) fn unknown(config: &Value, outputs: &Schema, id: Value) -> Value {
    let outputs = outputs.slots.iter().map(|slot| (slot.name.to_owned(), Value::Unknown)).collect();
    with(config, Value::Map(outputs), id, Value::Unknown)
}

/// The arguments alone.
pub(super) fn arguments(config: &Schema, state: &Value) -> Value {
    Value::Map(config.slots.iter().map(|slot| (slot.name.to_owned(), state.member(slot.name).clone())).collect())
}

/// `objects` of a plan: unknown as a whole only where it is uncertain which there are.
pub(super) fn objects(rendered: &Rendered) -> Value {
    let text = |object: &Known<Object>| {
        object.as_ref().map_or(Value::Unknown, |object| Value::string(object.body.to_string()))
    };
    match rendered {
        Ok(objects) => Value::Map(objects.iter().map(|(key, object)| (key.to_string(), text(object))).collect()),
        Err(_) => Value::Unknown,
    }
}

/// `state` with other objects.
pub(super) fn with_objects(state: &Value, objects: &BTreeMap<Key, Json>) -> Value {
    let Value::Map(mut members) = state.clone() else { return state.clone() };
    let objects = objects.iter().map(|(key, body)| (key.to_string(), Value::string(body.to_string()))).collect();
    members.insert("objects".into(), Value::Map(objects));
    Value::Map(members)
}

/// `state` with outputs that it has no value of: an older version of the provider, which didn't have them, wrote it. Its
/// next plan would find a change in every resource.
pub(super) fn completed(state: &Value, outputs: Value) -> Value {
    let (Value::Map(mut members), Value::Map(outputs)) = (state.clone(), outputs) else { return state.clone() };
    for (name, output) in outputs.into_iter().filter(|(_, output)| output.wholly_known()) {
        let member = members.entry(name).or_insert(Value::Null);
        if *member == Value::Null {
            *member = output;
        }
    }
    Value::Map(members)
}

/// The objects of a state; what can't be read is left out, so that it is written again.
pub(super) fn live(state: &Value) -> BTreeMap<Key, Json> {
    let Value::Map(objects) = state.member("objects") else { return BTreeMap::new() };
    let read = |(key, body): (&String, &Value)| match body {
        Value::String(body) => Some((key.parse().ok()?, serde_json::from_str(body).ok()?)),
        _ => None,
    };
    objects.iter().filter_map(read).collect()
}

/// What was there, and what was done to it.
pub(super) fn merged(mut before: BTreeMap<Key, Json>, done: &BTreeMap<Key, JournalEntry>) -> BTreeMap<Key, Json> {
    for (key, entry) in done {
        match entry {
            JournalEntry::Written { owned, .. } => drop(before.insert(key.clone(), owned.clone())),
            JournalEntry::Removed => drop(before.remove(key)),
        }
    }
    before
}

/// The id of a state; empty where it isn't known.
pub(super) fn id(state: &Value) -> String {
    match state.member("id") {
        Value::String(id) => id.clone(),
        _ => String::new(),
    }
}

/// Arguments that were changed and can't change in place. Unknown counts as changed: it may be. What has no value yet (a
/// resource that a `moved` block brought) gets one in place.
pub(super) fn replaced(config: &Schema, prior: &Value, wanted: &Value) -> Vec<Path> {
    let replaces = |slot: &&Slot| matches!(&slot.shape, Shape::Attribute { spec, .. } if spec.replaces);
    let changed = |slot: &&Slot| {
        let was = prior.member(slot.name);
        *was != Value::Null && was != wanted.member(slot.name)
    };
    config.slots.iter().filter(replaces).filter(changed).map(|slot| Path::root().attribute(slot.name)).collect()
}

/// The arguments as the annotation records them: compact JSON of what was written, without secrets.
pub(super) fn recorded(config: &Schema, arguments: &Value) -> String {
    let text = json::encode(&self::arguments(config, arguments), &config.kind()).unwrap_or_default();
    written(serde_json::from_str(&text).unwrap_or_default(), config).to_string()
}

/// The inverse: what isn't recorded is null.
pub(super) fn restored(config: &Schema, recorded: &str) -> Value {
    let value = json::decode(recorded.as_bytes(), &config.kind()).unwrap_or(Value::Null);
    let value = if value == Value::Null { Value::Map(BTreeMap::new()) } else { value };
    config.complete(&value)
}

/// A body without what nobody wrote, and without what nobody may read.
fn written(body: Json, schema: &Schema) -> Json {
    let Json::Object(members) = body else { return body };
    let member = |(name, value): (String, Json)| {
        let slot = schema.slots.iter().find(|slot| slot.name == name)?;
        let value = match (&slot.shape, value) {
            (_, Json::Null) => return None,
            (Shape::Attribute { spec, .. }, _) if spec.sensitive || spec.mode == Mode::Computed => return None,
            (Shape::Attribute { .. }, value) => value,
            (Shape::Block { .. }, Json::Array(blocks)) if blocks.is_empty() => return None,
            (Shape::Block { schema, .. }, Json::Array(blocks)) => {
                blocks.into_iter().map(|inner| written(inner, schema)).collect()
            }
            (Shape::Block { schema, .. }, inner) => written(inner, schema),
        };
        Some((name, value))
    };
    members.into_iter().filter_map(member).collect()
}

/// The identity's attributes: the parts of the id.
pub(super) fn identity_schema(parts: &[(&'static str, &'static str)]) -> Schema {
    let slot = |(name, doc): &(&'static str, &str)| Slot {
        name,
        doc: (*doc).to_owned(),
        shape: Shape::Attribute { kind: Type::String, spec: required() },
    };
    Schema { doc: String::new(), slots: parts.iter().map(slot).collect() }
}

#[cfg(test)]
// `model!` declares for everybody.
#[allow(unreachable_pub)]
mod tests {
    use super::*;
    use crate::{
        diagnostics::Diagnostics,
        model,
        schema::{
            Attr, Blocks, Map,
            model::{Model, Set, block, computed, optional},
        },
    };

    model! {
        /// Arguments of every sort.
        pub struct Arguments {
            /// A text.
            name: Attr<String> = optional(),
            /// A set.
            calls: Set<String> = optional(),
            /// A map.
            labels: Map<String> = optional(),
            /// A secret.
            token: Attr<String> = optional().sensitive(),
            /// An output.
            id: Attr<String> = computed(),
            /// Blocks.
            door: Blocks<Door> = block(),
        }
    }

    model! {
        /// A block.
        pub struct Door {
            /// A number.
            number: Attr<u32> = optional(),
            /// A secret.
            key: Attr<String> = optional().sensitive(),
        }
    }

    fn stored(json: &str) -> Value {
        let schema = Arguments::schema();
        schema.complete(&json::decode(json.as_bytes(), &schema.kind()).unwrap())
    }

    #[test]
    fn arguments_are_recorded_as_they_were_written() {
        let rows = [
            (r#"{"name":"a","token":"s3cret","id":"x"}"#, r#"{"name":"a"}"#),
            // An empty collection says something, and none says something else.
            (r#"{"calls":[],"labels":{}}"#, r#"{"calls":[],"labels":{}}"#),
            (r#"{"door":[{"number":1,"key":"s3cret"},{"number":null,"key":null}]}"#, r#"{"door":[{"number":1},{}]}"#),
            ("{}", "{}"),
        ];
        for (state, expected) in rows {
            let recorded = recorded(Arguments::schema(), &stored(state));
            assert_eq!(recorded, expected);
            let restored = restored(Arguments::schema(), &recorded);
            assert_eq!(restored, stored(expected), "what is recorded comes back");
            let _ = Arguments::decode(&restored, &Path::root(), &mut Diagnostics::default());
        }
    }

    #[test]
    fn what_is_no_record_says_nothing() {
        for text in ["", "null", "[]", "{", r#"{"unheard":1}"#] {
            assert_eq!(restored(Arguments::schema(), text), stored("{}"), "{text}");
        }
    }
}
