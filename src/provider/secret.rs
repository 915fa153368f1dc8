//! Secrets as values of arguments.

use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    kubernetes::Secret,
    schema::{
        Type, Value,
        model::{AttributeType, report_wrong_type},
    },
};

impl AttributeType for Secret {
    fn value_type() -> Type {
        Type::String
    }
    fn read(value: &Value, at: &Path, out: &mut Diagnostics) -> Result<Self, Reported> {
        match value {
            Value::String(text) => Ok(Self::from(text.clone())),
            _ => Err(report_wrong_type::<Self>(at, out)),
        }
    }
    fn write(&self) -> Value {
        Value::String(self.expose().to_owned())
    }
}
