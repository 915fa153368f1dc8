//! The types of attributes' values, with their encoding.

use std::collections::BTreeMap;

use super::Model;
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    schema::{Attr, Elements, Number, Type, Value},
};

/// The type of an attribute's value: a text, a number, a boolean, or a collection of these. Types of the domain, like a port
/// number, accept only some values.
pub trait AttributeType: Sized + Send + Sync {
    /// Returns the type in Terraform's type system.
    fn value_type() -> Type;
    /// Returns a sentence for the documentation that says which values are accepted; `None` if all values of the type are.
    fn accepted_values() -> Option<String> {
        None
    }
    /// Converts a value that is neither null nor unknown. A value that isn't accepted is reported.
    fn read(value: &Value, at: &Path, out: &mut Diagnostics) -> Result<Self, Reported>;
    /// Converts back to a value. It is the inverse of [`AttributeType::read`].
    fn write(&self) -> Value;
}

/// Reports a value of another type. Terraform core converts values to the declared types before it calls the provider, so
/// this is a bug.
pub fn report_wrong_type<T: AttributeType>(at: &Path, out: &mut Diagnostics) -> Reported {
    out.error(at, "Wrong type", format!("{at} must be a {}.", T::value_type()))
}

/// An object as the value of an attribute. Its members are the arguments of a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Nested<M>(pub M);

impl<M: Model> AttributeType for Nested<M> {
    fn value_type() -> Type {
        M::schema().object_type().clone()
    }
    fn read(value: &Value, at: &Path, out: &mut Diagnostics) -> Result<Self, Reported> {
        Ok(Self(M::decode(value, at, out)))
    }
    fn write(&self) -> Value {
        self.0.encode()
    }
}

impl AttributeType for String {
    fn value_type() -> Type {
        Type::String
    }
    fn read(value: &Value, at: &Path, out: &mut Diagnostics) -> Result<Self, Reported> {
        match value {
            Value::String(text) => Ok(text.clone()),
            _ => Err(report_wrong_type::<Self>(at, out)),
        }
    }
    fn write(&self) -> Value {
        Value::String(self.clone())
    }
}

impl AttributeType for bool {
    fn value_type() -> Type {
        Type::Bool
    }
    fn read(value: &Value, at: &Path, out: &mut Diagnostics) -> Result<Self, Reported> {
        match value {
            Value::Bool(b) => Ok(*b),
            _ => Err(report_wrong_type::<Self>(at, out)),
        }
    }
    fn write(&self) -> Value {
        Value::Bool(*self)
    }
}

macro_rules! integers {
    ($($Number:ident)*) => { $(
        impl AttributeType for $Number {
            fn value_type() -> Type {
                Type::Number
            }
            fn read(value: &Value, at: &Path, out: &mut Diagnostics) -> Result<Self, Reported> {
                let Value::Number(number) = value else { return Err(report_wrong_type::<Self>(at, out)) };
                number.as_str().parse().map_err(|_| {
                    out.error(at, format!("Invalid {at}"), format!("It must be a whole number; {number} isn't one."))
                })
            }
            fn write(&self) -> Value {
                Value::Number(Number::from(i64::from(*self)))
            }
        }
    )* };
}

integers!(i64 u32);

/// A list. Single elements may be unknown.
impl<T: AttributeType> AttributeType for Vec<Attr<T>> {
    fn value_type() -> Type {
        Type::list(T::value_type())
    }
    fn accepted_values() -> Option<String> {
        T::accepted_values()
    }
    fn read(value: &Value, at: &Path, out: &mut Diagnostics) -> Result<Self, Reported> {
        let Value::List(items) = value else { return Err(report_wrong_type::<Self>(at, out)) };
        Ok(items.iter().enumerate().map(|(i, item)| read_element(item, &at.index(i), out)).collect())
    }
    fn write(&self) -> Value {
        Value::List(self.iter().map(write_attr).collect())
    }
}

impl<T: AttributeType + Ord> AttributeType for Elements<T> {
    fn value_type() -> Type {
        Type::set(T::value_type())
    }
    fn accepted_values() -> Option<String> {
        T::accepted_values()
    }
    fn read(value: &Value, at: &Path, out: &mut Diagnostics) -> Result<Self, Reported> {
        let Value::List(items) = value else { return Err(report_wrong_type::<Self>(at, out)) };
        let mut elements = Self::default();
        for item in items {
            match read_element(item, at, out) {
                Attr::Known(element) => drop(elements.known.insert(element)),
                Attr::Null | Attr::Unknown => elements.complete = false,
            }
        }
        Ok(elements)
    }
    fn write(&self) -> Value {
        let unknown = (!self.complete).then_some(Value::Unknown);
        Value::List(self.known.iter().map(AttributeType::write).chain(unknown).collect())
    }
}

impl<T: AttributeType> AttributeType for BTreeMap<String, Attr<T>> {
    fn value_type() -> Type {
        Type::map(T::value_type())
    }
    fn accepted_values() -> Option<String> {
        T::accepted_values()
    }
    fn read(value: &Value, at: &Path, out: &mut Diagnostics) -> Result<Self, Reported> {
        let Value::Map(items) = value else { return Err(report_wrong_type::<Self>(at, out)) };
        Ok(items.iter().map(|(key, item)| (key.clone(), read_element(item, &at.key(key), out))).collect())
    }
    fn write(&self) -> Value {
        Value::Map(self.iter().map(|(key, item)| (key.clone(), write_attr(item))).collect())
    }
}

/// Reads an element of a collection. A null element, such as an unset variable in a list, is reported and counts as unknown.
fn read_element<T: AttributeType>(value: &Value, at: &Path, out: &mut Diagnostics) -> Attr<T> {
    if *value == Value::Null {
        out.error(
            at,
            format!("Null element in {at}"),
            "An element must have a value. Leave it out, for example with compact().",
        );
        return Attr::Unknown;
    }
    read_attr(value, at, out)
}

/// Reads an attribute that may be unset or unknown. A faulty value is reported and counts as unknown.
pub(super) fn read_attr<T: AttributeType>(value: &Value, at: &Path, out: &mut Diagnostics) -> Attr<T> {
    match value {
        Value::Unknown => Attr::Unknown,
        Value::Null => Attr::Null,
        value => T::read(value, at, out).map_or(Attr::Unknown, Attr::Known),
    }
}

/// The inverse of [`read_attr`].
pub(super) fn write_attr<T: AttributeType>(attr: &Attr<T>) -> Value {
    match attr {
        Attr::Unknown => Value::Unknown,
        Attr::Null => Value::Null,
        Attr::Known(value) => value.write(),
    }
}
