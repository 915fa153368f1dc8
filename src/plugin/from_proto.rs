//! Messages of the wire to what the author's side reads. No logic.

use super::proto::tfplugin5::{DynamicValue, RawState, ResourceIdentityData};
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    schema::{InvalidValue, Schema, Type, Value, json, msgpack},
};

/// A value of `kind`: msgpack, else JSON, else null.
pub(super) fn value(message: Option<&DynamicValue>, kind: &Type, out: &mut Diagnostics) -> Result<Value, Reported> {
    let decoded = match message {
        Some(DynamicValue { msgpack, .. }) if !msgpack.is_empty() => msgpack::decode(msgpack, kind),
        Some(DynamicValue { json, .. }) if !json.is_empty() => json::decode(json, kind),
        _ => Ok(Value::Null),
    };
    decoded.map_err(|fault| unreadable(&fault, out))
}

/// An identity, if the resource has one and the message holds one.
pub(super) fn identity(
    message: Option<&ResourceIdentityData>,
    schema: Option<&Schema>,
    out: &mut Diagnostics,
) -> Result<Option<Value>, Reported> {
    let (Some(message), Some(schema)) = (message, schema) else { return Ok(None) };
    let value = value(message.identity_data.as_ref(), &schema.kind(), out)?;
    Ok(Some(value).filter(|value| *value != Value::Null))
}

/// An identity as stored.
pub(super) fn raw_identity(
    message: Option<&RawState>,
    schema: Option<&Schema>,
    out: &mut Diagnostics,
) -> Result<Option<Value>, Reported> {
    let (Some(message), Some(schema)) = (message, schema) else { return Ok(None) };
    if message.json.is_empty() {
        return Ok(None);
    }
    let value = json::decode(&message.json, &schema.kind()).map_err(|fault| unreadable(&fault, out))?;
    Ok(Some(value).filter(|value| *value != Value::Null))
}

/// Core checks what it sends, so this is a bug, or a host of another protocol.
fn unreadable(fault: &InvalidValue, out: &mut Diagnostics) -> Reported {
    out.error(
        &Path::root(),
        "Unreadable value",
        format!(
            "Terraform sent a value that doesn't fit the schema: {fault}. This is a bug in Terraform or in the provider. \
             Please report it with the versions of both."
        ),
    )
}
