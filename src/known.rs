//! Values that may be unknown at plan time. Terraform plans with values that come into being at apply: an output of another
//! resource, or a `dynamic` block over one.

/// The value is unknown until apply. This is no error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unknown;

/// A value, or [`Unknown`]. A function that needs an unknown value returns `Unknown` by `?`.
pub type Known<T> = Result<T, Unknown>;

/// Borrows a value: `as_known(&self.name)?`.
pub fn as_known<T>(known: &Known<T>) -> Known<&T> {
    known.as_ref().map_err(|unknown| *unknown)
}

/// Whether one of the conditions holds. One that is known to hold suffices, even if others are unknown.
pub fn any(conditions: impl IntoIterator<Item = Known<bool>>) -> Known<bool> {
    let mut result = Ok(false);
    for condition in conditions {
        match condition {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(Unknown) => result = Err(Unknown),
        }
    }
    result
}

/// Whether all of the conditions hold. One that is known not to hold suffices, even if others are unknown.
pub fn all(conditions: impl IntoIterator<Item = Known<bool>>) -> Known<bool> {
    any(conditions.into_iter().map(|condition| condition.map(|holds| !holds))).map(|fails| !fails)
}
