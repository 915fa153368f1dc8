//! The Telemetries of the `telemetry` blocks.

use super::Namespace;
use crate::{
    mesh::{
        Mesh, Rendered,
        manifest::manifest,
        stage,
        telemetry::{self, Telemetry},
    },
    object::{Key, Object},
    schema::At,
};

/// Renders a Telemetry for each block.
pub(super) fn objects(namespace: &Namespace, mesh: &Mesh, name: &str) -> Rendered {
    let object = |key: Key, block: &At<Telemetry>| {
        let body = manifest(&key, namespace.metadata(mesh)?, &block.spec()?);
        Ok(Object::whole(key, body, stage::OPENING).with_origins([("spec", block.at.clone())]))
    };
    let keyed = telemetry::keyed(namespace.telemetry.known()?, name)?;
    Ok(keyed.into_iter().map(|(key, block)| (key.clone(), object(key, block))).collect())
}
