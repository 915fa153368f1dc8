//! Protects the contents of a Namespace. A Namespace that holds objects which the provider doesn't manage isn't deleted: the
//! plan refuses it, and the apply refuses it before its first write and once more right before the delete.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::FutureExt;
use serde_json::Value as Json;

use super::{
    ownership::{classify, is_released},
    record::RecordedObject,
    run_bounded::run_bounded,
    writer::Writer,
};
use crate::{
    diagnostics::{Diagnostics, Path},
    json_path::at,
    kubernetes::{
        Error, Freshness,
        error_report::{ApiOperation, report_error},
        namespace_contents::{ApiResource, ObjectMetadata},
    },
    object::{Key, ManagementScope, kind},
};

/// Maximum number of objects that a diagnostic names.
const MAX_NAMED: usize = 10;

/// Kinds of which Kubernetes itself creates objects in every namespace, as `group/kind`.
const GENERATED_KINDS: [&str; 4] = ["/Event", "events.k8s.io/Event", "/Endpoints", "discovery.k8s.io/EndpointSlice"];

/// Objects that Kubernetes and Istio create in every namespace, as kind and name.
const GENERATED_OBJECTS: [(&str, &str); 4] = [
    ("ServiceAccount", "default"),
    ("ConfigMap", "kube-root-ca.crt"),
    ("ConfigMap", "istio-ca-root-cert"),
    ("ConfigMap", "istio-ca-crl"),
];

/// Which objects may be in a Namespace that is deleted, beside the generated ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allowed {
    /// All objects of the owner, at plan time: the same run may delete them first.
    OfOwner,
    /// The objects of the resource, which are deleted before the Namespace.
    OfResource,
    /// No objects.
    Nothing,
}

impl Writer<'_> {
    /// Checks at plan time whether the delete of a Namespace would be refused. Without a cluster there is no check, and apply
    /// makes it.
    pub async fn check_deletion(&self, out: &mut Diagnostics) {
        let recorded = self.reader.record.recorded_objects();
        for (key, recorded) in recorded.iter().filter(|(key, _)| key.kind == &kind::NAMESPACE) {
            match self.reader.cluster.get(key, Freshness::Recent, &self.reader.deadline).await {
                Ok(Some(live)) if self.deletes_namespace(key, recorded, &live) => {
                    self.check_namespace_contents(key, Allowed::OfOwner, out).await;
                }
                Ok(_) => {}
                Err(error) if error.is_cluster_unavailable() => {}
                Err(error) => drop(report_error(&error, ApiOperation::Read, key, None, out)),
            }
        }
    }

    /// Checks the contents of each Namespace among `recorded` that a delete would delete. Returns whether all may be deleted.
    pub(super) async fn check_namespaces(
        &self,
        recorded: &BTreeMap<Key, RecordedObject>,
        found: &BTreeMap<Key, Arc<Json>>,
        out: &mut Diagnostics,
    ) -> bool {
        for (key, recorded) in recorded {
            if let Some(live) = found.get(key)
                && self.deletes_namespace(key, recorded, live)
                && !self.check_namespace_contents(key, Allowed::OfResource, out).await
            {
                return false;
            }
        }
        true
    }

    /// Whether the object is a Namespace that a delete would delete with its contents. A Namespace that is being deleted
    /// already can't be protected.
    pub(super) fn deletes_namespace(&self, key: &Key, recorded: &RecordedObject, live: &Json) -> bool {
        key.kind == &kind::NAMESPACE
            && !self.identity.takeover.force_destroy
            && recorded.scope() == ManagementScope::Whole
            && !is_released(key, recorded, live)
            && classify(live, self.identity, Some(recorded)).allows_delete(self.identity, recorded)
            && at(live, &["metadata", "deletionTimestamp"]).is_null()
    }

    /// Returns whether a Namespace holds only allowed objects, and reports the others.
    pub(super) async fn check_namespace_contents(&self, key: &Key, allowed: Allowed, out: &mut Diagnostics) -> bool {
        let (mut forbidden, mut unreadable) = (Vec::new(), Vec::new());
        let (cluster, deadline) = (self.reader.cluster, &self.reader.deadline);
        match cluster.namespaced_api_resources(deadline).await {
            Err(error) => unreadable.push(error.to_string()),
            Ok(kinds) => {
                let kinds: Vec<_> = kinds.into_iter().filter(|kind| !is_generated_kind(kind)).collect();
                let requests = kinds.iter().map(|kind| cluster.list_metadata(kind, &key.name, deadline).boxed());
                for (kind, result) in kinds.iter().zip(run_bounded(requests.collect()).await) {
                    match result {
                        Ok(objects) => forbidden.extend(
                            objects
                                .iter()
                                .filter(|object| !self.is_allowed(kind, object, allowed))
                                .map(|object| description(kind, object)),
                        ),
                        Err(error) => unreadable.push(read_failure(kind, &error)),
                    }
                }
            }
        }
        forbidden.sort();
        unreadable.sort();
        if !forbidden.is_empty() {
            out.error(
                &Path::root(),
                "The Namespace isn't empty",
                format!(
                    "Namespace {} would be deleted with everything in it, and there is {}. Delete that first; what this \
                     configuration has there must go before the Namespace: let it depend on the mesh_namespace (depends_on, or \
                     namespace = mesh_namespace.<name>.id). Or set force_destroy = true, apply, and destroy it with all that is in it. To \
                     leave the Namespace in place, let the state forget it (a removed block with destroy = false).",
                    key.name,
                    bounded_list(&forbidden),
                ),
            );
        } else if !unreadable.is_empty() {
            out.error(
                &Path::root(),
                "Contents of the Namespace can't be listed",
                format!(
                    "Namespace {} would be deleted with everything in it, and whether that is only what this provider made \
                     can't be seen: {}. The guide \"RBAC\" has the right to add. Or set force_destroy = true, apply, and destroy \
                     it whatever is in it.",
                    key.name,
                    bounded_list(&unreadable),
                ),
            );
        }
        forbidden.is_empty() && unreadable.is_empty()
    }

    fn is_allowed(&self, kind: &ApiResource, object: &ObjectMetadata, allowed: Allowed) -> bool {
        let of_owner = self.identity.is_owner(object.owner.as_deref());
        let is_generated = GENERATED_OBJECTS.iter().any(|(known, name)| *known == kind.kind && *name == object.name);
        is_generated
            || match allowed {
                Allowed::OfOwner => of_owner,
                Allowed::OfResource => of_owner && object.resource.as_ref() == Some(&self.identity.resource),
                Allowed::Nothing => false,
            }
    }
}

fn is_generated_kind(kind: &ApiResource) -> bool {
    GENERATED_KINDS.contains(&format!("{}/{}", kind.group, kind.kind).as_str())
}

/// An object as the diagnostic names it.
fn description(kind: &ApiResource, object: &ObjectMetadata) -> String {
    let name = format!("{}/{}", kind.kind, object.name);
    match &object.resource {
        Some(resource) => format!("{name} (of {resource})"),
        None => name,
    }
}

fn read_failure(kind: &ApiResource, error: &Error) -> String {
    if error.is_forbidden() { format!("no right to list {}", kind.plural) } else { format!("{}: {error}", kind.plural) }
}

/// Returns the first texts as a list, and the number of the others.
fn bounded_list(texts: &[String]) -> String {
    let named: Vec<_> = texts.iter().take(MAX_NAMED).map(String::as_str).collect();
    match texts.len().saturating_sub(named.len()) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_list_is_cut() {
        let texts: Vec<String> = (0..12).map(|n| n.to_string()).collect();
        assert_eq!(bounded_list(&texts), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more");
        assert_eq!(bounded_list(texts.get(..2).unwrap()), "0, 1");
    }
}
