//! Types of model fields: arguments, blocks, and parts without a block of their own.

use std::{collections::BTreeMap, ops::Deref};

use super::{
    AttributeType, BlockSpec, FlatSpec, Model,
    attribute_type::{read_attr, write_attr},
};
use crate::{
    diagnostics::{Diagnostics, Path},
    schema::{At, Attr, AttributeSpec, Block, Blocks, Configurability, Member, MemberKind, Nesting, Value},
};

/// The type of a field of a model: an argument, a block, a list of blocks, or a part without a block of its own.
pub trait Field: Sized {
    /// The specification, which the declaration has after `=`.
    type Spec: Send + Sync + 'static;
    /// Returns the attributes and blocks of the schema that the field stands for.
    fn members(name: &'static str, doc: String, spec: Self::Spec) -> Vec<Member>;
    /// Reads the field from the value of its parent, which is at the path `parent`.
    fn decode(value: &Value, name: &'static str, spec: &Self::Spec, parent: &Path, out: &mut Diagnostics) -> Self;
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

    fn members(_name: &'static str, _doc: String, _spec: FlatSpec) -> Vec<Member> {
        M::schema().members.clone()
    }

    fn decode(value: &Value, _name: &'static str, _spec: &FlatSpec, parent: &Path, out: &mut Diagnostics) -> Self {
        Self(M::decode(value, parent, out))
    }

    fn encode(&self, _name: &'static str, parent: &mut BTreeMap<String, Value>) {
        if let Value::Map(fields) = self.0.encode() {
            parent.extend(fields);
        }
    }
}

impl<T: AttributeType> Field for Attr<T> {
    type Spec = AttributeSpec;

    fn members(name: &'static str, doc: String, mut spec: AttributeSpec) -> Vec<Member> {
        // `read` checks the value; this check only adds the sentence to the documentation.
        if let Some(sentence) = T::accepted_values() {
            spec = spec.check(sentence, |_| true);
        }
        vec![Member { name, doc, kind: MemberKind::Attribute { value_type: T::value_type(), spec } }]
    }

    fn decode(value: &Value, name: &'static str, spec: &AttributeSpec, parent: &Path, out: &mut Diagnostics) -> Self {
        let (value, at) = (value.member(name), &parent.attribute(name));
        match (value, spec.configurability) {
            (Value::Null, Configurability::Required) => {
                out.error(
                    at,
                    "Missing required argument",
                    format!("The argument {at} is required, but no value was set."),
                );
                return Self::Unknown;
            }
            (Value::Null | Value::Unknown, _) => {}
            (_, Configurability::Computed) => {
                out.error(
                    at,
                    "Read-only attribute set",
                    format!("{at} is computed by the provider. Remove it from the configuration."),
                );
                return Self::Unknown;
            }
            (known, _) => {
                let mut is_valid = true;
                for check in spec.checks.iter().filter(|check| !(check.holds)(known)) {
                    out.error(
                        at,
                        format!("Invalid {at}"),
                        format!("{} Got {}.", check.sentence, format_value(known, spec.sensitive)),
                    );
                    is_valid = false;
                }
                if !is_valid {
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

/// Formats a value for a message. Secrets and nested values aren't shown.
fn format_value(value: &Value, sensitive: bool) -> String {
    match value {
        _ if sensitive => "a sensitive value".to_owned(),
        Value::String(text) => format!("{text:?}"),
        Value::Number(number) => number.to_string(),
        Value::Bool(b) => b.to_string(),
        Value::List(items) => {
            format!("[{}]", items.iter().map(|item| format_value(item, false)).collect::<Vec<_>>().join(", "))
        }
        Value::Map(members) => format!("{{{}}}", members.keys().cloned().collect::<Vec<_>>().join(", ")),
        Value::Null => "null".to_owned(),
        Value::Unknown => "(known after apply)".to_owned(),
        Value::Dynamic(_) => "a nested value".to_owned(),
    }
}

impl<M: Model> Field for Block<M> {
    type Spec = BlockSpec;

    fn members(name: &'static str, doc: String, spec: BlockSpec) -> Vec<Member> {
        let schema = M::schema().clone();
        vec![Member {
            name,
            doc,
            kind: MemberKind::Block { nesting: Nesting::Single, required: spec.required, schema },
        }]
    }

    fn decode(value: &Value, name: &'static str, spec: &BlockSpec, parent: &Path, out: &mut Diagnostics) -> Self {
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

    fn members(name: &'static str, doc: String, spec: BlockSpec) -> Vec<Member> {
        let schema = M::schema().clone();
        vec![Member { name, doc, kind: MemberKind::Block { nesting: Nesting::List, required: spec.required, schema } }]
    }

    fn decode(value: &Value, name: &'static str, spec: &BlockSpec, parent: &Path, out: &mut Diagnostics) -> Self {
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
