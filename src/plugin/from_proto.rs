//! Conversions from messages of the protocol.

use super::proto::tfplugin5::{DynamicValue, RawState, ResourceIdentityData};
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    schema::{InvalidValue, Schema, Type, Value, json, msgpack},
};

/// Decodes a value of the type `kind` from msgpack, or else from JSON. An empty or missing message is null.
pub(super) fn value(message: Option<&DynamicValue>, kind: &Type, out: &mut Diagnostics) -> Result<Value, Reported> {
    let decoded = match message {
        Some(DynamicValue { msgpack, .. }) if !msgpack.is_empty() => msgpack::decode(msgpack, kind),
        Some(DynamicValue { json, .. }) if !json.is_empty() => json::decode(json, kind),
        _ => Ok(Value::Null),
    };
    decoded.map_err(|invalid| report_unreadable(&invalid, out))
}

/// Decodes an identity, if the resource has an identity schema and the message has an identity.
pub(super) fn identity(
    message: Option<&ResourceIdentityData>,
    schema: Option<&Schema>,
    out: &mut Diagnostics,
) -> Result<Option<Value>, Reported> {
    let (Some(message), Some(schema)) = (message, schema) else { return Ok(None) };
    let value = value(message.identity_data.as_ref(), schema.object_type(), out)?;
    Ok(Some(value).filter(|value| *value != Value::Null))
}

/// Decodes an identity from the JSON in which the state stores it.
pub(super) fn raw_identity(
    message: Option<&RawState>,
    schema: Option<&Schema>,
    out: &mut Diagnostics,
) -> Result<Option<Value>, Reported> {
    let (Some(message), Some(schema)) = (message, schema) else { return Ok(None) };
    if message.json.is_empty() {
        return Ok(None);
    }
    let value =
        json::decode(&message.json, schema.object_type()).map_err(|invalid| report_unreadable(&invalid, out))?;
    Ok(Some(value).filter(|value| *value != Value::Null))
}

/// Core validates values before it sends them, so this is a bug, or the host speaks another protocol.
fn report_unreadable(invalid: &InvalidValue, out: &mut Diagnostics) -> Reported {
    out.error(
        &Path::root(),
        "Unreadable value",
        format!(
            "Terraform sent a value that doesn't fit the schema: {invalid}. This is a bug in Terraform or in the provider. \
             Please report it with the versions of both."
        ),
    )
}
