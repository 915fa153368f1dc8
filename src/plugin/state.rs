//! What core accepts as a state: it drops a state that breaks these rules, and with it the resource. Pure.

use std::collections::BTreeMap;

use crate::{
    diagnostics::Path,
    schema::{Malformed, Nesting, Schema, Shape, Slot, Value},
};

/// How much of a value must be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Certainty {
    /// A plan: what comes at apply may be unknown.
    Planned,
    /// A state: everything is known.
    Final,
}

/// The first fault of an object of `schema`: a list of blocks that is null (it is empty instead), or an unknown in a state.
/// Types are the codec's business.
pub(super) fn fault(schema: &Schema, value: &Value, certainty: Certainty) -> Option<Malformed> {
    blocks(schema, value, &Path::root())
        .or_else(|| (certainty == Certainty::Final && !value.wholly_known()).then(|| unknown(schema, value)))
}

fn blocks(schema: &Schema, value: &Value, at: &Path) -> Option<Malformed> {
    let Value::Map(members) = value else { return None };
    schema.slots.iter().find_map(|slot| {
        let Shape::Block { schema, .. } = &slot.shape else { return None };
        let (at, found) = (at.attribute(slot.name), members.get(slot.name)?);
        match found {
            Value::Null if is_list(slot) => {
                Some(Malformed { at, what: "a list of blocks must be empty, not null".to_owned() })
            }
            Value::List(items) => items.iter().enumerate().find_map(|(i, item)| blocks(schema, item, &at.index(i))),
            found => blocks(schema, found, &at),
        }
    })
}

fn unknown(schema: &Schema, value: &Value) -> Malformed {
    let first = schema.slots.iter().find(|slot| !value.member(slot.name).wholly_known());
    let at = first.map_or_else(Path::root, |slot| Path::root().attribute(slot.name));
    Malformed { at, what: "the value must be known".to_owned() }
}

/// `planned` as a state where nobody knows better: what was to come is null.
pub(super) fn settled(schema: &Schema, planned: &Value) -> Value {
    let Value::Map(members) = planned else { return without_unknowns(planned) };
    let settle = |slot: &Slot| {
        let found = members.get(slot.name).unwrap_or(&Value::Null);
        match (&slot.shape, found) {
            (Shape::Block { .. }, Value::Unknown | Value::Null) if is_list(slot) => Value::List(Vec::new()),
            (Shape::Block { schema, .. }, Value::List(items)) => {
                Value::List(items.iter().map(|item| settled(schema, item)).collect())
            }
            (Shape::Block { schema, .. }, found) => settled(schema, found),
            (Shape::Attribute { .. }, found) => without_unknowns(found),
        }
    };
    Value::Map(schema.slots.iter().map(|slot| (slot.name.to_owned(), settle(slot))).collect::<BTreeMap<_, _>>())
}

fn is_list(slot: &Slot) -> bool {
    matches!(slot.shape, Shape::Block { nesting: Nesting::List, .. })
}

fn without_unknowns(value: &Value) -> Value {
    match value {
        Value::Unknown => Value::Null,
        Value::List(items) => Value::List(items.iter().map(without_unknowns).collect()),
        Value::Map(members) => {
            Value::Map(members.iter().map(|(key, item)| (key.clone(), without_unknowns(item))).collect())
        }
        Value::Dynamic(inner) => Value::Dynamic(Box::new((inner.0.clone(), without_unknowns(&inner.1)))),
        known => known.clone(),
    }
}
