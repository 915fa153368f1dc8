//! What Terraform says and hears: types, values, schemas, and models declared one line an argument. It knows neither the
//! wire's messages nor Kubernetes.

mod codec;
pub mod json;
pub mod model;
pub mod msgpack;
pub mod value;
#[cfg(test)]
mod vectors;

use std::collections::BTreeMap;

pub use codec::InvalidValue;
pub use value::{Attr, Block, Blocks, List, Map, Number, Type, Value};

/// Who gives an attribute its value. There is no optional and computed: a default is never written into an argument, so
/// that removing the argument sticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The user must.
    Required,
    /// The user may.
    Optional,
    /// We do.
    Computed,
}

/// How blocks of one name stand in their parent. Lists, not sets: elements of sets have no path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nesting {
    /// At most one.
    Single,
    /// Any number, in order.
    List,
}

/// A rule on one known value: the sentence that docs and errors print, and the test.
#[derive(Clone, Debug)]
pub struct Check {
    /// "A port: 1 to 65535."
    pub sentence: String,
    /// Whether the value keeps it.
    pub holds: fn(&Value) -> bool,
}

/// What may be said of an attribute beside its type.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Who gives the value.
    pub mode: Mode,
    /// A change makes a new resource.
    pub replaces: bool,
    /// Hidden in Terraform's output; a digest in ours.
    pub sensitive: bool,
    /// Rules on the value.
    pub checks: Vec<Check>,
}

/// What stands under a name.
#[derive(Clone, Debug)]
pub enum Shape {
    /// `name = value`
    Attribute {
        /// Its type.
        kind: Type,
        /// Everything else.
        spec: Spec,
    },
    /// `name { … }`
    Block {
        /// How many.
        nesting: Nesting,
        /// At least one must stand there.
        required: bool,
        /// What is inside.
        schema: Schema,
    },
}

/// An attribute or block with its name.
#[derive(Clone, Debug)]
pub struct Slot {
    /// As users write it.
    pub name: &'static str,
    /// For the reader of a registry page; Markdown.
    pub doc: String,
    /// What stands there.
    pub shape: Shape,
}

/// A block: of a resource, a provider, or nested.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// For the reader of a registry page; Markdown.
    pub doc: String,
    /// In the order of declaration, which is the order of the docs.
    pub slots: Vec<Slot>,
}

impl Schema {
    /// The object type of the block's values: derived, never declared twice.
    pub fn kind(&self) -> Type {
        Type::Object(self.slots.iter().map(|slot| (slot.name.to_owned(), slot.kind())).collect())
    }

    /// One schema of the arguments of `self` and the outputs of `other`.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.slots.extend(other.slots);
        self
    }

    /// Gives every attribute that is missing a null and every list of blocks an empty list, and drops what isn't known:
    /// a state that an older version wrote becomes one of today's schema.
    pub fn complete(&self, value: &Value) -> Value {
        let Value::Map(members) = value else { return value.clone() };
        let complete = |slot: &Slot| {
            let found = members.get(slot.name).unwrap_or(&Value::Null);
            match &slot.shape {
                Shape::Attribute { .. } => found.clone(),
                Shape::Block { nesting: Nesting::Single, schema, .. } => schema.complete(found),
                Shape::Block { nesting: Nesting::List, schema, .. } => match found {
                    Value::List(items) => Value::List(items.iter().map(|item| schema.complete(item)).collect()),
                    Value::Null => Value::List(Vec::new()),
                    other => other.clone(),
                },
            }
        };
        Value::Map(self.slots.iter().map(|slot| (slot.name.to_owned(), complete(slot))).collect::<BTreeMap<_, _>>())
    }
}

impl Slot {
    fn kind(&self) -> Type {
        match &self.shape {
            Shape::Attribute { kind, .. } => kind.clone(),
            Shape::Block { nesting: Nesting::Single, schema, .. } => schema.kind(),
            Shape::Block { nesting: Nesting::List, schema, .. } => Type::list(schema.kind()),
        }
    }
}
