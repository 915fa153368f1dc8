//! Values of the provider as messages. A value that breaks the provider's own schema is a bug, which becomes a
//! diagnostic.

use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    plugin::{
        proto::tfplugin5::{DynamicValue, ResourceIdentityData},
        state::{self, UnknownValues},
        to_proto,
    },
    schema::{InvalidValue, Schema, Value},
};

/// Encodes an object of `schema`, if core will accept it.
pub(super) fn encode_object(
    schema: &Schema,
    value: &Value,
    unknown_values: UnknownValues,
    out: &mut Diagnostics,
) -> Result<DynamicValue, Reported> {
    match state::find_invalid_value(schema, value, unknown_values) {
        Some(invalid) => Err(report_provider_bug(&invalid, out)),
        None => to_proto::value(value, schema.object_type()).map_err(|invalid| report_provider_bug(&invalid, out)),
    }
}

/// Encodes the identity of a resource that has an identity schema. Core refuses an identity of any other resource.
pub(super) fn encode_identity(
    value: Option<&Value>,
    schema: Option<&Schema>,
    out: &mut Diagnostics,
) -> Result<Option<ResourceIdentityData>, Reported> {
    let (Some(value), Some(schema)) = (value, schema) else { return Ok(None) };
    to_proto::identity(value, schema.object_type()).map(Some).map_err(|invalid| report_provider_bug(&invalid, out))
}

fn report_provider_bug(invalid: &InvalidValue, out: &mut Diagnostics) -> Reported {
    out.error(
        &Path::root(),
        "Invalid value from the provider (bug)",
        format!("{invalid}. This is a bug in the provider. Please report it with the configuration that led to it."),
    )
}
