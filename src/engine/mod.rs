//! A set of wanted objects against a cluster: plan, apply, read, delete. It knows neither Istio nor HCL.
//!
//! The decisions are pure and have tables of tests: [`ownership`] (whose is it), [`drift`] (what of it is ours, who else
//! writes there), [`schedule`] (in which order). The rest is thin I/O around them. What was done is in a [`journal`] that
//! the caller owns; what has to be known next time is in the [`record`].

pub mod apply;
pub mod drift;
pub mod journal;
mod namespace_contents;
pub mod ownership;
pub mod plan;
mod query;
pub mod read;
pub mod record;
mod replaced_objects;
pub mod schedule;
mod write;

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use futures_util::{StreamExt, future::BoxFuture, stream};

use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    kubernetes::{
        Cluster, Deadline,
        error_report::{ApiOperation, report_error},
    },
    object::{Key, kind},
};
pub use journal::{Entry, Journal};
pub use ownership::OwnerIdentity;
pub use record::Record;

/// Requests of one resource at a time; core runs ten resources in parallel.
const PARALLEL: usize = 8;

/// One resource's dealings with its cluster.
pub struct Engine<'a> {
    /// Where.
    pub cluster: &'a Cluster,
    /// In whose name.
    pub claim: &'a OwnerIdentity,
    /// What earlier applies noted.
    pub record: &'a Record,
    /// Until when.
    pub limits: Deadline,
    /// Whether fields of shared kinds are taken from other managers (`force_conflicts`).
    pub force: bool,
    /// Warnings that one run tells once.
    pub once: &'a Once,
}

/// What was told already, since Configure: a hundred services don't tell a hundred times that a right is missing.
#[derive(Debug, Default)]
pub struct Once(Mutex<BTreeSet<String>>);

impl Once {
    /// Whether `what` is said for the first time.
    pub fn first(&self, what: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(what.to_owned())
    }

    /// Whether `what` was said.
    pub fn said(&self, what: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(what)
    }
}

/// Some at a time, answered in order, so that what is told is the same in every run.
async fn run_bounded<T>(work: Vec<BoxFuture<'_, T>>) -> Vec<T> {
    stream::iter(work).buffered(PARALLEL).collect().await
}

/// The namespace whose uid tells clusters apart.
fn identity_key() -> Key {
    Key { kind: &kind::NAMESPACE, namespace: None, name: "kube-system".to_owned() }
}

impl Engine<'_> {
    /// State from another cluster must not be read as "all gone, create again". Answers the identity to note.
    pub async fn same_cluster(&self, out: &mut Diagnostics) -> Result<Option<String>, Reported> {
        let identity = match self.cluster.uid(&self.limits).await {
            Ok(identity) => identity,
            Err(error) => return Err(report_error(&error, ApiOperation::Read, &identity_key(), None, out)),
        };
        match (identity, &self.record.cluster) {
            (Some(live), Some(noted)) if live != noted => Err(out.error(
                &Path::root(),
                "This is another cluster",
                format!(
                    "The state was written for the cluster whose kube-system namespace has the uid {noted}; the provider \
                     is connected to {live}. Check the connection arguments; to move on to a new cluster, remove the \
                     resource from the state first."
                ),
            )),
            (None, _) => {
                if self.once.first("cluster identity") {
                    out.warn(
                        &Path::root(),
                        "Can't tell this cluster from others",
                        "The provider may not read the namespace kube-system, whose uid tells clusters apart. If the \
                         connection ever points to another cluster, this goes unnoticed. The guide \"RBAC\" has the right to add.",
                    );
                }
                Ok(self.record.cluster.clone())
            }
            (Some(live), _) => Ok(Some(live.to_owned())),
        }
    }
}
