//! The Telemetries of the `telemetry` blocks: one without a selector for the whole mesh, and others for workloads of the root
//! namespace.

use super::context::{DefaultsContext, spec_from};
use crate::{
    mesh::{
        Rendered, stage,
        telemetry::{self, Telemetry},
    },
    object::Key,
    schema::At,
};

pub(super) fn objects(blocks: &[At<Telemetry>], context: &DefaultsContext) -> Rendered {
    let object =
        |key: Key, block: &At<Telemetry>| context.object(key, &block.spec()?, stage::OPENING, spec_from(&block.at));
    let keyed = telemetry::keyed(blocks, context.root_namespace())?;
    Ok(keyed.into_iter().map(|(key, block)| (key.clone(), object(key, block))).collect())
}
