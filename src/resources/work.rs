//! One apply or delete, in a task of its own: where the call's future is dropped, or the work panics, what was written is
//! still told and noted.

use std::{collections::BTreeMap, sync::Arc};

use super::Context;
use crate::{
    diagnostics::{Diagnostics, Path},
    engine::{Journal, JournalEntry, OwnerIdentity, Record, record::RecordedObject},
    kubernetes::Deadline,
    object::{Key, Object},
};

/// What is to be done.
pub(super) enum Job {
    /// Make the cluster hold exactly these.
    Apply(Vec<Object>),
    /// Delete these; `settled` says whether a newer life of the resource has been applied whole.
    Delete { noted: BTreeMap<Key, RecordedObject>, settled: bool },
}

/// Everything that a job needs; owned.
pub(super) struct Work {
    pub(super) context: Arc<Context>,
    pub(super) identity: OwnerIdentity,
    pub(super) record: Record,
    pub(super) limits: Deadline,
}

/// What became of it.
pub(super) struct Done {
    /// What happened.
    pub(super) diagnostics: Diagnostics,
    /// What was written or deleted.
    pub(super) written: BTreeMap<Key, JournalEntry>,
    /// The record from now on.
    pub(super) record: Record,
}

impl Work {
    /// Does the job to its end.
    pub(super) async fn run(self, job: Job) -> Done {
        let journal = Arc::new(Journal::default());
        let (mut record, owner) = (self.record.clone(), self.identity.owner.clone());
        let task = tokio::spawn(self.perform(job, journal.clone()));
        let (cluster, diagnostics) = task.await.unwrap_or_else(|failure| {
            let mut out = Diagnostics::default();
            out.error(
                &Path::root(),
                "The provider failed",
                format!("{failure}. This is a bug in the provider. What was written before is in the state."),
            );
            (None, out)
        });
        let written = journal.entries();
        record.update(&written);
        record.owner = owner;
        record.cluster = cluster.or(record.cluster);
        Done { diagnostics, written, record }
    }

    async fn perform(self, job: Job, journal: Arc<Journal>) -> (Option<String>, Diagnostics) {
        let mut out = Diagnostics::default();
        let writer = self.context.writer(&self.identity, &self.record, self.limits);
        let Ok(cluster) = writer.reader.check_cluster_identity(&mut out).await else { return (None, out) };
        match job {
            Job::Apply(wanted) => writer.apply(&wanted, &journal, &mut out).await,
            Job::Delete { noted, settled } => writer.delete(&noted, settled, &journal, &mut out).await,
        }
        (cluster, out)
    }
}
