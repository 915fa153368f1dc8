//! Facts of the cluster beside what is ours, for checks that warn.

use futures_util::FutureExt;

use super::{Engine, plan::UNREACHABLE, run_bounded};
use crate::query::{Query, QueryResults};

impl Engine<'_> {
    /// The answers to `queries`; `None` without a cluster, of which somebody else has told.
    pub async fn facts(&self, queries: &[Query]) -> Option<QueryResults> {
        if self.once.said(UNREACHABLE) || self.cluster.uid(&self.limits).await.is_err() {
            return None;
        }
        let looks = queries.iter().map(|query| self.cluster.query(query, &self.limits).boxed());
        let answers = run_bounded(looks.collect()).await;
        Some(queries.iter().cloned().zip(answers).collect())
    }
}
