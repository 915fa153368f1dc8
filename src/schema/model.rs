//! One declaration per argument. A [`Scalar`] is what an argument holds, a [`Field`] is what stands in a struct, and
//! [`model!`](crate::model) only lists fields: schema, decoding with paths, rules and docs follow from the one line.
//!
//! Decoding is total: what can't be read is told and taken as unknown, so that every rule that doesn't need it still runs
//! and one `validate` tells all mistakes.

use std::collections::{BTreeMap, BTreeSet};

use super::{Attr, Block, Blocks, Check, Mode, Nesting, Number, Schema, Shape, Spec, Type, Value};
use crate::diagnostics::{Diagnostics, Path, Reported};

/// An argument that must be written.
pub fn required() -> Spec {
    Spec { mode: Mode::Required, replaces: false, sensitive: false, checks: Vec::new() }
}

/// An argument that may be written.
pub fn optional() -> Spec {
    Spec { mode: Mode::Optional, ..required() }
}

/// An attribute that we give.
pub fn computed() -> Spec {
    Spec { mode: Mode::Computed, ..required() }
}

impl Spec {
    /// A change makes a new resource.
    #[must_use]
    pub fn replaces(self) -> Self {
        Self { replaces: true, ..self }
    }

    /// A secret.
    #[must_use]
    pub fn sensitive(self) -> Self {
        Self { sensitive: true, ..self }
    }

    /// A rule that the value keeps.
    #[must_use]
    pub fn check(mut self, sentence: &str, holds: fn(&Value) -> bool) -> Self {
        self.checks.push(Check { sentence: sentence.to_owned(), holds });
        self
    }
}

/// What may be said of a block beside its schema.
#[derive(Clone, Copy, Debug)]
pub struct BlockSpec {
    required: bool,
}

/// A block that may stand there.
pub fn block() -> BlockSpec {
    BlockSpec { required: false }
}

impl BlockSpec {
    /// At least one must stand there.
    #[must_use]
    pub fn required(self) -> Self {
        Self { required: true }
    }
}

/// A struct of arguments, by [`model!`](crate::model).
pub trait Model: Sized + Send + Sync {
    /// What is declared.
    fn schema() -> Schema;
    /// Every fault is told; what is faulty is taken as unknown.
    fn decode(value: &Value, at: &Path, out: &mut Diagnostics) -> Self;
    /// The value of the declared type.
    fn encode(&self) -> Value;
}

// === impl Scalar ===

/// What an argument holds: a text of the domain, a number, a collection.
pub trait Scalar: Sized + Send + Sync {
    /// The type on the wire.
    fn kind() -> Type;
    /// The sentence for the docs where the type admits only some texts.
    fn admits() -> Option<String> {
        None
    }
    /// Reads a value that is neither null nor unknown.
    fn read(value: &Value, at: &Path, out: &mut Diagnostics) -> Result<Self, Reported>;
    /// The inverse.
    fn write(&self) -> Value;
}

/// The error where core sent something of another type: it converts before it calls us, so this is its bug or ours.
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

impl Scalar for i64 {
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
        Value::Number(Number::from(*self))
    }
}

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

/// A set, as its elements in Terraform's order. Elements of sets have no path: faults are told on the set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Elements<T>(pub Vec<Attr<T>>);

/// A set whose elements may be unknown one by one.
pub type Set<T> = Attr<Elements<T>>;

impl<T: Scalar> Scalar for Elements<T> {
    fn kind() -> Type {
        Type::set(T::kind())
    }
    fn admits() -> Option<String> {
        T::admits()
    }
    fn read(value: &Value, at: &Path, out: &mut Diagnostics) -> Result<Self, Reported> {
        let Value::List(items) = value else { return Err(mismatch::<Self>(at, out)) };
        Ok(Self(items.iter().map(|item| element(item, at, out)).collect()))
    }
    fn write(&self) -> Value {
        Value::List(self.0.iter().map(write_attr).collect())
    }
}

impl<T: Ord + Clone> Attr<Elements<T>> {
    /// The elements, if it is known which.
    pub fn elements(&self) -> crate::known::Known<Option<BTreeSet<T>>> {
        self.known()?.map(|set| set.0.iter().map(Attr::required).collect()).transpose()
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

/// An element of a collection: null is a fault (an empty variable in a list), told and taken as unknown.
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

fn read_attr<T: Scalar>(value: &Value, at: &Path, out: &mut Diagnostics) -> Attr<T> {
    match value {
        Value::Unknown => Attr::Unknown,
        Value::Null => Attr::Null,
        value => T::read(value, at, out).map_or(Attr::Unknown, Attr::Known),
    }
}

fn write_attr<T: Scalar>(attr: &Attr<T>) -> Value {
    match attr {
        Attr::Unknown => Value::Unknown,
        Attr::Null => Value::Null,
        Attr::Known(value) => value.write(),
    }
}

// === impl Field ===

/// What stands in a model: an argument, a block, or a list of blocks.
pub trait Field: Sized {
    /// What may be said of it right of `=`.
    type Spec;
    /// What is declared.
    fn shape(spec: Self::Spec) -> Shape;
    /// Every fault is told; what is faulty is taken as unknown.
    fn decode(value: &Value, spec: Self::Spec, at: &Path, out: &mut Diagnostics) -> Self;
    /// The value of the declared type.
    fn encode(&self) -> Value;
}

impl<T: Scalar> Field for Attr<T> {
    type Spec = Spec;

    fn shape(mut spec: Spec) -> Shape {
        // Reading is the test; the sentence is for the docs.
        spec.checks.extend(T::admits().map(|sentence| Check { sentence, holds: |_| true }));
        Shape::Attribute { kind: T::kind(), spec }
    }

    fn decode(value: &Value, spec: Spec, at: &Path, out: &mut Diagnostics) -> Self {
        match (value, spec.mode) {
            (Value::Null, Mode::Required) => {
                out.error(
                    at,
                    "Missing required argument",
                    format!("The argument {at} is required, but no value was set."),
                );
                return Self::Unknown;
            }
            (Value::Null | Value::Unknown, _) => {}
            (_, Mode::Computed) => {
                out.error(
                    at,
                    "Read-only attribute set",
                    format!("{at} is computed by the provider. Remove it from the configuration."),
                );
                return Self::Unknown;
            }
            (known, _) => {
                let mut sound = true;
                for check in spec.checks.iter().filter(|check| !(check.holds)(known)) {
                    out.error(
                        at,
                        format!("Invalid {at}"),
                        format!("{} Got {}.", check.sentence, shown(known, spec.sensitive)),
                    );
                    sound = false;
                }
                if !sound {
                    return Self::Unknown;
                }
            }
        }
        read_attr(value, at, out)
    }

    fn encode(&self) -> Value {
        write_attr(self)
    }
}

/// A value as messages show it.
fn shown(value: &Value, sensitive: bool) -> String {
    match value {
        _ if sensitive => "a sensitive value".to_owned(),
        Value::String(text) => format!("{text:?}"),
        Value::Number(number) => number.to_string(),
        Value::Bool(b) => b.to_string(),
        Value::List(items) => {
            format!("[{}]", items.iter().map(|item| shown(item, false)).collect::<Vec<_>>().join(", "))
        }
        Value::Map(members) => format!("{{{}}}", members.keys().cloned().collect::<Vec<_>>().join(", ")),
        Value::Unknown | Value::Null | Value::Dynamic(_) => "this value".to_owned(),
    }
}

impl<M: Model> Field for Block<M> {
    type Spec = BlockSpec;

    fn shape(spec: BlockSpec) -> Shape {
        Shape::Block { nesting: Nesting::Single, required: spec.required, schema: M::schema() }
    }

    fn decode(value: &Value, spec: BlockSpec, at: &Path, out: &mut Diagnostics) -> Self {
        match value {
            Value::Unknown => Self::Unknown,
            Value::Null if spec.required => {
                out.error(at, "Missing required block", format!("A block \"{at}\" is required."));
                Self::Unknown
            }
            Value::Null => Self::Absent,
            value => Self::One(M::decode(value, at, out)),
        }
    }

    fn encode(&self) -> Value {
        match self {
            Self::Unknown => Value::Unknown,
            Self::Absent => Value::Null,
            Self::One(model) => model.encode(),
        }
    }
}

impl<M: Model> Field for Blocks<M> {
    type Spec = BlockSpec;

    fn shape(spec: BlockSpec) -> Shape {
        Shape::Block { nesting: Nesting::List, required: spec.required, schema: M::schema() }
    }

    fn decode(value: &Value, spec: BlockSpec, at: &Path, out: &mut Diagnostics) -> Self {
        match value {
            Value::List(items) if !items.is_empty() => {
                Self::Known(items.iter().enumerate().map(|(i, item)| M::decode(item, &at.index(i), out)).collect())
            }
            Value::List(_) | Value::Null if spec.required => {
                out.error(at, "Missing required block", format!("At least one block \"{at}\" is required."));
                Self::Unknown
            }
            Value::List(_) | Value::Null => Self::Known(Vec::new()),
            Value::Unknown => Self::Unknown,
            _ => {
                out.error(at, "Wrong type", format!("{at} must be blocks."));
                Self::Unknown
            }
        }
    }

    fn encode(&self) -> Value {
        match self {
            Self::Unknown => Value::Unknown,
            Self::Known(blocks) => Value::List(blocks.iter().map(Model::encode).collect()),
        }
    }
}

/// Lists the fields of a [`Model`]; all behaviour is in [`Field`]. Right of `=` stands an ordinary expression.
#[macro_export]
macro_rules! model {
    ($(#[doc = $doc:literal])* pub struct $Model:ident { $(
        $(#[doc = $help:literal])* $field:ident: $Type:ty = $spec:expr,
    )* }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $Model { $( $(#[doc = $help])* pub $field: $Type, )* }

        impl $crate::schema::model::Model for $Model {
            fn schema() -> $crate::schema::Schema {
                $crate::schema::Schema {
                    doc: $crate::schema::model::prose(&[$($doc),*]),
                    slots: vec![$( $crate::schema::Slot {
                        name: $crate::schema::model::bare(stringify!($field)),
                        doc: $crate::schema::model::prose(&[$($help),*]),
                        shape: <$Type as $crate::schema::model::Field>::shape($spec),
                    } ),*],
                }
            }
            fn decode(
                value: &$crate::schema::Value,
                at: &$crate::diagnostics::Path,
                out: &mut $crate::diagnostics::Diagnostics,
            ) -> Self {
                Self { $( $field: {
                    let name = $crate::schema::model::bare(stringify!($field));
                    <$Type as $crate::schema::model::Field>::decode(value.member(name), $spec, &at.attribute(name), out)
                }, )* }
            }
            fn encode(&self) -> $crate::schema::Value {
                $crate::schema::Value::Map([$( (
                    $crate::schema::model::bare(stringify!($field)).to_owned(),
                    $crate::schema::model::Field::encode(&self.$field),
                ) ),*].into())
            }
        }
    };
}

/// The lines of a doc comment as one paragraph of Markdown.
#[doc(hidden)]
pub fn prose(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ").trim().to_owned()
}

/// A field's name without `r#`, which arguments like `match` need.
#[doc(hidden)]
pub fn bare(name: &'static str) -> &'static str {
    name.strip_prefix("r#").unwrap_or(name)
}
