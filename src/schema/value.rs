//! What Terraform says and hears, after the wire: types, and values that may be unknown at any depth.

use std::{cmp::Ordering, collections::BTreeMap, fmt};

use crate::known::{Known, Unknown};

/// A type of Terraform's type system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// `bool`
    Bool,
    /// `number`
    Number,
    /// `string`
    String,
    /// Any type; the value says which.
    Dynamic,
    /// `list(T)`
    List(Box<Type>),
    /// `set(T)`
    Set(Box<Type>),
    /// `map(T)`
    Map(Box<Type>),
    /// `tuple([T…])`
    Tuple(Vec<Type>),
    /// `object({a = T…})`
    Object(BTreeMap<String, Type>),
}

impl Type {
    /// `list(element)`
    pub fn list(element: Self) -> Self {
        Self::List(Box::new(element))
    }

    /// `set(element)`
    pub fn set(element: Self) -> Self {
        Self::Set(Box::new(element))
    }

    /// `map(element)`
    pub fn map(element: Self) -> Self {
        Self::Map(Box::new(element))
    }
}

/// As users write types.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::Number => f.write_str("number"),
            Self::String => f.write_str("string"),
            Self::Dynamic => f.write_str("any"),
            Self::List(t) => write!(f, "list of {t}"),
            Self::Set(t) => write!(f, "set of {t}"),
            Self::Map(t) => write!(f, "map of {t}"),
            Self::Tuple(_) => f.write_str("tuple"),
            Self::Object(_) => f.write_str("object"),
        }
    }
}

/// An exact number, as its canonical decimal text: no exponent, no sign of zero, no needless zeros. Never an `f64`, which
/// core would call an inconsistent result from the 17th digit on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Number(String);

/// The text isn't a number, or one of more digits than any configuration has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotANumber;

impl Number {
    /// Digits beyond this are refused: an exponent in hostile bytes must not become gigabytes.
    const MOST_DIGITS: i64 = 4096;

    /// Reads decimal text, with or without fraction and exponent.
    pub fn parse(text: &str) -> Result<Self, NotANumber> {
        let (negative, rest) = match text.as_bytes() {
            [b'-', ..] => (true, text.get(1..).ok_or(NotANumber)?),
            [b'+', ..] => (false, text.get(1..).ok_or(NotANumber)?),
            _ => (false, text),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().map_err(|_| NotANumber)?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        if whole.is_empty() && fraction.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(NotANumber);
        }
        let point = i64::try_from(whole.len()).map_err(|_| NotANumber)?.saturating_add(exponent);
        let length = i64::try_from(digits.len()).map_err(|_| NotANumber)?;
        if point.abs() > Self::MOST_DIGITS || length > Self::MOST_DIGITS {
            return Err(NotANumber);
        }
        let zeros = |n: i64| "0".repeat(usize::try_from(n).unwrap_or(0));
        let padded = format!("{}{digits}{}", zeros(-point), zeros(point - length));
        let (whole, fraction) = padded.split_at(usize::try_from(point.max(0)).unwrap_or(0));
        let whole = whole.trim_start_matches('0');
        let fraction = fraction.trim_end_matches('0');
        let mut canonical = String::new();
        if negative && !(whole.is_empty() && fraction.is_empty()) {
            canonical.push('-');
        }
        canonical.push_str(if whole.is_empty() { "0" } else { whole });
        if !fraction.is_empty() {
            canonical.push('.');
            canonical.push_str(fraction);
        }
        Ok(Self(canonical))
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parts(&self) -> (bool, &str, &str) {
        let (negative, rest) = self.0.strip_prefix('-').map_or((false, self.0.as_str()), |rest| (true, rest));
        let (whole, fraction) = rest.split_once('.').unwrap_or((rest, ""));
        (negative, whole, fraction)
    }
}

impl From<i64> for Number {
    fn from(n: i64) -> Self {
        Self(n.to_string())
    }
}

impl From<u64> for Number {
    fn from(n: u64) -> Self {
        Self(n.to_string())
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        let (a_negative, a_whole, a_fraction) = self.parts();
        let (b_negative, b_whole, b_fraction) = other.parts();
        let magnitude = a_whole
            .len()
            .cmp(&b_whole.len())
            .then_with(|| a_whole.cmp(b_whole))
            .then_with(|| a_fraction.cmp(b_fraction));
        match (a_negative, b_negative) {
            (false, false) => magnitude,
            (true, true) => magnitude.reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A value: lists, sets and tuples are [`Value::List`], maps and objects [`Value::Map`]; the schema's type says which.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Comes at apply. Refinements of unknowns are dropped: a plain unknown is always legal.
    Unknown,
    /// Absent.
    Null,
    /// `true`, `false`
    Bool(bool),
    /// Exact.
    Number(Number),
    /// NFC-normalised by core.
    String(String),
    /// Elements; of a set in Terraform's order.
    List(Vec<Value>),
    /// Elements of a map or attributes of an object.
    Map(BTreeMap<String, Value>),
    /// A value of type `any`, with the type that it has.
    Dynamic(Box<(Type, Value)>),
}

impl Value {
    /// A string.
    pub fn string(text: impl Into<String>) -> Self {
        Self::String(text.into())
    }

    /// The attribute `name` of an object; what is absent is null.
    pub fn member(&self, name: &str) -> &Self {
        match self {
            Self::Map(members) => members.get(name).unwrap_or(&Self::Null),
            Self::Unknown => &Self::Unknown,
            _ => &Self::Null,
        }
    }

    /// Nothing unknown at any depth.
    pub fn wholly_known(&self) -> bool {
        match self {
            Self::Unknown => false,
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => true,
            Self::List(items) => items.iter().all(Self::wholly_known),
            Self::Map(members) => members.values().all(Self::wholly_known),
            Self::Dynamic(inner) => inner.1.wholly_known(),
        }
    }
}

/// An argument as written.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Attr<T> {
    /// Comes at apply.
    Unknown,
    /// Not written.
    #[default]
    Null,
    /// Written.
    Known(T),
}

/// At most one nested block, as written.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Block<T> {
    /// A `dynamic` block that may come at apply.
    Unknown,
    /// Not written.
    #[default]
    Absent,
    /// Written.
    One(T),
}

/// Any number of nested blocks, as written.
#[derive(Clone, Debug, PartialEq)]
pub enum Blocks<T> {
    /// A `dynamic` block with an unknown `for_each`.
    Unknown,
    /// As many as stand there.
    Known(Vec<T>),
}

impl<T> Default for Blocks<T> {
    fn default() -> Self {
        Self::Known(Vec::new())
    }
}

/// A list whose elements may be unknown one by one.
pub type List<T> = Attr<Vec<Attr<T>>>;
/// A map whose elements may be unknown one by one.
pub type Map<T> = Attr<BTreeMap<String, Attr<T>>>;

impl<T> Attr<T> {
    /// What was written, if it is known what.
    pub fn known(&self) -> Known<Option<&T>> {
        match self {
            Self::Unknown => Err(Unknown),
            Self::Null => Ok(None),
            Self::Known(value) => Ok(Some(value)),
        }
    }
}

impl<T: Clone> Attr<T> {
    /// Likewise, where the argument is required: what is missing was told by the decoder and counts as unknown.
    pub fn required(&self) -> Known<T> {
        self.known()?.cloned().ok_or(Unknown)
    }

    /// What was written, or `default`.
    pub fn or(&self, default: T) -> Known<T> {
        Ok(self.known()?.cloned().unwrap_or(default))
    }
}

impl<T: Clone> Attr<Vec<Attr<T>>> {
    /// The elements, if it is known which; null elements were told by the decoder.
    pub fn elements(&self) -> Known<Option<Vec<T>>> {
        self.known()?.map(|items| items.iter().map(Attr::required).collect()).transpose()
    }
}

impl<T: Clone> Attr<BTreeMap<String, Attr<T>>> {
    /// The elements, if it is known which.
    pub fn elements(&self) -> Known<Option<BTreeMap<String, T>>> {
        self.known()?.map(|items| items.iter().map(|(k, v)| Ok((k.clone(), v.required()?))).collect()).transpose()
    }
}

impl<T> Block<T> {
    /// The block, if it is known whether it stands there.
    pub fn known(&self) -> Known<Option<&T>> {
        match self {
            Self::Unknown => Err(Unknown),
            Self::Absent => Ok(None),
            Self::One(block) => Ok(Some(block)),
        }
    }
}

impl<T> Blocks<T> {
    /// The blocks, if it is known which.
    pub fn known(&self) -> Known<&[T]> {
        match self {
            Self::Unknown => Err(Unknown),
            Self::Known(blocks) => Ok(blocks),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_canonical() {
        for (text, canonical) in [
            ("0", "0"),
            ("-0", "0"),
            ("1.50", "1.5"),
            ("1e3", "1000"),
            ("1.5e-7", "0.00000015"),
            ("-12.3E+1", "-123"),
            ("007", "7"),
            (".5", "0.5"),
            ("123456789012345678901234567890.125", "123456789012345678901234567890.125"),
        ] {
            assert_eq!(Number::parse(text).map(|n| n.to_string()), Ok(canonical.to_owned()), "{text}");
        }
        for text in ["", "-", "e5", "1e", "abc", "1e99999", "0x1", "1.2.3", "NaN", "inf"] {
            assert_eq!(Number::parse(text), Err(NotANumber), "{text}");
        }
    }

    #[test]
    fn numbers_are_ordered_by_value() {
        let sorted = ["-10", "-9.5", "0", "0.05", "0.5", "1", "9", "10", "10.25"];
        for pair in sorted.windows(2) {
            assert!(Number::parse(pair[0]).unwrap() < Number::parse(pair[1]).unwrap(), "{pair:?}");
        }
    }
}
