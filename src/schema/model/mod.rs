//! Declarations of arguments. A [`Scalar`] is the type of an argument's value, a [`Field`] is the type of a struct's field,
//! and [`model!`](crate::model) lists the fields of a struct: its schema, its decoding with paths, its constraints and its
//! documentation all follow from that one declaration.
//!
//! Decoding is total: a faulty value is reported and from then on counts as unknown, so that every rule that doesn't need it
//! still runs and one `validate` reports all mistakes.

mod field;
mod scalar;
mod spec;

use std::collections::BTreeMap;

pub use field::{Field, Flat};
pub use scalar::{Scalar, mismatch};
pub use spec::{BlockSpec, FlatSpec, block, computed, flat, is_not_empty, optional, required};

use super::{Schema, Value};
use crate::diagnostics::{Diagnostics, Path};

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
