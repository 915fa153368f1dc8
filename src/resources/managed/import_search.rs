//! The error of an import that finds none of the resource's objects: the names that were looked for, and objects of the same
//! kinds that are for the same host.

use serde_json::Value as Json;

use super::recorded_resource::annotation_of;
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    json_path::text,
    kubernetes::{
        Deadline, Freshness,
        error_report::{ApiOperation, report_error},
    },
    mesh::Mesh,
    object::{Key, Kind, annotation, resource_name},
    resources::{Context, ResourceType},
};

/// Reports an import of a resource of which no object exists, or only such as another resource of this provider has.
pub(super) async fn check_any_exists<R: ResourceType>(
    context: &Context,
    mesh: &Mesh,
    id: &str,
    deadline: &Deadline,
    out: &mut Diagnostics,
) -> Result<(), Reported> {
    let possible: Vec<Key> = R::possible_objects(id, mesh).into_iter().map(|(key, _)| key).collect();
    let resource = resource_name(R::NAME, id);
    // Admission policies have one name in a cluster, so they may be those of another root namespace.
    let is_of_another = |live: &Json| !["", &resource].contains(&annotation_of(live, annotation::RESOURCE));
    for key in &possible {
        match context.cluster.get(key, Freshness::Now, deadline).await {
            Ok(Some(live)) if !is_of_another(&live) => return Ok(()),
            Ok(_) => {}
            // Not every user may read admission policies. For other kinds the search by annotations has reported a missing right.
            Err(error) if error.is_forbidden() => {}
            Err(error) => return Err(report_error(&error, ApiOperation::Read, key, None, out)),
        }
    }
    let list = |keys: &[Key]| keys.iter().map(Key::to_string).collect::<Vec<_>>().join(", ");
    let others = same_host(context, &possible, id, deadline).await;
    let advice = if others.is_empty() {
        "Check the id, and the names of the live objects.".to_owned()
    } else {
        let others = list(&others);
        format!(
            "For this host there are {others}, which have other names. Don't import them: name them in replaces, or give their name \
             in object_name and set adopt_existing = true, and apply (see the guide \"Adopting existing objects\")."
        )
    };
    Err(out.error(
        &Path::root(),
        "No objects to import",
        format!("{} {id} has no objects. These names were looked for: {}. {advice}", R::NAME, list(&possible)),
    ))
}

/// The objects of the possible kinds and namespaces whose `spec` names the host of the resource. Kinds that can't be listed
/// are left out: the objects only complete a message.
async fn same_host(context: &Context, possible: &[Key], id: &str, deadline: &Deadline) -> Vec<Key> {
    let name = id.rsplit('/').next().unwrap_or(id);
    let mut collections: Vec<(&'static Kind, &str)> = Vec::new();
    for key in possible {
        if let Some(namespace) = &key.namespace
            && !collections.contains(&(key.kind, namespace))
        {
            collections.push((key.kind, namespace));
        }
    }
    let mut found = Vec::new();
    for (kind, namespace) in collections {
        let live = context.cluster.list(kind, namespace, "", deadline).await.unwrap_or_default();
        let of_host = live.iter().filter(|live| hosts(live).any(|host| is_host_of(host, name)));
        found.extend(of_host.filter_map(|live| Some(Key::new(kind, namespace, text(live, &["metadata", "name"])?))));
    }
    found
}

/// The hosts that a VirtualService, ServiceEntry or DestinationRule names.
fn hosts(live: &Json) -> impl Iterator<Item = &str> {
    let many = live.pointer("/spec/hosts").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
    many.chain(text(live, &["spec", "host"]))
}

/// Whether a host is the service of a name, or the external host whose objects are called by the name with dashes for dots.
fn is_host_of(host: &str, name: &str) -> bool {
    host.split('.').next() == Some(name) || host.replace('.', "-") == name
}
