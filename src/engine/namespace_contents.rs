//! What would go with a Namespace. One that holds anything of others isn't deleted: a plan refuses, and so does an apply,
//! before it touches anything and once more before the delete itself.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::FutureExt;
use serde_json::Value as Json;

use super::{
    ownership::{Ownership, classify},
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

/// So many are named.
const NAMED: usize = 10;

/// Kinds that the cluster itself fills: `group/kind`.
const OF_THE_CLUSTER: [&str; 4] = ["/Event", "events.k8s.io/Event", "/Endpoints", "discovery.k8s.io/EndpointSlice"];

/// What Kubernetes and Istio put into every namespace.
const EVERYWHERE: [(&str, &str); 4] = [
    ("ServiceAccount", "default"),
    ("ConfigMap", "kube-root-ca.crt"),
    ("ConfigMap", "istio-ca-root-cert"),
    ("ConfigMap", "istio-ca-crl"),
];

/// What may be in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admitted {
    /// Whatever this owner has: it may go in the same run.
    OfOwner,
    /// What this resource has: it goes first.
    OfResource,
    /// Nothing.
    Nothing,
}

impl Writer<'_> {
    /// Tells which Namespaces a delete would refuse. What can't be seen without a cluster, apply sees.
    pub async fn check_deletion(&self, out: &mut Diagnostics) {
        let noted = self.reader.record.recorded_objects();
        for (key, noted) in noted.iter().filter(|(key, _)| key.kind == &kind::NAMESPACE) {
            match self.reader.cluster.get(key, Freshness::Recent, &self.reader.deadline).await {
                Ok(Some(live)) if self.would_go(key, noted, &live) => self.vacant(key, Admitted::OfOwner, out).await,
                Ok(_) => true,
                Err(error) if error.is_cluster_unavailable() => true,
                Err(error) => {
                    report_error(&error, ApiOperation::Read, key, None, out);
                    false
                }
            };
        }
    }

    /// Whether all of `found` may go, by what is in them; what may not is told.
    pub(super) async fn may_go(
        &self,
        noted: &BTreeMap<Key, RecordedObject>,
        found: &BTreeMap<Key, Arc<Json>>,
        out: &mut Diagnostics,
    ) -> bool {
        for (key, noted) in noted {
            if let Some(live) = found.get(key)
                && self.would_go(key, noted, live)
                && !self.vacant(key, Admitted::OfResource, out).await
            {
                return false;
            }
        }
        true
    }

    /// Whether it is a Namespace that a delete would take with all that is in it. One that is on its way already can't be
    /// kept.
    pub(super) fn would_go(&self, key: &Key, noted: &RecordedObject, live: &Json) -> bool {
        key.kind == &kind::NAMESPACE
            && !self.identity.takeover.force_destroy
            && noted.scope() == ManagementScope::Whole
            && !noted.adopted
            && !noted.moved
            && match classify(live, self.identity, Some(noted)) {
                Ownership::Ours => true,
                Ownership::OtherInstance => noted.inherited || self.identity.instance.is_empty(),
                Ownership::Other(_) => false,
            }
            && at(live, &["metadata", "deletionTimestamp"]).is_null()
    }

    /// Whether nothing but what is admitted is in a Namespace; else it is told.
    pub(super) async fn vacant(&self, key: &Key, admitted: Admitted, out: &mut Diagnostics) -> bool {
        let (mut strangers, mut unseen) = (Vec::new(), Vec::new());
        match self.reader.cluster.namespaced_api_resources(&self.reader.deadline).await {
            Err(error) => unseen.push(error.to_string()),
            Ok(kinds) => {
                let kinds: Vec<_> = kinds.into_iter().filter(|kind| !is_of_the_cluster(kind)).collect();
                let looks = kinds
                    .iter()
                    .map(|kind| self.reader.cluster.list_metadata(kind, &key.name, &self.reader.deadline).boxed());
                for (kind, found) in kinds.iter().zip(run_bounded(looks.collect()).await) {
                    match found {
                        Ok(found) => strangers.extend(
                            found
                                .iter()
                                .filter(|inhabitant| !self.is_admitted(kind, inhabitant, admitted))
                                .map(|inhabitant| shown(kind, inhabitant)),
                        ),
                        Err(error) => unseen.push(unseen_because(kind, &error)),
                    }
                }
            }
        }
        strangers.sort();
        unseen.sort();
        if !strangers.is_empty() {
            out.error(
                &Path::root(),
                "The Namespace isn't empty",
                format!(
                    "Namespace {} would be deleted with everything in it, and there is {}. Delete that first; what this \
                     configuration has there must go before the Namespace: let it depend on the mesh_namespace (depends_on, or \
                     namespace = mesh_namespace.<name>.id). Or set force_destroy = true, apply, and destroy it with all that is in it. To \
                     leave the Namespace in place, let the state forget it (a removed block with destroy = false).",
                    key.name,
                    some(&strangers),
                ),
            );
        } else if !unseen.is_empty() {
            out.error(
                &Path::root(),
                "Can't see what is in the Namespace",
                format!(
                    "Namespace {} would be deleted with everything in it, and whether that is only what this provider made \
                     can't be seen: {}. The guide \"RBAC\" has the right to add. Or set force_destroy = true, apply, and destroy \
                     it whatever is in it.",
                    key.name,
                    some(&unseen),
                ),
            );
        }
        strangers.is_empty() && unseen.is_empty()
    }

    fn is_admitted(&self, kind: &ApiResource, inhabitant: &ObjectMetadata, admitted: Admitted) -> bool {
        let owner = inhabitant.owner.as_deref();
        let ours =
            owner == Some(&self.identity.owner) || owner.is_some() && owner == self.identity.former_owner.as_deref();
        let everywhere = EVERYWHERE.iter().any(|(known, name)| *known == kind.kind && *name == inhabitant.name);
        everywhere
            || match admitted {
                Admitted::OfOwner => ours,
                Admitted::OfResource => ours && inhabitant.resource.as_ref() == Some(&self.identity.resource),
                Admitted::Nothing => false,
            }
    }
}

fn is_of_the_cluster(kind: &ApiResource) -> bool {
    OF_THE_CLUSTER.contains(&format!("{}/{}", kind.group, kind.kind).as_str())
}

fn shown(kind: &ApiResource, inhabitant: &ObjectMetadata) -> String {
    let object = format!("{}/{}", kind.kind, inhabitant.name);
    match &inhabitant.resource {
        Some(resource) => format!("{object} (of {resource})"),
        None => object,
    }
}

fn unseen_because(kind: &ApiResource, error: &Error) -> String {
    if error.is_forbidden() { format!("no right to list {}", kind.plural) } else { format!("{}: {error}", kind.plural) }
}

/// The first few, and how many more there are.
fn some(all: &[String]) -> String {
    let first: Vec<_> = all.iter().take(NAMED).map(String::as_str).collect();
    match all.len().saturating_sub(first.len()) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_bounded() {
        let all: Vec<String> = (0..12).map(|n| n.to_string()).collect();
        assert_eq!(some(&all), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more");
        assert_eq!(some(all.get(..2).unwrap()), "0, 1");
    }
}
