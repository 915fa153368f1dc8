//! What the two encodings of values, msgpack and JSON, have in common.

use std::cmp::Ordering;

use super::{Number, Type, Value};
use crate::diagnostics::Path;

/// Values and types nest at most so deep; what is deeper is refused before it can exhaust the stack.
pub(super) const DEEPEST: usize = 128;

/// Why bytes aren't a value of the type, or a value isn't one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", place(.at))]
pub struct InvalidValue {
    /// Where in the value.
    pub at: Path,
    /// "a number is required"
    pub message: String,
}

fn place(at: &Path) -> String {
    if *at == Path::root() { String::new() } else { format!("{at}: ") }
}

impl InvalidValue {
    pub(super) fn new(at: &Path, message: impl Into<String>) -> Self {
        Self { at: at.clone(), message: message.into() }
    }

    /// Something of another kind stands there.
    pub(super) fn required(at: &Path, kind: &Type) -> Self {
        Self::new(at, format!("a {kind} is required"))
    }

    pub(super) fn too_deep(at: &Path) -> Self {
        // The path itself would be a page long.
        let start = at.steps().iter().take(3).fold(Path::root(), |path, step| path.step(step.clone()));
        Self::new(&start, format!("nested deeper than {DEEPEST} levels"))
    }
}

/// Elements of a set in Terraform's order, each once: by value where that is defined, then unknowns (each may become
/// another element, so none is dropped), then null. Elements that are no primitives keep the order in which they came.
pub(super) fn set(mut items: Vec<Value>) -> Vec<Value> {
    items.sort_by(order);
    items.dedup_by(|a, b| a == b && *a != Value::Unknown);
    items
}

fn order(a: &Value, b: &Value) -> Ordering {
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

/// The number that a float stands for. Whole numbers are exact; others are the shortest text that reads as the same float,
/// which is what people wrote, and how Terraform compares them.
pub(super) fn float(float: f64) -> Option<Number> {
    let text = if !float.is_finite() {
        return None;
    } else if float.fract() == 0.0 {
        format!("{float:.0}")
    } else {
        float.to_string()
    };
    Number::parse(&text).ok()
}

/// The float that is exactly this number and isn't whole: 0.5, but neither 0.1 nor 2.
pub(super) fn exact_float(number: &Number) -> Option<f64> {
    let (_, fraction) = number.as_str().split_once('.')?;
    let float: f64 = number.as_str().parse().ok().filter(|float: &f64| float.is_finite())?;
    // A binary fraction of n digits after the point has n digits after the decimal point too, and none has more than 1074.
    let exact = format!("{float:.1074}");
    (fraction.len() <= 1074 && Number::parse(&exact).as_ref() == Ok(number)).then_some(float)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_exact_or_none() {
        for (text, float) in [("0.5", Some(0.5)), ("-2.25", Some(-2.25)), ("0.1", None), ("2", None), ("3.14159", None)]
        {
            assert_eq!(exact_float(&Number::parse(text).unwrap()), float, "{text}");
        }
    }

    #[test]
    fn whole_floats_are_exact_and_others_short() {
        for (value, text) in [(2f64.powi(70), "1180591620717411303424"), (0.1, "0.1"), (1e-7, "0.0000001"), (-0.0, "0")]
        {
            assert_eq!(float(value).unwrap().as_str(), text);
        }
        assert_eq!(float(f64::NAN), None);
        assert_eq!(float(f64::INFINITY), None);
    }
}
