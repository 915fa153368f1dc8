//! Terraform's types, values and schemas, and the models that declare them. It knows neither the messages of the plugin
//! protocol nor Kubernetes.

mod argument;
mod codec;
pub mod json;
pub mod model;
pub mod msgpack;
mod number;
pub mod recorded;
pub mod value;
#[cfg(test)]
mod vectors;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt,
    sync::{Arc, OnceLock},
};

pub use argument::{At, Attr, Block, Blocks, Elements, List, Map, Set};
pub use codec::InvalidValue;
pub use number::{NotANumber, Number};
pub use value::{Type, Value};

/// Whether the user or the provider sets an attribute. There is no "optional and computed": a default is never written into
/// an argument, so that removing the argument from the configuration has an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Configurability {
    /// The user must set it.
    Required,
    /// The user may set it.
    Optional,
    /// The provider sets it.
    Computed,
}

/// How many blocks of one name a parent takes. There are no sets of blocks, since elements of sets have no path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nesting {
    /// At most one block.
    Single,
    /// Any number of blocks, in order.
    List,
}

/// A constraint on one known value.
#[derive(Clone)]
pub struct Check {
    /// The constraint as a sentence for the documentation and diagnostics, like "1 to 65535."
    pub sentence: Cow<'static, str>,
    /// Whether a value satisfies the constraint.
    pub holds: Arc<dyn Fn(&Value) -> bool + Send + Sync>,
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Check").field(&self.sentence).finish()
    }
}

/// The properties of an attribute beside its type.
#[derive(Clone, Debug)]
pub struct AttributeSpec {
    /// Whether the user or the provider sets it.
    pub configurability: Configurability,
    /// Whether changing it forces a new resource.
    pub replaces: bool,
    /// Whether Terraform hides the value. Diagnostics hide it as well.
    pub sensitive: bool,
    /// The constraints on the value.
    pub checks: Vec<Check>,
}

/// An attribute or a nested block.
#[derive(Clone, Debug)]
pub enum MemberKind {
    /// `name = value`
    Attribute {
        /// The type of the value.
        value_type: Type,
        /// The other properties.
        spec: AttributeSpec,
    },
    /// `name { … }`
    Block {
        /// How many blocks of this name there may be.
        nesting: Nesting,
        /// Whether there must be at least one.
        required: bool,
        /// The schema of the block's body.
        schema: Schema,
    },
}

/// A named attribute or block of a schema.
#[derive(Clone, Debug)]
pub struct Member {
    /// Name in HCL.
    pub name: &'static str,
    /// Description on the registry page, as Markdown.
    pub doc: String,
    /// Whether the member is an attribute or a block, and of which kind.
    pub kind: MemberKind,
}

/// The schema of a block: of a resource, of the provider, or of a nested block.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// The description on the registry page, as Markdown.
    pub doc: String,
    /// The attributes and blocks, in the order of their declaration, which the documentation keeps.
    pub members: Vec<Member>,
    /// The object type, which is built once: each value that is decoded or encoded needs it.
    object_type: OnceLock<Type>,
}

impl Schema {
    /// A schema with this description and these attributes and blocks.
    pub const fn new(doc: String, members: Vec<Member>) -> Self {
        Self { doc, members, object_type: OnceLock::new() }
    }

    /// Returns the object type of the block's values.
    pub fn object_type(&self) -> &Type {
        self.object_type.get_or_init(|| {
            Type::Object(self.members.iter().map(|member| (member.name.to_owned(), member.value_type())).collect())
        })
    }

    /// Returns a schema with the attributes and blocks of both.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        Self::new(self.doc, self.members.into_iter().chain(other.members.iter().cloned()).collect())
    }

    /// Adds null for every missing attribute and an empty list for every missing list of blocks, and drops members that the
    /// schema doesn't have, so that a state of an older version of the provider fits the present schema.
    pub fn complete(&self, value: &Value) -> Value {
        let Value::Map(members) = value else { return value.clone() };
        let complete = |member: &Member| {
            let present = members.get(member.name).unwrap_or(&Value::Null);
            match &member.kind {
                MemberKind::Attribute { .. } => present.clone(),
                MemberKind::Block { nesting: Nesting::Single, schema, .. } => schema.complete(present),
                MemberKind::Block { nesting: Nesting::List, schema, .. } => match present {
                    Value::List(items) => Value::List(items.iter().map(|item| schema.complete(item)).collect()),
                    Value::Null => Value::List(Vec::new()),
                    other => other.clone(),
                },
            }
        };
        Value::Map(
            self.members.iter().map(|member| (member.name.to_owned(), complete(member))).collect::<BTreeMap<_, _>>(),
        )
    }
}

impl Member {
    fn value_type(&self) -> Type {
        match &self.kind {
            MemberKind::Attribute { value_type, .. } => value_type.clone(),
            MemberKind::Block { nesting: Nesting::Single, schema, .. } => schema.object_type().clone(),
            MemberKind::Block { nesting: Nesting::List, schema, .. } => Type::list(schema.object_type().clone()),
        }
    }
}
