//! Terraform's type system, and its values, which may be unknown at any depth.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::Deref,
};

use crate::{
    diagnostics::Path,
    known::{Known, Unknown},
};

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

/// Prints a type as HCL writes it.
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

/// An exact number in its canonical decimal form: without an exponent, a sign of zero, or superfluous zeros. It is no
/// `f64`, since Terraform refuses a planned or applied value that differs from the configured one in any digit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Number(String);

/// The error of a text that isn't a number, or has more than the maximum number of digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotANumber;

impl Number {
    /// Maximum number of digits. A larger exponent could make a short text need gigabytes.
    const MAX_DIGITS: i64 = 4096;

    /// Parses a decimal number, with or without a fraction and an exponent.
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
        if point.abs() > Self::MAX_DIGITS || length > Self::MAX_DIGITS {
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

    /// Returns the canonical text.
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

/// A value. Lists, sets and tuples are [`Value::List`], and maps and objects [`Value::Map`]: a value is only complete with its
/// [`Type`].
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// The value is known after apply. Terraform's refinements of unknown values are dropped.
    Unknown,
    /// No value.
    Null,
    /// `true`, `false`
    Bool(bool),
    /// An exact number.
    Number(Number),
    /// Unicode text, which Terraform normalizes to NFC.
    String(String),
    /// The elements of a list, tuple or set. Those of a set are in Terraform's order.
    List(Vec<Value>),
    /// The elements of a map or the attributes of an object.
    Map(BTreeMap<String, Value>),
    /// A value of type `any`, with its concrete type.
    Dynamic(Box<(Type, Value)>),
}

impl Value {
    /// Makes a string value.
    pub fn string(text: impl Into<String>) -> Self {
        Self::String(text.into())
    }

    /// Returns the attribute `name` of an object; null if the object has none, and unknown if the object is unknown.
    pub fn member(&self, name: &str) -> &Self {
        match self {
            Self::Map(members) => members.get(name).unwrap_or(&Self::Null),
            Self::Unknown => &Self::Unknown,
            _ => &Self::Null,
        }
    }

    /// Whether the value and all values in it are known.
    pub fn is_wholly_known(&self) -> bool {
        match self {
            Self::Unknown => false,
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => true,
            Self::List(items) => items.iter().all(Self::is_wholly_known),
            Self::Map(members) => members.values().all(Self::is_wholly_known),
            Self::Dynamic(inner) => inner.1.is_wholly_known(),
        }
    }
}

/// The value of an argument, which may be unset or unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Attr<T> {
    /// The value is known after apply.
    Unknown,
    /// The argument is not set.
    #[default]
    Null,
    /// The argument is set.
    Known(T),
}

/// A nested block and its path, to which diagnostics about the block point.
#[derive(Clone, Debug, PartialEq)]
pub struct At<M> {
    /// The path of the block, for example `server[0]`.
    pub at: Path,
    /// The arguments of the block.
    pub arguments: M,
}

impl<M> Deref for At<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.arguments
    }
}

/// A nested block of which there is at most one.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Block<T> {
    /// A `dynamic` block whose `for_each` is known after apply.
    Unknown,
    /// The block is not set.
    #[default]
    Absent,
    /// The block is set.
    One(At<T>),
}

/// Nested blocks of which there may be any number.
#[derive(Clone, Debug, PartialEq)]
pub enum Blocks<T> {
    /// A `dynamic` block whose `for_each` is known after apply.
    Unknown,
    /// The blocks in the order of the configuration.
    Known(Vec<At<T>>),
}

impl<T> Default for Blocks<T> {
    fn default() -> Self {
        Self::Known(Vec::new())
    }
}

/// The elements of a set. They have no paths, so diagnostics about an element point to the set.
#[derive(Clone, Debug, PartialEq)]
pub struct Elements<T> {
    /// The elements whose values are known.
    pub known: BTreeSet<T>,
    /// Whether these are all elements; otherwise some are known after apply.
    pub complete: bool,
}

impl<T> Default for Elements<T> {
    fn default() -> Self {
        Self { known: BTreeSet::new(), complete: true }
    }
}

impl<T: Ord> FromIterator<T> for Elements<T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        Self { known: elements.into_iter().collect(), complete: true }
    }
}

/// A set in which single elements may be unknown.
pub type Set<T> = Attr<Elements<T>>;
/// A list in which single elements may be unknown.
pub type List<T> = Attr<Vec<Attr<T>>>;
/// A map in which single elements may be unknown.
pub type Map<T> = Attr<BTreeMap<String, Attr<T>>>;

impl<T> Attr<T> {
    /// Returns the value; `None` if the argument isn't set.
    pub fn known(&self) -> Known<Option<&T>> {
        match self {
            Self::Unknown => Err(Unknown),
            Self::Null => Ok(None),
            Self::Known(value) => Ok(Some(value)),
        }
    }

    /// Returns the value of a required argument. Decoding has reported a missing one, which counts as unknown.
    pub fn required(&self) -> Known<&T> {
        self.known()?.ok_or(Unknown)
    }

    /// Whether the argument is known to be set.
    pub const fn is_set(&self) -> bool {
        matches!(self, Self::Known(_))
    }
}

impl<T: Clone> Attr<T> {
    /// Returns the value, or `default` if the argument isn't set.
    pub fn or(&self, default: T) -> Known<T> {
        Ok(self.known()?.cloned().unwrap_or(default))
    }
}

impl<T: Copy> Attr<T> {
    /// Returns a copy of the value; `None` if the argument isn't set.
    pub fn copied(&self) -> Known<Option<T>> {
        Ok(self.known()?.copied())
    }
}

impl<T> Attr<T> {
    /// Makes the value of a computed attribute, which is unknown if `value` is.
    pub fn computed(value: Known<T>) -> Self {
        value.map_or(Self::Unknown, Self::Known)
    }

    /// Makes the value of a computed attribute that may be null.
    pub fn computed_option(value: Known<Option<T>>) -> Self {
        value.map_or(Self::Unknown, |value| value.map_or(Self::Null, Self::Known))
    }
}

impl<T> Attr<Elements<T>> {
    /// Returns the elements; `None` if the argument isn't set.
    pub fn elements(&self) -> Known<Option<&BTreeSet<T>>> {
        match self.known()? {
            Some(set) if !set.complete => Err(Unknown),
            set => Ok(set.map(|set| &set.known)),
        }
    }

    /// Returns the elements of a required argument.
    pub fn required_elements(&self) -> Known<&BTreeSet<T>> {
        self.elements()?.ok_or(Unknown)
    }
}

impl<T: Ord + Clone> Attr<Elements<T>> {
    /// Returns the elements; none if the argument isn't set.
    pub fn elements_or_empty(&self) -> Known<BTreeSet<T>> {
        Ok(self.elements()?.cloned().unwrap_or_default())
    }
}

impl<T: Clone> Attr<Vec<Attr<T>>> {
    /// Returns the elements; `None` if the argument isn't set. Decoding has reported null elements.
    pub fn elements(&self) -> Known<Option<Vec<T>>> {
        self.known()?.map(|items| items.iter().map(|item| item.required().cloned()).collect()).transpose()
    }
}

impl<T: Clone> Attr<BTreeMap<String, Attr<T>>> {
    /// Returns the elements; `None` if the argument isn't set.
    pub fn elements(&self) -> Known<Option<BTreeMap<String, T>>> {
        let element = |(key, value): (&String, &Attr<T>)| Ok((key.clone(), value.required()?.clone()));
        self.known()?.map(|items| items.iter().map(element).collect()).transpose()
    }

    /// Returns the elements of a required argument.
    pub fn required_elements(&self) -> Known<BTreeMap<String, T>> {
        self.elements()?.ok_or(Unknown)
    }

    /// Returns the elements; none if the argument isn't set.
    pub fn elements_or_empty(&self) -> Known<BTreeMap<String, T>> {
        Ok(self.elements()?.unwrap_or_default())
    }
}

impl<T> Block<T> {
    /// Returns the block; `None` if it isn't set.
    pub fn known(&self) -> Known<Option<&At<T>>> {
        match self {
            Self::Unknown => Err(Unknown),
            Self::Absent => Ok(None),
            Self::One(block) => Ok(Some(block)),
        }
    }

    /// Whether the block is known to be set.
    pub const fn is_set(&self) -> bool {
        matches!(self, Self::One(_))
    }
}

impl<T> Blocks<T> {
    /// Returns the blocks in the order of the configuration.
    pub fn known(&self) -> Known<&[At<T>]> {
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
