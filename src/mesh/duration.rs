//! Durations in the notation of Istio and Terraform: `5s`, `1500ms`, `1m30s`.

use std::{fmt, time::Duration as StdDuration};

use super::text::Text;
use crate::schema::Value;

/// A duration in whole milliseconds, the finest resolution that Istio accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(u64);

/// Maximum duration in milliseconds, 24 hours, so that a typing error doesn't become a timeout of years.
const MAX_MILLISECONDS: u64 = 24 * 60 * 60 * 1000;

impl Duration {
    /// Zero. As a timeout it means no timeout.
    pub const ZERO: Self = Self(0);

    /// Makes a duration of `n` milliseconds.
    pub const fn milliseconds(n: u64) -> Self {
        Self(n)
    }

    /// Makes a duration of `n` seconds.
    pub const fn seconds(n: u64) -> Self {
        Self(n * 1000)
    }
}

impl From<Duration> for StdDuration {
    fn from(duration: Duration) -> Self {
        Self::from_millis(duration.0)
    }
}

/// Formats whole seconds as seconds, and any other duration as milliseconds, so that equal durations have equal texts.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 % 1000 {
            0 => write!(f, "{}s", self.0 / 1000),
            _ => write!(f, "{}ms", self.0),
        }
    }
}

impl serde::Serialize for Duration {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Text for Duration {
    fn accepted_values() -> String {
        "A duration like `5s`, `1500ms` or `1m30s`, in whole milliseconds, 24h at most.".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let invalid = || {
            let advice = if text.contains('.') {
                "Fractions aren't accepted: instead of \"1.5s\" write \"1500ms\"."
            } else {
                "Write a number and a unit, like \"5s\", \"1500ms\" or \"1m30s\"."
            };
            format!("{text:?} isn't a duration. {advice}")
        };
        let mut total = 0_u64;
        let mut rest = text;
        while !rest.is_empty() || text.is_empty() {
            let end = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(invalid)?;
            let (digits, tail) = rest.split_at(end);
            let (unit, tail) = split_unit(tail).ok_or_else(invalid)?;
            let number = digits.parse::<u32>().map_err(|_| invalid())?;
            total = total.saturating_add(u64::from(number) * unit);
            rest = tail;
        }
        if total > MAX_MILLISECONDS {
            return Err(format!("{text:?} is longer than 24h."));
        }
        Ok(Self(total))
    }
}

/// Splits the unit off the start of `text`. Returns the unit in milliseconds, and the rest of the text.
fn split_unit(text: &str) -> Option<(u64, &str)> {
    [("ms", 1), ("s", 1000), ("m", 60 * 1000), ("h", 60 * 60 * 1000)]
        .into_iter()
        .find_map(|(name, unit)| text.strip_prefix(name).map(|rest| (unit, rest)))
}

/// Whether an argument is a duration of more than 0s. Decoding reports a text that isn't a duration.
pub fn is_positive(value: &Value) -> bool {
    let Value::String(text) = value else { return true };
    Duration::parse(text).map_or(true, |duration| duration > Duration::ZERO)
}

/// The rule of [`is_whole_seconds`] in words.
pub const WHOLE_SECONDS: &str = "Whole seconds, at least one.";

/// Whether an argument is a positive duration without a fraction of a second, as the socket options of TCP count it.
pub fn is_whole_seconds(value: &Value) -> bool {
    let Value::String(text) = value else { return true };
    Duration::parse(text).map_or(true, |duration| duration.0 > 0 && duration.0.is_multiple_of(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_durations_have_equal_texts() {
        for (text, printed) in
            [("5s", "5s"), ("5000ms", "5s"), ("1500ms", "1500ms"), ("1m30s", "90s"), ("0s", "0s"), ("24h", "86400s")]
        {
            assert_eq!(Duration::parse(text).map(|d| d.to_string()), Ok(printed.to_owned()), "{text}");
        }
    }

    #[test]
    fn invalid_durations_are_refused() {
        for text in ["", "5", "s", "-1s", "1.5s", "5 s", "5us", "5s!", "99999999999s", "5s5"] {
            assert!(Duration::parse(text).is_err_and(|e| e.contains("isn't a duration")), "{text}");
        }
        assert_eq!(Duration::parse("25h"), Err("\"25h\" is longer than 24h.".to_owned()));
    }
}
