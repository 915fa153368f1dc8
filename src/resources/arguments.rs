//! Texts of the domain as arguments: how they are read, and which rules many arguments share.

use crate::{
    diagnostics::Path,
    known::Known,
    mesh::{manifest::Texts, names},
    schema::{At, Attr, Map, Value},
};

/// Blocks with their paths.
pub(super) fn numbered<'a, T>(name: &str, blocks: &'a [At<T>]) -> impl Iterator<Item = (Path, &'a T)> {
    numbered_in(&Path::root(), name, blocks)
}

/// Blocks within the block at `outer`, with their paths.
pub(super) fn numbered_in<'a, T>(
    outer: &Path,
    name: &str,
    blocks: &'a [At<T>],
) -> impl Iterator<Item = (Path, &'a T)> + use<'a, T> {
    let at = outer.attribute(name);
    blocks.iter().enumerate().map(move |(n, block)| (at.index(n), &block.arguments))
}

/// An output that may be absent.
pub(crate) fn output_if_any<T>(known: Known<Option<T>>) -> Attr<T> {
    known.map_or(Attr::Unknown, |value| value.map_or(Attr::Null, Attr::Known))
}

/// What is written, by value.
pub(crate) fn copied<T: Copy>(argument: &Attr<T>) -> Known<Option<T>> {
    argument.known().map(Option::<&_>::copied)
}

/// What is written, by value.
pub(crate) fn cloned<T: Clone>(argument: &Attr<T>) -> Known<Option<T>> {
    argument.known().map(Option::<&_>::cloned)
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

/// What [`is_not_empty`] and [`every`] ask of sets of texts: each known element keeps `rule`.
pub(crate) fn every(value: &Value, rule: fn(&str) -> bool) -> bool {
    let Value::List(items) = value else { return true };
    items.iter().all(|item| !matches!(item, Value::String(text) if !rule(text)))
}

/// A map of texts; absent: none.
pub(crate) fn texts(map: &Map<String>) -> Known<Texts> {
    Ok(map.owned_elements()?.unwrap_or_default())
}
