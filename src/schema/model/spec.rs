//! Specifications: what a declaration says about a field beside its type.

use std::{borrow::Cow, ops::RangeInclusive, sync::Arc};

use crate::schema::{Check, Mode, Spec, Value};

/// The specification of an argument that must be set.
pub fn required() -> Spec {
    Spec { mode: Mode::Required, replaces: false, sensitive: false, checks: Vec::new() }
}

/// The specification of an argument that may be set.
pub fn optional() -> Spec {
    Spec { mode: Mode::Optional, ..required() }
}

/// The specification of an attribute that the provider sets.
pub fn computed() -> Spec {
    Spec { mode: Mode::Computed, ..required() }
}

impl Spec {
    /// Changing the argument forces a new resource.
    #[must_use]
    pub fn replaces(self) -> Self {
        Self { replaces: true, ..self }
    }

    /// The value is a secret.
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

    /// The value is a text that satisfies `rule`.
    #[must_use]
    pub fn text(self, sentence: &'static str, rule: fn(&str) -> bool) -> Self {
        self.check(sentence, move |value| matches!(value, Value::String(text) if rule(text)))
    }

    /// Every known element of the set or list of texts satisfies `rule`.
    #[must_use]
    pub fn each(self, sentence: &'static str, rule: fn(&str) -> bool) -> Self {
        self.check(sentence, move |value| {
            let Value::List(items) = value else { return true };
            items.iter().all(|item| !matches!(item, Value::String(text) if !rule(text)))
        })
    }

    /// Every key of the map satisfies `rule`.
    #[must_use]
    pub fn keys(self, sentence: &'static str, rule: fn(&str) -> bool) -> Self {
        self.check(sentence, move |value| {
            let Value::Map(members) = value else { return true };
            members.keys().all(|key| rule(key))
        })
    }

    /// The collection has at least one element: Istio reads an empty list as "any", not as "none".
    #[must_use]
    pub fn non_empty(self, sentence: &'static str) -> Self {
        self.check(sentence, is_not_empty)
    }

    /// The whole number is in `range`. A number that isn't whole is reported by decoding.
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

/// The specification of blocks that may be set.
pub fn block() -> BlockSpec {
    BlockSpec { required: false }
}

impl BlockSpec {
    /// At least one block must be set.
    #[must_use]
    pub fn required(self) -> Self {
        Self { required: true }
    }
}

/// The specification of a [`Flat`] part.
#[derive(Clone, Copy, Debug)]
pub struct FlatSpec;

/// The specification of a part of the arguments that has a struct of its own, but no block in HCL.
pub fn flat() -> FlatSpec {
    FlatSpec
}
