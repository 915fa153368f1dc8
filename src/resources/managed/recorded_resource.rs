//! The annotations that an import goes by: owner, instance and arguments of a resource on its live objects, and whether they
//! agree. Pure.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::desired::Desired;
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    engine::ownership_metadata::arguments_object,
    json_path::text,
    object::{Key, annotation, resource_name},
    resources::ResourceType,
    schema::{Schema, Value, recorded::decode_arguments},
};

/// An annotation of an object; empty where it has none of this name.
pub(super) fn annotation_of<'a>(live: &'a Json, name: &str) -> &'a str {
    text(live, &["metadata", "annotations", name]).unwrap_or_default()
}

/// What a refused import says about annotations.
const FORGERY: &str = "Everyone who may write an object may write its annotations. If they are forged or left over, delete the \
                       object or remove its annotation terraform-provider-mesh/resource, and import again.";

/// Refuses objects of more than one owner, or of more than one instance of the resource: an import can't tell which are right,
/// and the next apply would delete those that aren't desired.
pub(super) fn check_single_instance(
    resource_type: &str,
    id: &str,
    live: &[(Key, Json)],
    out: &mut Diagnostics,
) -> Result<(), Reported> {
    let instance = |live: &Json| {
        (annotation_of(live, annotation::OWNER).to_owned(), annotation_of(live, annotation::INSTANCE).to_owned())
    };
    let instances: BTreeMap<_, _> = live.iter().map(|(key, live)| (instance(live), key)).collect();
    if instances.len() <= 1 {
        return Ok(());
    }
    let described: Vec<String> = instances
        .iter()
        .map(|((owner, instance), key)| format!("{key} of owner {owner:?}, instance {instance:?}"))
        .collect();
    Err(out.error(
        &Path::root(),
        "Objects of several owners or instances",
        format!(
            "The annotations of several objects name {}, and they differ in owner or instance: {}. {FORGERY}",
            resource_name(resource_type, id),
            described.join("; ")
        ),
    ))
}

/// The arguments that an object records, and that object. Where several objects record arguments, those of the preferred kind
/// count.
pub(super) fn recorded_arguments<'a>(
    live: &'a [(Key, Json)],
    schema: &Schema,
    out: &mut Diagnostics,
) -> Option<(&'a Key, Value)> {
    let recorded: BTreeMap<&Key, &str> = live
        .iter()
        .map(|(key, live)| (key, annotation_of(live, annotation::ARGUMENTS)))
        .filter(|(_, arguments)| !arguments.is_empty())
        .collect();
    let key = arguments_object(recorded.keys().copied())?;
    let arguments = *recorded.get(key)?;
    if let Some((other, _)) = recorded.iter().find(|(_, other)| **other != arguments) {
        out.warn(
            &Path::root(),
            "Two objects record different arguments",
            format!(
                "{key} and {other} record different arguments of this resource, as after an apply that was interrupted. Those of \
                 {key} are imported; the plan shows what the configuration changes."
            ),
        );
    }
    Some((key, decode_arguments(schema, arguments)?))
}

/// Refuses recorded arguments of another resource than the imported one, or that would never be recorded on the object.
pub(super) fn check_recorded_id<R: ResourceType>(
    id: &str,
    key: &Key,
    desired: &Desired<'_, R>,
    out: &mut Diagnostics,
) -> Result<(), Reported> {
    let resource = resource_name(R::NAME, id);
    let detail = match &desired.id {
        Ok(recorded) if recorded == id => {
            let mut possible = R::possible_objects(id, desired.mesh).into_iter().map(|(key, _)| key);
            let mut rendered = desired.rendered.iter().flatten().map(|(key, _)| key);
            if desired.rendered.is_err()
                || rendered.any(|rendered| rendered == key)
                || possible.any(|possible| possible == *key)
            {
                return Ok(());
            }
            format!("The annotations of {key} name {resource}, but the arguments that they record make no such object.")
        }
        Ok(recorded) => format!(
            "The annotations of {key} name {resource}, but the arguments that they record are those of {}.",
            resource_name(R::NAME, recorded)
        ),
        Err(_) => {
            format!("The annotations of {key} name {resource}, but the arguments that they record have no valid id.")
        }
    };
    Err(out.error(&Path::root(), "Recorded arguments of another resource", format!("{detail} {FORGERY}")))
}
