//! Upgrades of stored states to the current schema. Core requests one whenever it reads a state, even if the version of
//! the schema hasn't changed.

use super::proto::tfplugin5::RawState;
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    schema::{Schema, Value, json},
};

/// Decodes a stored state as a value of `schema`. Missing attributes become null, missing lists of blocks become empty,
/// and attributes that `schema` doesn't have are dropped.
pub(super) fn upgrade(raw: Option<&RawState>, schema: &Schema, out: &mut Diagnostics) -> Result<Value, Reported> {
    let root = Path::root();
    let json = match raw {
        Some(raw) if !raw.json.is_empty() => &raw.json,
        Some(raw) if !raw.flatmap.is_empty() => {
            return Err(out.error(
                &root,
                "State of an unsupported format",
                "The state was written by Terraform 0.11 or older, which this provider never worked with. Remove the \
                 resource from the state (terraform state rm) and import it.",
            ));
        }
        _ => return Err(out.error(&root, "Empty state", "Terraform sent no state to upgrade. Please report this.")),
    };
    match json::decode(json, schema.object_type()) {
        Ok(value @ (Value::Map(_) | Value::Null)) => Ok(schema.complete(&value)),
        Ok(_) => Err(report_unreadable("it isn't an object", out)),
        Err(invalid) => Err(report_unreadable(&invalid.to_string(), out)),
    }
}

fn report_unreadable(why: &str, out: &mut Diagnostics) -> Reported {
    out.error(
        &Path::root(),
        "Unreadable state",
        format!(
            "The stored state doesn't fit this version of the provider: {why}. If the state was edited by hand, undo that; \
             else remove the resource from the state (terraform state rm) and import it."
        ),
    )
}
