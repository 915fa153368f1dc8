//! Arguments and blocks as they are written; any of them may be unknown until apply.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Deref,
};

use crate::{
    diagnostics::Path,
    known::{Known, Unknown},
};

/// The value of an argument, which may be unset or unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Attr<T> {
    /// The value is known after apply.
    Unknown,
    /// The argument is not set.
    #[default]
    Null,
    /// The argument is set.
    Known(T),
}

/// A nested block and its path, to which diagnostics about the block point.
#[derive(Clone, Debug, PartialEq)]
pub struct At<M> {
    /// The path of the block, for example `server[0]`.
    pub at: Path,
    /// The arguments of the block.
    pub arguments: M,
}

impl<M> Deref for At<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.arguments
    }
}

/// A nested block of which there is at most one.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Block<T> {
    /// A `dynamic` block whose `for_each` is known after apply.
    Unknown,
    /// The block is not set.
    #[default]
    Absent,
    /// The block is set.
    One(At<T>),
}

/// Nested blocks of which there may be any number.
#[derive(Clone, Debug, PartialEq)]
pub enum Blocks<T> {
    /// A `dynamic` block whose `for_each` is known after apply.
    Unknown,
    /// The blocks in the order of the configuration.
    Known(Vec<At<T>>),
}

impl<T> Default for Blocks<T> {
    fn default() -> Self {
        Self::Known(Vec::new())
    }
}

/// The elements of a set. They have no paths, so diagnostics about an element point to the set.
#[derive(Clone, Debug, PartialEq)]
pub struct Elements<T> {
    /// The elements whose values are known.
    pub known: BTreeSet<T>,
    /// Whether these are all elements; otherwise some are known after apply.
    pub complete: bool,
}

impl<T> Default for Elements<T> {
    fn default() -> Self {
        Self { known: BTreeSet::new(), complete: true }
    }
}

impl<T: Ord> FromIterator<T> for Elements<T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        Self { known: elements.into_iter().collect(), complete: true }
    }
}

/// A set in which single elements may be unknown.
pub type Set<T> = Attr<Elements<T>>;
/// A list in which single elements may be unknown.
pub type List<T> = Attr<Vec<Attr<T>>>;
/// A map in which single elements may be unknown.
pub type Map<T> = Attr<BTreeMap<String, Attr<T>>>;

impl<T> Attr<T> {
    /// Returns the value; `None` if the argument isn't set.
    pub fn known(&self) -> Known<Option<&T>> {
        match self {
            Self::Unknown => Err(Unknown),
            Self::Null => Ok(None),
            Self::Known(value) => Ok(Some(value)),
        }
    }

    /// Returns the value of a required argument. Decoding has reported a missing one, which counts as unknown.
    pub fn required(&self) -> Known<&T> {
        self.known()?.ok_or(Unknown)
    }

    /// Whether the argument is known to be set.
    pub const fn is_set(&self) -> bool {
        matches!(self, Self::Known(_))
    }
}

impl<T: Clone> Attr<T> {
    /// Returns the value, or `default` if the argument isn't set.
    pub fn or(&self, default: T) -> Known<T> {
        Ok(self.known()?.cloned().unwrap_or(default))
    }
}

impl<T: Copy> Attr<T> {
    /// Returns a copy of the value; `None` if the argument isn't set.
    pub fn copied(&self) -> Known<Option<T>> {
        Ok(self.known()?.copied())
    }
}

impl<T> Attr<T> {
    /// Makes the value of a computed attribute, which is unknown if `value` is.
    pub fn computed(value: Known<T>) -> Self {
        value.map_or(Self::Unknown, Self::Known)
    }

    /// Makes the value of a computed attribute that may be null.
    pub fn computed_option(value: Known<Option<T>>) -> Self {
        value.map_or(Self::Unknown, |value| value.map_or(Self::Null, Self::Known))
    }
}

impl<T> Attr<Elements<T>> {
    /// Returns the elements; `None` if the argument isn't set.
    pub fn elements(&self) -> Known<Option<&BTreeSet<T>>> {
        match self.known()? {
            Some(set) if !set.complete => Err(Unknown),
            set => Ok(set.map(|set| &set.known)),
        }
    }

    /// Returns the elements of a required argument.
    pub fn required_elements(&self) -> Known<&BTreeSet<T>> {
        self.elements()?.ok_or(Unknown)
    }
}

impl<T: Ord + Clone> Attr<Elements<T>> {
    /// Returns the elements; none if the argument isn't set.
    pub fn elements_or_empty(&self) -> Known<BTreeSet<T>> {
        Ok(self.elements()?.cloned().unwrap_or_default())
    }
}

impl<T: Clone> Attr<Vec<Attr<T>>> {
    /// Returns the elements; `None` if the argument isn't set. Decoding has reported null elements.
    pub fn elements(&self) -> Known<Option<Vec<T>>> {
        self.known()?.map(|items| items.iter().map(|item| item.required().cloned()).collect()).transpose()
    }
}

impl<T: Clone> Attr<BTreeMap<String, Attr<T>>> {
    /// Returns the elements; `None` if the argument isn't set.
    pub fn elements(&self) -> Known<Option<BTreeMap<String, T>>> {
        let element = |(key, value): (&String, &Attr<T>)| Ok((key.clone(), value.required()?.clone()));
        self.known()?.map(|items| items.iter().map(element).collect()).transpose()
    }

    /// Returns the elements of a required argument.
    pub fn required_elements(&self) -> Known<BTreeMap<String, T>> {
        self.elements()?.ok_or(Unknown)
    }

    /// Returns the elements; none if the argument isn't set.
    pub fn elements_or_empty(&self) -> Known<BTreeMap<String, T>> {
        Ok(self.elements()?.unwrap_or_default())
    }
}

impl<T> Block<T> {
    /// Returns the block; `None` if it isn't set.
    pub fn known(&self) -> Known<Option<&At<T>>> {
        match self {
            Self::Unknown => Err(Unknown),
            Self::Absent => Ok(None),
            Self::One(block) => Ok(Some(block)),
        }
    }

    /// Whether the block is known to be set.
    pub const fn is_set(&self) -> bool {
        matches!(self, Self::One(_))
    }
}

impl<T> Blocks<T> {
    /// Returns the blocks in the order of the configuration.
    pub fn known(&self) -> Known<&[At<T>]> {
        match self {
            Self::Unknown => Err(Unknown),
            Self::Known(blocks) => Ok(blocks),
        }
    }
}
