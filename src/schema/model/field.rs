//! Types of model fields: arguments, blocks, and parts without a block of their own.

use std::{collections::BTreeMap, ops::Deref};

use super::{
    BlockSpec, FlatSpec, Model, Scalar,
    scalar::{read_attr, write_attr},
};
use crate::{
    diagnostics::{Diagnostics, Path},
    schema::{At, Attr, Block, Blocks, Mode, Nesting, Shape, Slot, Spec, Value},
};

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
