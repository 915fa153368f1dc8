//! Exact numbers.

use std::{cmp::Ordering, fmt};

/// An exact number in its canonical decimal form: without an exponent, a sign of zero, or superfluous zeros. It is no
/// `f64`, since Terraform refuses a planned or applied value that differs from the configured one in any digit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Number(String);

/// The error of a text that isn't a number, or has more than the maximum number of digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotANumber;

impl Number {
    /// Maximum number of digits. A larger exponent could make a short text need gigabytes.
    const MAX_DIGITS: i64 = 4096;

    /// Parses a decimal number, with or without a fraction and an exponent.
    pub fn parse(text: &str) -> Result<Self, NotANumber> {
        let (negative, rest) = match text.as_bytes() {
            [b'-', ..] => (true, text.get(1..).ok_or(NotANumber)?),
            [b'+', ..] => (false, text.get(1..).ok_or(NotANumber)?),
            _ => (false, text),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().map_err(|_| NotANumber)?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        if whole.is_empty() && fraction.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(NotANumber);
        }
        let point = i64::try_from(whole.len()).map_err(|_| NotANumber)?.saturating_add(exponent);
        let length = i64::try_from(digits.len()).map_err(|_| NotANumber)?;
        if point.abs() > Self::MAX_DIGITS || length > Self::MAX_DIGITS {
            return Err(NotANumber);
        }
        let zeros = |n: i64| "0".repeat(usize::try_from(n).unwrap_or(0));
        let padded = format!("{}{digits}{}", zeros(-point), zeros(point - length));
        let (whole, fraction) = padded.split_at(usize::try_from(point.max(0)).unwrap_or(0));
        let whole = whole.trim_start_matches('0');
        let fraction = fraction.trim_end_matches('0');
        let mut canonical = String::new();
        if negative && !(whole.is_empty() && fraction.is_empty()) {
            canonical.push('-');
        }
        canonical.push_str(if whole.is_empty() { "0" } else { whole });
        if !fraction.is_empty() {
            canonical.push('.');
            canonical.push_str(fraction);
        }
        Ok(Self(canonical))
    }

    /// Returns the canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parts(&self) -> (bool, &str, &str) {
        let (negative, rest) = self.0.strip_prefix('-').map_or((false, self.0.as_str()), |rest| (true, rest));
        let (whole, fraction) = rest.split_once('.').unwrap_or((rest, ""));
        (negative, whole, fraction)
    }
}

impl From<i64> for Number {
    fn from(n: i64) -> Self {
        Self(n.to_string())
    }
}

impl From<u64> for Number {
    fn from(n: u64) -> Self {
        Self(n.to_string())
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        let (a_negative, a_whole, a_fraction) = self.parts();
        let (b_negative, b_whole, b_fraction) = other.parts();
        let magnitude = a_whole
            .len()
            .cmp(&b_whole.len())
            .then_with(|| a_whole.cmp(b_whole))
            .then_with(|| a_fraction.cmp(b_fraction));
        match (a_negative, b_negative) {
            (false, false) => magnitude,
            (true, true) => magnitude.reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_canonical() {
        for (text, canonical) in [
            ("0", "0"),
            ("-0", "0"),
            ("1.50", "1.5"),
            ("1e3", "1000"),
            ("1.5e-7", "0.00000015"),
            ("-12.3E+1", "-123"),
            ("007", "7"),
            (".5", "0.5"),
            ("123456789012345678901234567890.125", "123456789012345678901234567890.125"),
        ] {
            assert_eq!(Number::parse(text).map(|n| n.to_string()), Ok(canonical.to_owned()), "{text}");
        }
        for text in ["", "-", "e5", "1e", "abc", "1e99999", "0x1", "1.2.3", "NaN", "inf"] {
            assert_eq!(Number::parse(text), Err(NotANumber), "{text}");
        }
    }

    #[test]
    fn numbers_are_ordered_by_value() {
        let sorted = ["-10", "-9.5", "0", "0.05", "0.5", "1", "9", "10", "10.25"];
        for pair in sorted.windows(2) {
            assert!(Number::parse(pair[0]).unwrap() < Number::parse(pair[1]).unwrap(), "{pair:?}");
        }
    }
}
