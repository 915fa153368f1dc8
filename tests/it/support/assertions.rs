//! Assertions that many tests share.

use std::fmt::Display;

/// Panics unless `text` contains all `parts`. `context` says in the panic which of several cases failed.
#[track_caller]
pub(crate) fn assert_contains_all(context: impl Display, text: &str, parts: impl IntoIterator<Item = impl AsRef<str>>) {
    for part in parts {
        let part = part.as_ref();
        assert!(text.contains(part), "{context}: {part:?} is not in: {text}");
    }
}
