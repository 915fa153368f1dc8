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

#[cfg(test)]
mod tests {
    // model! declares what is public.
    #![allow(unreachable_pub)]

    use super::*;
    use crate::{
        model,
        schema::{
            Attr, Block, Blocks, List, json,
            model::{Model, block, computed, optional},
        },
    };

    model! {
        /// Outer.
        pub struct Outer {
            /// Computed.
            id: Attr<String> = computed(),
            /// Words.
            words: List<String> = optional(),
            /// Many.
            many: Blocks<Inner> = block(),
            /// One.
            one: Block<Inner> = block(),
        }
    }

    model! {
        /// Inner.
        pub struct Inner {
            /// A key.
            key: Attr<String> = optional(),
            /// Nested blocks.
            nested: Blocks<Leaf> = block(),
        }
    }

    model! {
        /// Leaf.
        pub struct Leaf {
            /// A key.
            key: Attr<String> = optional(),
        }
    }

    /// A value of [`Outer`]; `"?"` is unknown.
    fn outer(text: &str) -> Value {
        fn mark(value: Value) -> Value {
            match value {
                Value::String(text) if text == "?" => Value::Unknown,
                Value::List(items) => Value::List(items.into_iter().map(mark).collect()),
                Value::Map(members) => Value::Map(members.into_iter().map(|(k, v)| (k, mark(v))).collect()),
                value => value,
            }
        }
        mark(json::decode(text.as_bytes(), &Outer::schema().kind()).unwrap())
    }

    #[test]
    fn what_core_would_drop_is_found() {
        use Certainty::{Final, Planned};
        for (text, certainty, expected) in [
            (r#"{"id": "x", "many": [], "one": null}"#, Final, None),
            (r#"{"id": "?", "many": []}"#, Planned, None),
            (r#"{"id": "?", "many": []}"#, Final, Some("id: the value must be known")),
            (r#"{"words": ["a", "?"], "many": []}"#, Final, Some("words: the value must be known")),
            (r#"{"many": null}"#, Planned, Some("many: a list of blocks must be empty, not null")),
            (
                r#"{"many": [{"nested": []}, {}]}"#,
                Final,
                Some("many[1].nested: a list of blocks must be empty, not null"),
            ),
            (r#"{"many": [], "one": {}}"#, Final, Some("one.nested: a list of blocks must be empty, not null")),
        ] {
            let found = fault(Outer::schema(), &outer(text), certainty).map(|fault| fault.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_settled_plan_is_a_state() {
        let planned =
            outer(r#"{"id": "?", "words": ["a", "?"], "many": [{"key": "?", "nested": []}], "one": {"key": "k"}}"#);
        let expected = outer(r#"{"words": ["a", null], "many": [{"nested": []}], "one": {"key": "k", "nested": []}}"#);
        let settled = settled(Outer::schema(), &planned);
        assert_eq!(settled, expected);
        assert_eq!(fault(Outer::schema(), &settled, Certainty::Final), None);
    }

    #[test]
    fn blocks_that_were_to_come_are_none() {
        let Value::Map(mut members) = outer(r#"{"many": []}"#) else { panic!("an object") };
        members.extend([("many".to_owned(), Value::Unknown), ("one".to_owned(), Value::Unknown)]);
        assert_eq!(settled(Outer::schema(), &Value::Map(members)), outer(r#"{"many": []}"#));
    }
}
