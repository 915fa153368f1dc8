//! Reads of a resource's objects, of the cluster's identity, and of the facts that live checks ask for.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::FutureExt;
use serde_json::Value as Json;

use super::{
    drift::owned_fields,
    ownership::{OwnerIdentity, Ownership, classify},
    record::Record,
    reported_messages::ReportedMessages,
    run_bounded::run_bounded,
};
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    json_path::text,
    kubernetes::{
        Cluster, Deadline, Error, Freshness,
        error_report::{ApiOperation, report_error},
    },
    object::{Key, Kind, annotation, kind},
    query::{Query, QueryResults},
};

/// Marks in [`ReportedMessages`] that the cluster can't be reached in this run.
pub(super) const UNREACHABLE: &str = "unreachable";

/// Marks in [`ReportedMessages`] that the cluster didn't answer in the time of one resource, and that this was reported. Only
/// plans and refreshes skip the cluster then; an apply may have more time.
const UNANSWERED: &str = "unanswered";

/// Reads the objects of one resource. It needs no owner.
pub struct Reader<'a> {
    /// The cluster of the provider block.
    pub cluster: &'a Cluster,
    /// The bookkeeping of earlier applies.
    pub record: &'a Record,
    /// The time limit of the operation.
    pub deadline: Deadline,
    /// Messages that one run reports once.
    pub reported: &'a ReportedMessages,
}

/// Runs queries in parallel. A query that fails has an error among the results.
pub async fn run_queries(cluster: &Cluster, queries: &[Query], deadline: &Deadline) -> QueryResults {
    let requests = queries.iter().map(|query| cluster.query(query, deadline).boxed());
    queries.iter().cloned().zip(run_bounded(requests.collect()).await).collect()
}

impl Reader<'_> {
    /// Refuses a state that was written for another cluster, where "not found" would be taken for "deleted, create it
    /// again". Returns the identity to record.
    pub async fn check_cluster_identity(&self, out: &mut Diagnostics) -> Result<Option<String>, Reported> {
        let identity = match self.cluster.uid(&self.deadline).await {
            Ok(identity) => identity,
            Err(error) => {
                if error.is_cluster_unavailable() {
                    self.reported.insert(UNANSWERED);
                }
                return Err(report_error(&error, ApiOperation::Read, &cluster_identity_key(), None, out));
            }
        };
        match (identity, &self.record.cluster) {
            (Some(live), Some(recorded)) if live != recorded => Err(out.error(
                &Path::root(),
                "Resource belongs to another cluster",
                format!(
                    "The state was written for the cluster whose kube-system namespace has the uid {recorded}; the provider \
                     is connected to {live}. Check the connection arguments; to move on to a new cluster, remove the \
                     resource from the state first."
                ),
            )),
            (None, _) => {
                if self.reported.insert("cluster identity") {
                    out.warn(
                        &Path::root(),
                        "Cluster can't be identified",
                        "The provider may not read the namespace kube-system, whose uid tells clusters apart. If the \
                         connection ever points to another cluster, this goes unnoticed. The guide \"RBAC\" has the right to add.",
                    );
                }
                Ok(self.record.cluster.clone())
            }
            (Some(live), _) => Ok(Some(live.to_owned())),
        }
    }

    /// Whether another resource of the run has found and reported that the cluster doesn't answer.
    pub fn is_known_unanswered(&self) -> bool {
        self.reported.contains(UNANSWERED)
    }

    /// Returns the fields that the resource owns of each object that exists; `written` has the bodies that were written
    /// last. Any failure is an error: a plan must not show an object as deleted that couldn't be read.
    pub async fn read(
        &self,
        written: &BTreeMap<Key, Json>,
        out: &mut Diagnostics,
    ) -> Result<BTreeMap<Key, Json>, Reported> {
        let live = self.fetch(written.keys(), Freshness::Recent, out).await?;
        Ok(live.into_iter().map(|(key, live)| (key.clone(), owned_fields(&live, written.get(&key), &key))).collect())
    }

    /// Returns the objects among `keys` whose annotations name `resource` of `owner`. Reads that fail leave them out.
    pub async fn objects_of_resource(
        &self,
        keys: impl Iterator<Item = &Key>,
        owner: &str,
        resource: &str,
    ) -> Vec<(Key, Json)> {
        let live = self.fetch(keys, Freshness::Recent, &mut Diagnostics::default()).await.unwrap_or_default();
        let annotated =
            |live: &Json, name: &str, value: &str| text(live, &["metadata", "annotations", name]) == Some(value);
        let is_of_resource =
            |live: &Json| annotated(live, annotation::OWNER, owner) && annotated(live, annotation::RESOURCE, resource);
        live.into_iter().filter(|(_, live)| is_of_resource(live)).map(|(key, live)| (key, Json::clone(&live))).collect()
    }

    /// Returns the objects of these kinds and namespaces whose annotations name `resource` or the record's instance, with their
    /// uids. Lists that fail leave them out.
    pub async fn search(&self, collections: Vec<(&'static Kind, &str)>, resource: &str) -> Vec<(Key, String)> {
        let lists = collections.into_iter().map(|collection| {
            self.cluster.objects_of_resource(collection, resource, &self.record.instance, &self.deadline).boxed()
        });
        run_bounded(lists.collect()).await.into_iter().flat_map(Result::unwrap_or_default).collect()
    }

    /// Whether any recorded object belongs to a newer instance of the resource that `identity` names. An object that can't
    /// be read counts as one that doesn't.
    pub async fn has_newer_instance(&self, identity: &OwnerIdentity) -> bool {
        let recorded = self.record.recorded_objects();
        let live =
            self.fetch(recorded.keys(), Freshness::Recent, &mut Diagnostics::default()).await.unwrap_or_default();
        live.iter().any(|(key, live)| classify(live, identity, recorded.get(key)) == Ownership::OtherInstance)
    }

    /// Runs the queries of live checks. Returns `None` if the cluster can't be reached, which other checks report.
    pub async fn run_queries(&self, queries: &[Query]) -> Option<QueryResults> {
        if self.reported.contains(UNREACHABLE) || self.cluster.uid(&self.deadline).await.is_err() {
            return None;
        }
        Some(run_queries(self.cluster, queries, &self.deadline).await)
    }

    /// Returns the whole objects that exist among `keys`.
    pub(super) async fn fetch(
        &self,
        keys: impl Iterator<Item = &Key>,
        freshness: Freshness,
        out: &mut Diagnostics,
    ) -> Result<BTreeMap<Key, Arc<Json>>, Reported> {
        self.fetch_ignoring(keys, freshness, |_| false, out).await
    }

    /// Returns the objects that an earlier instance of the resource may have left. An object that may not be read counts as
    /// absent: an identity without the right to read it didn't write it either.
    pub(super) async fn fetch_leftovers(
        &self,
        keys: impl Iterator<Item = &Key>,
        out: &mut Diagnostics,
    ) -> Result<BTreeMap<Key, Arc<Json>>, Reported> {
        self.fetch_ignoring(keys, Freshness::Recent, Error::is_forbidden, out).await
    }

    async fn fetch_ignoring(
        &self,
        keys: impl Iterator<Item = &Key>,
        freshness: Freshness,
        is_absent: fn(&Error) -> bool,
        out: &mut Diagnostics,
    ) -> Result<BTreeMap<Key, Arc<Json>>, Reported> {
        let keys: Vec<&Key> = keys.collect();
        let requests = keys.iter().map(|key| self.cluster.get(key, freshness, &self.deadline).boxed());
        let (mut found, mut failure) = (BTreeMap::new(), None);
        for (key, result) in keys.iter().copied().zip(run_bounded(requests.collect()).await) {
            match result {
                Ok(live) => found.extend(live.map(|live| (key.clone(), live))),
                Err(error) if is_absent(&error) => {}
                // The first failure is reported alone: its cause fails the reads of the other objects as well.
                Err(error) if failure.is_none() => {
                    failure = Some(report_error(&error, ApiOperation::Read, key, None, out));
                }
                Err(_) => {}
            }
        }
        failure.map_or(Ok(found), Err)
    }
}

/// The namespace whose uid tells clusters apart.
fn cluster_identity_key() -> Key {
    Key::cluster_scoped(&kind::NAMESPACE, "kube-system")
}
