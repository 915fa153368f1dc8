//! What the two encodings of values, msgpack and JSON, have in common: their error, the order of sets, and floats.

use std::cmp::Ordering;

use super::{Number, Type, Value};
use crate::diagnostics::Path;

/// Maximum nesting depth of values and types. Deeper ones are refused, since their recursion could exhaust the stack.
pub(super) const MAX_DEPTH: usize = 128;

/// The error when bytes can't be decoded as a value of a type, or when a value doesn't fit its type or schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", prefix(.at))]
pub struct InvalidValue {
    /// Path of the fault in the value.
    pub at: Path,
    /// What is wrong there, like "a number is required".
    pub message: String,
}

/// Formats the path as the start of the message, which is empty for the root.
fn prefix(at: &Path) -> String {
    if *at == Path::root() { String::new() } else { format!("{at}: ") }
}

impl InvalidValue {
    pub(super) fn new(at: &Path, message: impl Into<String>) -> Self {
        Self { at: at.clone(), message: message.into() }
    }

    /// The value has another type.
    pub(super) fn wrong_type(at: &Path, kind: &Type) -> Self {
        Self::new(at, format!("a {kind} is required"))
    }

    pub(super) fn too_deep(at: &Path) -> Self {
        // The whole path would be a page long.
        let start = at.steps().iter().take(3).fold(Path::root(), |path, step| path.step(step.clone()));
        Self::new(&start, format!("nested deeper than {MAX_DEPTH} levels"))
    }
}

/// Sorts the elements of a set in the order of Terraform and removes duplicates: primitives by value, then unknowns,
/// then null. Equal unknowns aren't duplicates, since each may become another element. Elements that aren't primitives
/// keep their order.
pub(super) fn normalize_set(mut items: Vec<Value>) -> Vec<Value> {
    items.sort_by(compare_elements);
    items.dedup_by(|a, b| a == b && *a != Value::Unknown);
    items
}

fn compare_elements(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) => a.cmp(b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        _ => rank(a).cmp(&rank(b)),
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 2,
        Value::Unknown => 1,
        _ => 0,
    }
}

/// Converts a float to a number. Whole numbers are exact. Other floats become the shortest decimal text that parses as
/// the same float, which is what the user wrote, and how Terraform compares them.
pub(super) fn number_from_float(float: f64) -> Option<Number> {
    let text = if !float.is_finite() {
        return None;
    } else if float.fract() == 0.0 {
        format!("{float:.0}")
    } else {
        float.to_string()
    };
    Number::parse(&text).ok()
}

/// Returns the float that is exactly `number`, unless the number is whole: 0.5 has one, 0.1 and 2 have none.
pub(super) fn exact_float(number: &Number) -> Option<f64> {
    let (_, fraction) = number.as_str().split_once('.')?;
    let float: f64 = number.as_str().parse().ok().filter(|float: &f64| float.is_finite())?;
    // A binary fraction with n digits has n decimal digits after the point too, and no float has more than 1074.
    let exact = format!("{float:.1074}");
    (fraction.len() <= 1074 && Number::parse(&exact).as_ref() == Ok(number)).then_some(float)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_fractions_become_floats() {
        for (text, float) in [("0.5", Some(0.5)), ("-2.25", Some(-2.25)), ("0.1", None), ("2", None), ("3.14159", None)]
        {
            assert_eq!(exact_float(&Number::parse(text).unwrap()), float, "{text}");
        }
    }

    #[test]
    fn whole_floats_stay_exact_and_fractions_are_shortest() {
        for (value, text) in [(2f64.powi(70), "1180591620717411303424"), (0.1, "0.1"), (1e-7, "0.0000001"), (-0.0, "0")]
        {
            assert_eq!(number_from_float(value).unwrap().as_str(), text);
        }
        assert_eq!(number_from_float(f64::NAN), None);
        assert_eq!(number_from_float(f64::INFINITY), None);
    }
}
