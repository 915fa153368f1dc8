//! Types of argument values.

use std::collections::BTreeMap;

use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    schema::{Attr, Elements, Number, Type, Value},
};

/// The type of an argument's value: a text of the domain, a number, a collection.
pub trait Scalar: Sized + Send + Sync {
    /// The type in Terraform's type system.
    fn kind() -> Type;
    /// A sentence for the documentation where the type accepts only some texts.
    fn admits() -> Option<String> {
        None
    }
    /// Reads a value that is neither null nor unknown.
    fn read(value: &Value, at: &Path, out: &mut Diagnostics) -> Result<Self, Reported>;
    /// The inverse of [`Scalar::read`].
    fn write(&self) -> Value;
}

/// Reports a value of another type. Terraform core converts values to the declared types before it calls the provider, so
/// this is a bug.
pub fn mismatch<T: Scalar>(at: &Path, out: &mut Diagnostics) -> Reported {
    out.error(at, "Wrong type", format!("{at} must be a {}.", T::kind()))
}

impl Scalar for String {
    fn kind() -> Type {
        Type::String
    }
    fn read(value: &Value, at: &Path, out: &mut Diagnostics) -> Result<Self, Reported> {
        match value {
            Value::String(text) => Ok(text.clone()),
            _ => Err(mismatch::<Self>(at, out)),
        }
    }
    fn write(&self) -> Value {
        Value::String(self.clone())
    }
}

impl Scalar for bool {
    fn kind() -> Type {
        Type::Bool
    }
    fn read(value: &Value, at: &Path, out: &mut Diagnostics) -> Result<Self, Reported> {
        match value {
            Value::Bool(b) => Ok(*b),
            _ => Err(mismatch::<Self>(at, out)),
        }
    }
    fn write(&self) -> Value {
        Value::Bool(*self)
    }
}

macro_rules! whole_numbers {
    ($($Number:ident)*) => { $(
        impl Scalar for $Number {
            fn kind() -> Type {
                Type::Number
            }
            fn read(value: &Value, at: &Path, out: &mut Diagnostics) -> Result<Self, Reported> {
                let Value::Number(number) = value else { return Err(mismatch::<Self>(at, out)) };
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

whole_numbers!(i64 u32);

/// Elements may be unknown one by one.
impl<T: Scalar> Scalar for Vec<Attr<T>> {
    fn kind() -> Type {
        Type::list(T::kind())
    }
    fn admits() -> Option<String> {
        T::admits()
    }
    fn read(value: &Value, at: &Path, out: &mut Diagnostics) -> Result<Self, Reported> {
        let Value::List(items) = value else { return Err(mismatch::<Self>(at, out)) };
        Ok(items.iter().enumerate().map(|(i, item)| element(item, &at.index(i), out)).collect())
    }
    fn write(&self) -> Value {
        Value::List(self.iter().map(write_attr).collect())
    }
}

impl<T: Scalar + Ord> Scalar for Elements<T> {
    fn kind() -> Type {
        Type::set(T::kind())
    }
    fn admits() -> Option<String> {
        T::admits()
    }
    fn read(value: &Value, at: &Path, out: &mut Diagnostics) -> Result<Self, Reported> {
        let Value::List(items) = value else { return Err(mismatch::<Self>(at, out)) };
        let mut elements = Self::default();
        for item in items {
            match element(item, at, out) {
                Attr::Known(element) => drop(elements.known.insert(element)),
                Attr::Null | Attr::Unknown => elements.complete = false,
            }
        }
        Ok(elements)
    }
    fn write(&self) -> Value {
        let unknown = (!self.complete).then_some(Value::Unknown);
        Value::List(self.known.iter().map(Scalar::write).chain(unknown).collect())
    }
}

impl<T: Scalar> Scalar for BTreeMap<String, Attr<T>> {
    fn kind() -> Type {
        Type::map(T::kind())
    }
    fn admits() -> Option<String> {
        T::admits()
    }
    fn read(value: &Value, at: &Path, out: &mut Diagnostics) -> Result<Self, Reported> {
        let Value::Map(items) = value else { return Err(mismatch::<Self>(at, out)) };
        Ok(items.iter().map(|(key, item)| (key.clone(), element(item, &at.key(key), out))).collect())
    }
    fn write(&self) -> Value {
        Value::Map(self.iter().map(|(key, item)| (key.clone(), write_attr(item))).collect())
    }
}

/// An element of a collection. A null element, such as an unset variable in a list, is reported and counts as unknown.
fn element<T: Scalar>(value: &Value, at: &Path, out: &mut Diagnostics) -> Attr<T> {
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
pub(super) fn read_attr<T: Scalar>(value: &Value, at: &Path, out: &mut Diagnostics) -> Attr<T> {
    match value {
        Value::Unknown => Attr::Unknown,
        Value::Null => Attr::Null,
        value => T::read(value, at, out).map_or(Attr::Unknown, Attr::Known),
    }
}

/// The inverse of [`read_attr`].
pub(super) fn write_attr<T: Scalar>(attr: &Attr<T>) -> Value {
    match attr {
        Attr::Unknown => Value::Unknown,
        Attr::Null => Value::Null,
        Attr::Known(value) => value.write(),
    }
}
