//! Terraform's type system, and its values, which may be unknown at any depth.

use std::{collections::BTreeMap, fmt};

use super::Number;

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
