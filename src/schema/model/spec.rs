//! Specifications: the properties of a field that its type doesn't determine.

use std::{borrow::Cow, ops::RangeInclusive, sync::Arc};

use crate::schema::{AttributeSpec, Check, Configurability, Value};

/// Specifies an argument that must be set.
pub fn required() -> AttributeSpec {
    AttributeSpec { configurability: Configurability::Required, replaces: false, sensitive: false, checks: Vec::new() }
}

/// Specifies an argument that may be set.
pub fn optional() -> AttributeSpec {
    AttributeSpec { configurability: Configurability::Optional, ..required() }
}

/// Specifies an attribute that the provider sets.
pub fn computed() -> AttributeSpec {
    AttributeSpec { configurability: Configurability::Computed, ..required() }
}

impl AttributeSpec {
    /// Lets a change of the argument force a new resource.
    #[must_use]
    pub fn replaces(self) -> Self {
        Self { replaces: true, ..self }
    }

    /// Marks the value as a secret.
    #[must_use]
    pub fn sensitive(self) -> Self {
        Self { sensitive: true, ..self }
    }

    /// Adds a constraint on the whole value.
    #[must_use]
    pub fn check(
        mut self,
        sentence: impl Into<Cow<'static, str>>,
        holds: impl Fn(&Value) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.checks.push(Check { sentence: sentence.into(), holds: Arc::new(holds) });
        self
    }

    /// Requires a text that satisfies `rule`.
    #[must_use]
    pub fn text(self, sentence: &'static str, rule: fn(&str) -> bool) -> Self {
        self.check(sentence, move |value| matches!(value, Value::String(text) if rule(text)))
    }

    /// Requires that every known element of a set or list of texts satisfies `rule`.
    #[must_use]
    pub fn each(self, sentence: &'static str, rule: fn(&str) -> bool) -> Self {
        self.check(sentence, move |value| {
            let Value::List(items) = value else { return true };
            items.iter().all(|item| !matches!(item, Value::String(text) if !rule(text)))
        })
    }

    /// Requires that every key of a map satisfies `rule`.
    #[must_use]
    pub fn keys(self, sentence: &'static str, rule: fn(&str) -> bool) -> Self {
        self.check(sentence, move |value| {
            let Value::Map(members) = value else { return true };
            members.keys().all(|key| rule(key))
        })
    }

    /// Requires at least one element, since Istio reads an empty list as "any", not as "none".
    #[must_use]
    pub fn non_empty(self, sentence: &'static str) -> Self {
        self.check(sentence, is_not_empty)
    }

    /// Requires a whole number in `range`. Decoding reports other numbers.
    #[must_use]
    pub fn range(self, range: RangeInclusive<i64>) -> Self {
        let sentence = match (*range.start(), *range.end()) {
            (start, end) if end >= i64::from(i32::MAX) => format!("{start} or more."),
            (start, end) => format!("{start} to {end}."),
        };
        self.check(sentence, move |value| {
            let Value::Number(number) = value else { return true };
            number.as_str().parse().map_or(true, |number| range.contains(&number))
        })
    }
}

/// Whether a collection has an element.
pub fn is_not_empty(value: &Value) -> bool {
    match value {
        Value::List(items) => !items.is_empty(),
        Value::Map(items) => !items.is_empty(),
        _ => true,
    }
}

/// The specification of nested blocks.
#[derive(Clone, Copy, Debug)]
pub struct BlockSpec {
    pub(super) required: bool,
}

/// Specifies blocks that may be set.
pub fn block() -> BlockSpec {
    BlockSpec { required: false }
}

impl BlockSpec {
    /// Requires at least one block.
    #[must_use]
    pub fn required(self) -> Self {
        Self { required: true }
    }
}

/// The specification of a [`Flat`] part.
#[derive(Clone, Copy, Debug)]
pub struct FlatSpec;

/// Specifies a part of the arguments that has its own struct, but no block in HCL.
pub fn flat() -> FlatSpec {
    FlatSpec
}
