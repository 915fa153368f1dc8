//! Declarations of arguments. An [`AttributeType`] is the type of an argument's value, a [`Field`] is the type of a struct's
//! field, and [`model!`](crate::model) lists the fields of a struct: its schema, its decoding with paths, its constraints and
//! its documentation all follow from that one declaration.
//!
//! Decoding always returns a model: an invalid value is reported and counts as unknown from then on, so that every rule that
//! doesn't need it still runs and one validation reports all mistakes.

mod attribute_type;
mod field;
mod spec;

use std::collections::BTreeMap;

pub use attribute_type::{AttributeType, Nested, report_wrong_type};
pub use field::{Field, Flat};
pub use spec::{BlockSpec, FlatSpec, block, computed, flat, is_not_empty, optional, required};

use super::{Schema, Value};
use crate::diagnostics::{Diagnostics, Path};

/// A struct of arguments, declared by [`model!`](crate::model).
pub trait Model: Sized + Send + Sync {
    /// Returns the declared schema, which is built once per process.
    fn schema() -> &'static Schema;
    /// Converts the value of a block at the path `at`. Invalid arguments are reported and count as unknown.
    fn decode(value: &Value, at: &Path, out: &mut Diagnostics) -> Self;
    /// Converts the arguments to a value of the schema's type.
    fn encode(&self) -> Value;
}

/// The model without attributes, for the outputs of a resource that has no computed attributes of its own.
impl Model for () {
    fn schema() -> &'static Schema {
        static EMPTY: Schema = Schema::new(String::new(), Vec::new());
        &EMPTY
    }
    fn decode(_value: &Value, _at: &Path, _out: &mut Diagnostics) -> Self {}
    fn encode(&self) -> Value {
        Value::Map(BTreeMap::new())
    }
}

/// Declares a [`Model`]. Each field has a type that implements [`Field`], and after `=` an expression for its specification.
/// The doc comments become the descriptions on the registry pages.
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
                SCHEMA.get_or_init(|| $crate::schema::Schema::new(
                    $crate::schema::model::join_doc_lines(&[$($doc),*]),
                    [$( <$Type as $crate::schema::model::Field>::members(
                        $crate::schema::model::hcl_name(stringify!($field)),
                        $crate::schema::model::join_doc_lines(&[$($help),*]),
                        $spec,
                    ) ),*].concat(),
                ))
            }
            fn decode(
                value: &$crate::schema::Value,
                at: &$crate::diagnostics::Path,
                out: &mut $crate::diagnostics::Diagnostics,
            ) -> Self {
                Self { $( $field: {
                    // Specifications hold checks on the heap, so each is built once and not for every value.
                    static SPEC: ::std::sync::OnceLock<<$Type as $crate::schema::model::Field>::Spec> =
                        ::std::sync::OnceLock::new();
                    <$Type as $crate::schema::model::Field>::decode(
                        value,
                        $crate::schema::model::hcl_name(stringify!($field)),
                        SPEC.get_or_init(|| $spec),
                        at,
                        out,
                    )
                }, )* }
            }
            fn encode(&self) -> $crate::schema::Value {
                let mut fields = ::std::collections::BTreeMap::new();
                $( $crate::schema::model::Field::encode(
                    &self.$field, $crate::schema::model::hcl_name(stringify!($field)), &mut fields,
                ); )*
                $crate::schema::Value::Map(fields)
            }
        }
    };
}

/// Joins the lines of a doc comment into one paragraph of Markdown.
#[doc(hidden)]
pub fn join_doc_lines(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ").trim().to_owned()
}

/// Removes the `r#` from the name of a field, which names like `match` need in Rust.
#[doc(hidden)]
pub fn hcl_name(name: &'static str) -> &'static str {
    name.strip_prefix("r#").unwrap_or(name)
}
