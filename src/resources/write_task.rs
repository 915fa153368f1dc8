//! An apply or a delete in a task of its own. Where core drops the call, or the task panics, the objects that were written
//! still enter the state.

use std::{collections::BTreeMap, sync::Arc};

use tracing::Instrument as _;

use super::Context;
use crate::{
    diagnostics::{Diagnostics, Path},
    engine::{Journal, JournalEntry, OwnerIdentity, Record, record::RecordedObject},
    kubernetes::Deadline,
    object::{Key, Object},
};

/// The operation of a task.
pub(super) enum Operation {
    /// Write these objects, and delete the recorded ones that aren't among them.
    Apply(Vec<Object>),
    /// Delete the recorded objects.
    Delete {
        /// The objects and what the record says about each.
        recorded: BTreeMap<Key, RecordedObject>,
        /// Whether this run has completely applied a newer instance of the resource.
        newer_instance_applied: bool,
    },
}

/// An apply or a delete of one resource, with all that it needs.
pub(super) struct WriteTask {
    pub(super) context: Arc<Context>,
    pub(super) identity: OwnerIdentity,
    pub(super) record: Record,
    pub(super) deadline: Deadline,
}

/// The result of a task.
pub(super) struct WriteResult {
    pub(super) diagnostics: Diagnostics,
    /// The objects that were written or deleted, also where the operation failed.
    pub(super) journal: BTreeMap<Key, JournalEntry>,
    /// The record of the resource after the operation.
    pub(super) record: Record,
}

impl WriteTask {
    /// Runs the operation to its end.
    pub(super) async fn run(self, operation: Operation) -> WriteResult {
        let journal = Arc::new(Journal::default());
        let (mut record, owner) = (self.record.clone(), self.identity.owner.clone());
        let task = tokio::spawn(self.perform(operation, journal.clone()).in_current_span());
        let (cluster, diagnostics) = task.await.unwrap_or_else(|failure| {
            let mut out = Diagnostics::default();
            out.error(
                &Path::root(),
                "The provider failed",
                format!("{failure}. This is a bug in the provider. What was written before is in the state."),
            );
            (None, out)
        });
        let journal = journal.entries();
        record.update(&journal);
        record.owner = owner;
        record.cluster = cluster.or(record.cluster);
        WriteResult { diagnostics, journal, record }
    }

    /// Performs the operation, and answers the identity of the cluster where it could be read.
    async fn perform(self, operation: Operation, journal: Arc<Journal>) -> (Option<String>, Diagnostics) {
        let mut out = Diagnostics::default();
        let writer = self.context.writer(&self.identity, &self.record, self.deadline);
        let Ok(cluster) = writer.reader.check_cluster_identity(&mut out).await else { return (None, out) };
        match operation {
            Operation::Apply(desired) => writer.apply(&desired, &journal, &mut out).await,
            Operation::Delete { recorded, newer_instance_applied } => {
                writer.delete(&recorded, newer_instance_applied, &journal, &mut out).await;
            }
        }
        (cluster, out)
    }
}
