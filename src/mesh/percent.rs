//! Percentages with at most two decimals, the finest resolution of Envoy.

use std::fmt;

use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    schema::{
        Number, Type, Value,
        model::{AttributeType, report_wrong_type},
    },
};

/// 0 to 100, in hundredths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u16);

impl Percent {
    /// The sentence for the documentation that says what [`parse`](Self::parse) accepts.
    pub const ACCEPTED_VALUES: &'static str = "0 to 100, with two decimals at most.";

    /// Parses a decimal number. Returns `None` if it is out of range or has more than two decimals.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        if fraction.len() > 2 || !fraction.bytes().all(|c| c.is_ascii_digit()) {
            return None;
        }
        let hundredths =
            whole.parse::<u16>().ok()?.checked_mul(100)?.checked_add(format!("{fraction:0<2}").parse().ok()?)?;
        (hundredths <= 10_000).then_some(Self(hundredths))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 100, self.0 % 100) {
            (whole, 0) => write!(f, "{whole}"),
            (whole, tenths) if tenths % 10 == 0 => write!(f, "{whole}.{}", tenths / 10),
            (whole, hundredths) => write!(f, "{whole}.{hundredths:02}"),
        }
    }
}

/// Whole numbers are serialized as integers, because the API server returns numbers in their shortest form.
impl serde::Serialize for Percent {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(100) {
            serializer.serialize_u16(self.0 / 100)
        } else {
            serializer.serialize_f64(f64::from(self.0) / 100.0)
        }
    }
}

impl AttributeType for Percent {
    fn value_type() -> Type {
        Type::Number
    }
    fn accepted_values() -> Option<String> {
        Some(Self::ACCEPTED_VALUES.to_owned())
    }
    fn read(value: &Value, at: &Path, out: &mut Diagnostics) -> Result<Self, Reported> {
        let Value::Number(number) = value else { return Err(report_wrong_type::<Self>(at, out)) };
        Self::parse(number.as_str())
            .ok_or_else(|| out.error(at, format!("Invalid {at}"), format!("{} Got {number}.", Self::ACCEPTED_VALUES)))
    }
    fn write(&self) -> Value {
        Number::parse(&self.to_string()).map_or(Value::Null, Value::Number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_print_as_they_parse() {
        for (text, json) in
            [("0", "0"), ("1", "1"), ("100", "100"), ("0.1", "0.1"), ("12.34", "12.34"), ("0.05", "0.05")]
        {
            let percent = Percent::parse(text).unwrap();
            assert_eq!(percent.to_string(), text);
            assert_eq!(serde_json::to_string(&percent).unwrap(), json);
        }
        for text in ["", "-1", "100.01", "101", "1.234", "x", "1.x", "99999"] {
            assert_eq!(Percent::parse(text), None, "{text}");
        }
    }
}
