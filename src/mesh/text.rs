//! Types of arguments that are written as text in HCL: enums, references, durations. Each type parses its text,
//! describes in a sentence what it accepts, and prints in the form that it parses.

use std::fmt::Display;

use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    schema::{
        Type, Value,
        model::{AttributeType, report_wrong_type},
    },
};

/// A type that is written as text in HCL.
pub trait Text: Sized + Clone + Display + Send + Sync {
    /// Returns a sentence for the documentation that says which texts are accepted.
    fn accepted_values() -> String;
    /// Parses a text. The error says, in sentences, why the text is refused and what to write instead.
    fn parse(text: &str) -> Result<Self, String>;
}

/// A text that can't be parsed is reported at the path of its argument.
impl<T: Text> AttributeType for T {
    fn value_type() -> Type {
        Type::String
    }
    fn accepted_values() -> Option<String> {
        Some(T::accepted_values())
    }
    fn read(value: &Value, at: &Path, out: &mut Diagnostics) -> Result<Self, Reported> {
        let Value::String(text) = value else { return Err(report_wrong_type::<Self>(at, out)) };
        T::parse(text).map_err(|reason| out.error(at, format!("Invalid {at}"), reason))
    }
    fn write(&self) -> Value {
        Value::String(self.to_string())
    }
}

/// Declares enums whose values are words in HCL. Each word is listed once; parsing, printing and documentation follow.
macro_rules! text_enum {
    ($($(#[$doc:meta])* pub enum $Name:ident { $($(#[$help:meta])* $Word:ident = $text:literal,)* })*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $Name { $($(#[$help])* $Word,)* }

        impl $Name {
            /// Every value, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$Word),*];

            /// Returns the word in HCL.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$Word => $text),* }
            }
        }

        impl std::fmt::Display for $Name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::mesh::text::Text for $Name {
            fn accepted_values() -> String {
                let words: Vec<_> = Self::ALL.iter().map(|value| format!("`{value}`")).collect();
                format!("One of {}.", words.join(", "))
            }
            fn parse(text: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text).ok_or_else(|| {
                    if let Some(value) = Self::ALL.iter().find(|value| value.as_str().eq_ignore_ascii_case(text)) {
                        return format!("{text:?} isn't a value; write it in lower case: {:?}.", value.as_str());
                    }
                    let words: Vec<_> = Self::ALL.iter().map(|value| format!("{:?}", value.as_str())).collect();
                    format!("{text:?} isn't one of {}.", words.join(", "))
                })
            }
        }
    )* };
}

pub(crate) use text_enum;
