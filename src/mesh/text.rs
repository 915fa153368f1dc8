//! Texts of the domain: what stands in quotes in HCL and means something. Each type reads its text, says in a sentence what
//! it admits, and prints as it reads.

use std::fmt::Display;

/// A text with a meaning: an enum, a reference, a duration.
pub trait Text: Sized + Clone + Display + Send + Sync {
    /// What may be written: a sentence for the docs.
    fn admits() -> String;
    /// Reads it; `Err` says why it can't be read, and what would be right, in sentences.
    fn parse(text: &str) -> Result<Self, String>;
}

/// Enums whose values are words: the words are listed once, and reading, printing and the docs follow.
macro_rules! text_enum {
    ($($(#[$doc:meta])* pub enum $Name:ident { $($(#[$help:meta])* $Word:ident = $text:literal,)* })*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $Name { $($(#[$help])* $Word,)* }

        impl $Name {
            /// Every value, in the order of the docs.
            pub const ALL: &'static [Self] = &[$(Self::$Word),*];

            /// As users write it.
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
            fn admits() -> String {
                let words: Vec<_> = Self::ALL.iter().map(|value| format!("`{value}`")).collect();
                format!("One of {}.", words.join(", "))
            }
            fn parse(text: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text).ok_or_else(|| {
                    let words: Vec<_> = Self::ALL.iter().map(|value| format!("{:?}", value.as_str())).collect();
                    format!("{text:?} isn't one of {}.", words.join(", "))
                })
            }
        }
    )* };
}

pub(crate) use text_enum;
