//! Declarations of arguments. A [`Scalar`] is the type of an argument's value, a [`Field`] is the type of a struct's field,
//! and [`model!`](crate::model) lists the fields of a struct: its schema, its decoding with paths, its constraints and its
//! documentation all follow from that one declaration.
//!
//! Decoding is total: a faulty value is reported and from then on counts as unknown, so that every rule that doesn't need it
//! still runs and one `validate` reports all mistakes.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    ops::{Deref, RangeInclusive},
    sync::Arc,
};

use super::{At, Attr, Block, Blocks, Check, Mode, Nesting, Number, Schema, Shape, Slot, Spec, Type, Value};
pub use super::{Elements, Set};
use crate::diagnostics::{Diagnostics, Path, Reported};

/// The specification of an argument that must be set.
pub fn required() -> Spec {
    Spec { mode: Mode::Required, replaces: false, sensitive: false, checks: Vec::new() }
}

/// The specification of an argument that may be set.
pub fn optional() -> Spec {
    Spec { mode: Mode::Optional, ..required() }
}

/// The specification of an attribute that the provider sets.
pub fn computed() -> Spec {
    Spec { mode: Mode::Computed, ..required() }
}

impl Spec {
    /// Changing the argument forces a new resource.
    #[must_use]
    pub fn replaces(self) -> Self {
        Self { replaces: true, ..self }
    }

    /// The value is a secret.
    #[must_use]
    pub fn sensitive(self) -> Self {
        Self { sensitive: true, ..self }
    }

    /// Adds a constraint on the whole value.
    #[must_use]
    pub fn check(
        mut self,
        sentence: impl Into<Cow<'static, str>>,
        holds: impl Fn(&Value) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.checks.push(Check { sentence: sentence.into(), holds: Arc::new(holds) });
        self
    }

    /// The value is a text that satisfies `rule`.
    #[must_use]
    pub fn text(self, sentence: &'static str, rule: fn(&str) -> bool) -> Self {
        self.check(sentence, move |value| matches!(value, Value::String(text) if rule(text)))
    }

    /// Every known element of the set or list of texts satisfies `rule`.
    #[must_use]
    pub fn each(self, sentence: &'static str, rule: fn(&str) -> bool) -> Self {
        self.check(sentence, move |value| {
            let Value::List(items) = value else { return true };
            items.iter().all(|item| !matches!(item, Value::String(text) if !rule(text)))
        })
    }

    /// Every key of the map satisfies `rule`.
    #[must_use]
    pub fn keys(self, sentence: &'static str, rule: fn(&str) -> bool) -> Self {
        self.check(sentence, move |value| {
            let Value::Map(members) = value else { return true };
            members.keys().all(|key| rule(key))
        })
    }

    /// The collection has at least one element: Istio reads an empty list as "any", not as "none".
    #[must_use]
    pub fn non_empty(self, sentence: &'static str) -> Self {
        self.check(sentence, is_not_empty)
    }

    /// The whole number is in `range`. A number that isn't whole is reported by decoding.
    #[must_use]
    pub fn range(self, range: RangeInclusive<i64>) -> Self {
        let sentence = match (*range.start(), *range.end()) {
            (start, end) if end >= i64::from(i32::MAX) => format!("{start} or more."),
            (start, end) => format!("{start} to {end}."),
        };
        self.check(sentence, move |value| {
            let Value::Number(number) = value else { return true };
            number.as_str().parse().map_or(true, |number| range.contains(&number))
        })
    }
}

/// Whether a collection has an element.
pub fn is_not_empty(value: &Value) -> bool {
    match value {
        Value::List(items) => !items.is_empty(),
        Value::Map(items) => !items.is_empty(),
        _ => true,
    }
}

/// The specification of nested blocks.
#[derive(Clone, Copy, Debug)]
pub struct BlockSpec {
    required: bool,
}

/// The specification of blocks that may be set.
pub fn block() -> BlockSpec {
    BlockSpec { required: false }
}

impl BlockSpec {
    /// At least one block must be set.
    #[must_use]
    pub fn required(self) -> Self {
        Self { required: true }
    }
}

/// The specification of a [`Flat`] part.
#[derive(Clone, Copy, Debug)]
pub struct FlatSpec;

/// The specification of a part of the arguments that has a struct of its own, but no block in HCL.
pub fn flat() -> FlatSpec {
    FlatSpec
}

/// A struct of arguments, declared by [`model!`](crate::model).
pub trait Model: Sized + Send + Sync {
    /// The declared schema, which is built once per process.
    fn schema() -> &'static Schema;
    /// Reads the arguments at the path `at`. Every fault is reported, and the faulty value counts as unknown.
    fn decode(value: &Value, at: &Path, out: &mut Diagnostics) -> Self;
    /// The value of the declared type.
    fn encode(&self) -> Value;
}

/// The model without attributes: the outputs of a resource that computes none of its own.
impl Model for () {
    fn schema() -> &'static Schema {
        const NONE: &Schema = &Schema { doc: String::new(), slots: Vec::new() };
        NONE
    }
    fn decode(_value: &Value, _at: &Path, _out: &mut Diagnostics) -> Self {}
    fn encode(&self) -> Value {
        Value::Map(BTreeMap::new())
    }
}

// === impl Scalar ===

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

/// The type of a field of a model: an argument, a block, a list of blocks, or a part without a block of its own.
pub trait Field: Sized {
    /// The specification right of `=`.
    type Spec;
    /// The attributes and blocks of the schema that the field stands for.
    fn slots(name: &'static str, doc: String, spec: Self::Spec) -> Vec<Slot>;
    /// Reads the field from the value of its parent, which is at the path `parent`.
    fn decode(value: &Value, name: &'static str, spec: Self::Spec, parent: &Path, out: &mut Diagnostics) -> Self;
    /// Adds the field to the attributes and blocks of its parent.
    fn encode(&self, name: &'static str, parent: &mut BTreeMap<String, Value>);
}

/// A part of a model that has a struct of its own, but no block in HCL: its fields are fields of the parent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flat<M>(pub M);

impl<M> Deref for Flat<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.0
    }
}

impl<M: Model> Field for Flat<M> {
    type Spec = FlatSpec;

    fn slots(_name: &'static str, _doc: String, _spec: FlatSpec) -> Vec<Slot> {
        M::schema().slots.clone()
    }

    fn decode(value: &Value, _name: &'static str, _spec: FlatSpec, parent: &Path, out: &mut Diagnostics) -> Self {
        Self(M::decode(value, parent, out))
    }

    fn encode(&self, _name: &'static str, parent: &mut BTreeMap<String, Value>) {
        if let Value::Map(fields) = self.0.encode() {
            parent.extend(fields);
        }
    }
}

impl<T: Scalar> Field for Attr<T> {
    type Spec = Spec;

    fn slots(name: &'static str, doc: String, mut spec: Spec) -> Vec<Slot> {
        // Reading is the test; the sentence is for the documentation.
        if let Some(sentence) = T::admits() {
            spec = spec.check(sentence, |_| true);
        }
        vec![Slot { name, doc, shape: Shape::Attribute { kind: T::kind(), spec } }]
    }

    fn decode(value: &Value, name: &'static str, spec: Spec, parent: &Path, out: &mut Diagnostics) -> Self {
        let (value, at) = (value.member(name), &parent.attribute(name));
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

    fn encode(&self, name: &'static str, parent: &mut BTreeMap<String, Value>) {
        parent.insert(name.to_owned(), write_attr(self));
    }
}

/// A value as diagnostics show it.
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

    fn slots(name: &'static str, doc: String, spec: BlockSpec) -> Vec<Slot> {
        let schema = M::schema().clone();
        vec![Slot { name, doc, shape: Shape::Block { nesting: Nesting::Single, required: spec.required, schema } }]
    }

    fn decode(value: &Value, name: &'static str, spec: BlockSpec, parent: &Path, out: &mut Diagnostics) -> Self {
        let at = &parent.attribute(name);
        match value.member(name) {
            Value::Unknown => Self::Unknown,
            Value::Null if spec.required => {
                out.error(at, "Missing required block", format!("A block \"{at}\" is required."));
                Self::Unknown
            }
            Value::Null => Self::Absent,
            value => Self::One(At { at: at.clone(), arguments: M::decode(value, at, out) }),
        }
    }

    fn encode(&self, name: &'static str, parent: &mut BTreeMap<String, Value>) {
        let value = match self {
            Self::Unknown => Value::Unknown,
            Self::Absent => Value::Null,
            Self::One(block) => block.arguments.encode(),
        };
        parent.insert(name.to_owned(), value);
    }
}

impl<M: Model> Field for Blocks<M> {
    type Spec = BlockSpec;

    fn slots(name: &'static str, doc: String, spec: BlockSpec) -> Vec<Slot> {
        let schema = M::schema().clone();
        vec![Slot { name, doc, shape: Shape::Block { nesting: Nesting::List, required: spec.required, schema } }]
    }

    fn decode(value: &Value, name: &'static str, spec: BlockSpec, parent: &Path, out: &mut Diagnostics) -> Self {
        let at = &parent.attribute(name);
        match value.member(name) {
            Value::List(items) if !items.is_empty() => {
                let block = |(index, item)| {
                    let at = at.index(index);
                    let arguments = M::decode(item, &at, out);
                    At { at, arguments }
                };
                Self::Known(items.iter().enumerate().map(block).collect())
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

    fn encode(&self, name: &'static str, parent: &mut BTreeMap<String, Value>) {
        let value = match self {
            Self::Unknown => Value::Unknown,
            Self::Known(blocks) => Value::List(blocks.iter().map(|block| block.arguments.encode()).collect()),
        };
        parent.insert(name.to_owned(), value);
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
            fn schema() -> &'static $crate::schema::Schema {
                static SCHEMA: ::std::sync::OnceLock<$crate::schema::Schema> = ::std::sync::OnceLock::new();
                SCHEMA.get_or_init(|| $crate::schema::Schema {
                    doc: $crate::schema::model::prose(&[$($doc),*]),
                    slots: [$( <$Type as $crate::schema::model::Field>::slots(
                        $crate::schema::model::bare(stringify!($field)),
                        $crate::schema::model::prose(&[$($help),*]),
                        $spec,
                    ) ),*].concat(),
                })
            }
            fn decode(
                value: &$crate::schema::Value,
                at: &$crate::diagnostics::Path,
                out: &mut $crate::diagnostics::Diagnostics,
            ) -> Self {
                Self { $( $field: <$Type as $crate::schema::model::Field>::decode(
                    value, $crate::schema::model::bare(stringify!($field)), $spec, at, out,
                ), )* }
            }
            fn encode(&self) -> $crate::schema::Value {
                let mut fields = ::std::collections::BTreeMap::new();
                $( $crate::schema::model::Field::encode(
                    &self.$field, $crate::schema::model::bare(stringify!($field)), &mut fields,
                ); )*
                $crate::schema::Value::Map(fields)
            }
        }
    };
}

/// Joins the lines of a doc comment into one paragraph of Markdown.
#[doc(hidden)]
pub fn prose(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ").trim().to_owned()
}

/// The name of a field without `r#`, which names like `match` need.
#[doc(hidden)]
pub fn bare(name: &'static str) -> &'static str {
    name.strip_prefix("r#").unwrap_or(name)
}
