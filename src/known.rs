//! What is known now, and what comes at apply. Terraform plans with values that don't exist yet (another resource's
//! output, a `dynamic` block over one); wherever such a value is needed, the answer is [`Unknown`]. It isn't an error.

/// The value comes at apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unknown;

/// A value, or the word that it comes at apply. `?` is the whole story of unknowns in the domain.
pub type Known<T> = Result<T, Unknown>;

/// The value of a part, without taking it: `as_known(&self.name)?`.
pub fn as_known<T>(known: &Known<T>) -> Known<&T> {
    known.as_ref().map_err(|unknown| *unknown)
}
