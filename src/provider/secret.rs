//! Secrets as values of arguments.

use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    kubernetes::Secret,
    schema::{
        Type, Value,
        model::{Scalar, mismatch},
    },
};

impl Scalar for Secret {
    fn kind() -> Type {
        Type::String
    }
    fn read(value: &Value, at: &Path, out: &mut Diagnostics) -> Result<Self, Reported> {
        match value {
            Value::String(text) => Ok(Self::from(text.clone())),
            _ => Err(mismatch::<Self>(at, out)),
        }
    }
    fn write(&self) -> Value {
        Value::String(self.expose().to_owned())
    }
}
