//! What each call does: decodes the request, asks the author's side, encodes the answer. Errors are told to `out`; the
//! caller turns them into the answer's diagnostics, and answers what was before where there is nothing better.

mod change;
mod data_source;
mod function;
mod offered;
mod provider;
mod resource;
mod wire;

pub(super) use change::{planned_as_before, read_as_before};

use super::{
    interface::{DataSource, Resource},
    proto::tfplugin5::DynamicValue,
    session::Session,
    state::{self, Certainty},
    to_proto,
};
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    schema::{InvalidValue, Schema, Value},
};

impl<C> Session<C> {
    /// The resource type `name`.
    fn resource(&self, name: &str, out: &mut Diagnostics) -> Result<&dyn Resource<C>, Reported> {
        self.provider.resources.get(name).map(AsRef::as_ref).ok_or_else(|| unknown("resource type", name, out))
    }

    /// The data source `name`.
    fn data_source(&self, name: &str, out: &mut Diagnostics) -> Result<&dyn DataSource<C>, Reported> {
        self.provider.data_sources.get(name).map(AsRef::as_ref).ok_or_else(|| unknown("data source", name, out))
    }
}

fn unknown(what: &str, name: &str, out: &mut Diagnostics) -> Reported {
    out.error(
        &Path::root(),
        format!("Unknown {what}"),
        format!("This version of the provider has no {what} {name:?}. A newer version may have it."),
    )
}

/// An object of `schema` for the wire, if core will accept it.
fn encoded(
    schema: &Schema,
    value: &Value,
    certainty: Certainty,
    out: &mut Diagnostics,
) -> Result<DynamicValue, Reported> {
    match state::fault(schema, value, certainty) {
        Some(fault) => Err(own_fault(&fault, out)),
        None => to_proto::value(value, &schema.kind()).map_err(|fault| own_fault(&fault, out)),
    }
}

/// We made something that isn't of our own schema.
fn own_fault(fault: &InvalidValue, out: &mut Diagnostics) -> Reported {
    out.error(
        &Path::root(),
        "The provider made an invalid value",
        format!("{fault}. This is a bug in the provider. Please report it with the configuration that led to it."),
    )
}
