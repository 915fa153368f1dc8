//! Texts of the domain as arguments: how they are read, and which rules many arguments share.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    known::{Known, Unknown},
    mesh::{duration::Duration, manifest::StringMap, names, port::PortNumber, text::Text},
    schema::{
        Attr, Map, Number, Schema, Type, Value,
        model::{Elements, Model, Scalar, Set, mismatch},
    },
};

/// Every text of the domain is read, and its faults told, on the argument's path.
impl<T: Text> Scalar for T {
    fn kind() -> Type {
        Type::String
    }
    fn admits() -> Option<String> {
        Some(T::admits())
    }
    fn read(value: &Value, at: &Path, out: &mut Diagnostics) -> Result<Self, Reported> {
        let Value::String(text) = value else { return Err(mismatch::<Self>(at, out)) };
        T::parse(text).map_err(|fault| out.error(at, format!("Invalid {at}"), fault))
    }
    fn write(&self) -> Value {
        Value::String(self.to_string())
    }
}

impl Scalar for PortNumber {
    fn kind() -> Type {
        Type::Number
    }
    fn admits() -> Option<String> {
        Some("1 to 65535.".to_owned())
    }
    fn read(value: &Value, at: &Path, out: &mut Diagnostics) -> Result<Self, Reported> {
        let Value::Number(number) = value else { return Err(mismatch::<Self>(at, out)) };
        number.as_str().parse().ok().and_then(Self::new).ok_or_else(|| {
            out.error(
                at,
                format!("Invalid {at}"),
                format!("{number} isn't a port. Ports are whole numbers, 1 to 65535."),
            )
        })
    }
    fn write(&self) -> Value {
        Value::Number(Number::from(i64::from(*self)))
    }
}

/// The outputs of a resource that has none of its own.
impl Model for () {
    fn schema() -> Schema {
        Schema::default()
    }
    fn decode(_value: &Value, _at: &Path, _out: &mut Diagnostics) -> Self {}
    fn encode(&self) -> Value {
        Value::Map(BTreeMap::new())
    }
}

/// Blocks with their paths.
pub(super) fn numbered<'a, T>(name: &str, blocks: &'a [T]) -> impl Iterator<Item = (Path, &'a T)> {
    numbered_in(&Path::root(), name, blocks)
}

/// Blocks within the block at `outer`, with their paths.
pub(super) fn numbered_in<'a, T>(
    outer: &Path,
    name: &str,
    blocks: &'a [T],
) -> impl Iterator<Item = (Path, &'a T)> + use<'a, T> {
    let at = outer.attribute(name);
    blocks.iter().enumerate().map(move |(n, block)| (at.index(n), block))
}

/// An output: unknown where an input is.
pub(crate) fn output<T>(known: Known<T>) -> Attr<T> {
    known.map_or(Attr::Unknown, Attr::Known)
}

/// An output that may be absent.
pub(crate) fn output_if_any<T>(known: Known<Option<T>>) -> Attr<T> {
    known.map_or(Attr::Unknown, |value| value.map_or(Attr::Null, Attr::Known))
}

/// An output of many texts.
pub(crate) fn output_set<T: ToString>(known: Known<BTreeSet<T>>) -> Set<String> {
    let texts = known.map(|items| items.iter().map(T::to_string).collect::<BTreeSet<_>>());
    output(texts.map(|texts| Elements(texts.into_iter().map(Attr::Known).collect())))
}

/// What is written, by value.
pub(crate) fn copied<T: Copy>(argument: &Attr<T>) -> Known<Option<T>> {
    argument.known().map(Option::<&_>::copied)
}

/// What is written, by value.
pub(crate) fn cloned<T: Clone>(argument: &Attr<T>) -> Known<Option<T>> {
    argument.known().map(Option::<&_>::cloned)
}

/// A number whose rule keeps it small.
pub(crate) fn number(argument: &Attr<i64>) -> Known<Option<u32>> {
    argument.known()?.map(|n| u32::try_from(*n).map_err(|_| Unknown)).transpose()
}

// === rules of one value ===

/// A text that is a name by `rule`.
pub(crate) fn text(value: &Value, rule: fn(&str) -> bool) -> bool {
    matches!(value, Value::String(text) if rule(text))
}

/// The name of a namespace.
pub(crate) fn is_namespace(value: &Value) -> bool {
    text(value, names::is_label)
}

/// Something in it: an empty set isn't "none" to Istio, but "any".
pub(crate) fn is_not_empty(value: &Value) -> bool {
    match value {
        Value::List(items) => !items.is_empty(),
        Value::Map(items) => !items.is_empty(),
        _ => true,
    }
}

/// A duration that isn't nothing; what is no duration is told elsewhere.
pub(crate) fn takes_time(value: &Value) -> bool {
    let Value::String(text) = value else { return true };
    Duration::parse(text).is_ok_and(|duration| duration > Duration::ZERO) || Duration::parse(text).is_err()
}

/// A whole number in a range; what is no whole number is told elsewhere.
pub(crate) fn within(value: &Value, range: std::ops::RangeInclusive<i64>) -> bool {
    let Value::Number(number) = value else { return true };
    number.as_str().parse().map_or(true, |number| range.contains(&number))
}

/// What [`is_not_empty`] and [`every`] ask of sets of texts: each known element keeps `rule`.
pub(crate) fn every(value: &Value, rule: fn(&str) -> bool) -> bool {
    let Value::List(items) = value else { return true };
    items.iter().all(|item| !matches!(item, Value::String(text) if !rule(text)))
}

// === rules of labels and annotations ===

/// Labels as Kubernetes takes them, and none that Istio or this provider gives a meaning.
pub(crate) fn check_labels(labels: &Map<String>, at: &Path, out: &mut Diagnostics) {
    check_own_keys(labels, at, out);
    check_selector(labels, at, out);
}

/// Labels to select by: any that Kubernetes takes.
pub(crate) fn check_selector(labels: &Map<String>, at: &Path, out: &mut Diagnostics) {
    let Ok(Some(labels)) = labels.known() else { return };
    check_keys(labels, at, out);
    for (key, value) in labels {
        if let Attr::Known(value) = value
            && !names::is_label_value(value)
        {
            out.error(
                &at.key(key),
                "Invalid label value",
                format!(
                    "{value:?}: letters, digits, dashes, underscores and dots; starts and ends with a letter or digit; 63 \
                     characters at most."
                ),
            );
        }
    }
}

/// Annotations as Kubernetes takes them, and none that Istio or this provider gives a meaning.
pub(crate) fn check_annotations(annotations: &Map<String>, at: &Path, out: &mut Diagnostics) {
    check_own_keys(annotations, at, out);
    if let Ok(Some(annotations)) = annotations.known() {
        check_keys(annotations, at, out);
    }
}

fn check_keys(texts: &BTreeMap<String, Attr<String>>, at: &Path, out: &mut Diagnostics) {
    for key in texts.keys().filter(|key| !names::is_metadata_key(key)) {
        out.error(
            &at.key(key),
            "Invalid key",
            "A key is a name of letters, digits, dashes, underscores and dots, 63 characters at most, with or without a DNS \
             name and \"/\" in front, like \"example.com/team\".",
        );
    }
}

fn check_own_keys(texts: &Map<String>, at: &Path, out: &mut Diagnostics) {
    let Ok(Some(texts)) = texts.known() else { return };
    for key in texts.keys().filter(|key| names::is_reserved_key(key)) {
        out.error(
            &at.key(key),
            "Reserved key",
            format!(
                "{key} means something to Istio or to this provider, which writes it where arguments ask for it. Remove it, and \
                 use the argument."
            ),
        );
    }
}

/// A map of texts; absent: none.
pub(crate) fn texts(map: &Map<String>) -> Known<StringMap> {
    Ok(map.elements()?.unwrap_or_default())
}
