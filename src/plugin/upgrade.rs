//! States as stored, to values of today's schema. Core asks for it whenever it reads a state, also where no version has
//! changed. Pure.

use super::proto::tfplugin5::RawState;
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    schema::{Schema, Value, json},
};

/// The state as a value of `schema`: attributes that it lacks are null, blocks are empty, and what `schema` doesn't know is
/// dropped.
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
    match json::decode(json, &schema.kind()) {
        Ok(value @ (Value::Map(_) | Value::Null)) => Ok(schema.complete(&value)),
        Ok(_) => Err(unreadable("it isn't an object", out)),
        Err(fault) => Err(unreadable(&fault.to_string(), out)),
    }
}

fn unreadable(why: &str, out: &mut Diagnostics) -> Reported {
    out.error(
        &Path::root(),
        "Unreadable state",
        format!(
            "The stored state doesn't fit this version of the provider: {why}. If the state was edited by hand, undo that; \
             else remove the resource from the state (terraform state rm) and import it."
        ),
    )
}
