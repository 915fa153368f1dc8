//! The rules of core for the values of plans and states. Core refuses a response that breaks one, and so loses the
//! state.

use std::collections::BTreeMap;

use crate::{
    diagnostics::Path,
    schema::{InvalidValue, Member, MemberKind, Nesting, Schema, Value},
};

/// Whether a value may have unknown parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UnknownValues {
    /// In a plan, values that apply determines may be unknown.
    Allowed,
    /// In a state, every value must be known.
    Forbidden,
}

/// Finds the first part of an object of `schema` that core would refuse: a list of blocks that is null (core requires
/// an empty list), or an unknown value in a state. The codec checks the types.
pub(super) fn find_invalid_value(
    schema: &Schema,
    value: &Value,
    unknown_values: UnknownValues,
) -> Option<InvalidValue> {
    let must_be_known = unknown_values == UnknownValues::Forbidden;
    find_null_blocks(schema, value, &Path::root())
        .or_else(|| (must_be_known && !value.is_wholly_known()).then(|| unknown_value(schema, value)))
}

fn find_null_blocks(schema: &Schema, value: &Value, at: &Path) -> Option<InvalidValue> {
    let Value::Map(members) = value else { return None };
    schema.members.iter().find_map(|member| {
        let MemberKind::Block { schema, .. } = &member.kind else { return None };
        let (at, found) = (at.attribute(member.name), members.get(member.name)?);
        match found {
            Value::Null if is_block_list(member) => {
                Some(InvalidValue { at, message: "a list of blocks must be empty, not null".to_owned() })
            }
            Value::List(items) => {
                items.iter().enumerate().find_map(|(i, item)| find_null_blocks(schema, item, &at.index(i)))
            }
            found => find_null_blocks(schema, found, &at),
        }
    })
}

/// Names the first attribute of an object that has an unknown part.
fn unknown_value(schema: &Schema, value: &Value) -> InvalidValue {
    let first = schema.members.iter().find(|member| !value.member(member.name).is_wholly_known());
    let at = first.map_or_else(Path::root, |member| Path::root().attribute(member.name));
    InvalidValue { at, message: "the value must be known".to_owned() }
}

/// Makes a state of a planned object: unknown attributes become null, and unknown or null lists of blocks become empty.
pub(super) fn replace_unknowns(schema: &Schema, planned: &Value) -> Value {
    let Value::Map(members) = planned else { return unknowns_to_null(planned) };
    let replace = |member: &Member| {
        let found = members.get(member.name).unwrap_or(&Value::Null);
        match (&member.kind, found) {
            (MemberKind::Block { .. }, Value::Unknown | Value::Null) if is_block_list(member) => {
                Value::List(Vec::new())
            }
            (MemberKind::Block { schema, .. }, Value::List(items)) => {
                Value::List(items.iter().map(|item| replace_unknowns(schema, item)).collect())
            }
            (MemberKind::Block { schema, .. }, found) => replace_unknowns(schema, found),
            (MemberKind::Attribute { .. }, found) => unknowns_to_null(found),
        }
    };
    Value::Map(
        schema.members.iter().map(|member| (member.name.to_owned(), replace(member))).collect::<BTreeMap<_, _>>(),
    )
}

fn is_block_list(member: &Member) -> bool {
    matches!(member.kind, MemberKind::Block { nesting: Nesting::List, .. })
}

fn unknowns_to_null(value: &Value) -> Value {
    match value {
        Value::Unknown => Value::Null,
        Value::List(items) => Value::List(items.iter().map(unknowns_to_null).collect()),
        Value::Map(members) => {
            Value::Map(members.iter().map(|(key, item)| (key.clone(), unknowns_to_null(item))).collect())
        }
        Value::Dynamic(inner) => Value::Dynamic(Box::new((inner.0.clone(), unknowns_to_null(&inner.1)))),
        known => known.clone(),
    }
}

#[cfg(test)]
mod tests {
    // model! makes its structs and fields public.
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

    /// Decodes a value of [`Outer`] from JSON. The text `"?"` stands for an unknown value.
    fn outer(text: &str) -> Value {
        fn mark(value: Value) -> Value {
            match value {
                Value::String(text) if text == "?" => Value::Unknown,
                Value::List(items) => Value::List(items.into_iter().map(mark).collect()),
                Value::Map(members) => Value::Map(members.into_iter().map(|(k, v)| (k, mark(v))).collect()),
                value => value,
            }
        }
        mark(json::decode(text.as_bytes(), Outer::schema().object_type()).unwrap())
    }

    #[test]
    fn null_block_lists_and_unknown_values_are_found() {
        use UnknownValues::{Allowed, Forbidden};
        for (text, unknown_values, expected) in [
            (r#"{"id": "x", "many": [], "one": null}"#, Forbidden, None),
            (r#"{"id": "?", "many": []}"#, Allowed, None),
            (r#"{"id": "?", "many": []}"#, Forbidden, Some("id: the value must be known")),
            (r#"{"words": ["a", "?"], "many": []}"#, Forbidden, Some("words: the value must be known")),
            (r#"{"many": null}"#, Allowed, Some("many: a list of blocks must be empty, not null")),
            (
                r#"{"many": [{"nested": []}, {}]}"#,
                Forbidden,
                Some("many[1].nested: a list of blocks must be empty, not null"),
            ),
            (r#"{"many": [], "one": {}}"#, Forbidden, Some("one.nested: a list of blocks must be empty, not null")),
        ] {
            let found =
                find_invalid_value(Outer::schema(), &outer(text), unknown_values).map(|invalid| invalid.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn plan_without_unknowns_is_a_valid_state() {
        let planned =
            outer(r#"{"id": "?", "words": ["a", "?"], "many": [{"key": "?", "nested": []}], "one": {"key": "k"}}"#);
        let expected = outer(r#"{"words": ["a", null], "many": [{"nested": []}], "one": {"key": "k", "nested": []}}"#);
        let state = replace_unknowns(Outer::schema(), &planned);
        assert_eq!(state, expected);
        assert_eq!(find_invalid_value(Outer::schema(), &state, UnknownValues::Forbidden), None);
    }

    #[test]
    fn unknown_blocks_become_empty_or_null() {
        let Value::Map(mut members) = outer(r#"{"many": []}"#) else { panic!("an object") };
        members.extend([("many".to_owned(), Value::Unknown), ("one".to_owned(), Value::Unknown)]);
        assert_eq!(replace_unknowns(Outer::schema(), &Value::Map(members)), outer(r#"{"many": []}"#));
    }
}
