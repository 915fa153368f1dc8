//! Facts of the cluster beside what is ours, for checks that warn.

use futures_util::FutureExt;

use super::{Engine, plan::UNREACHABLE, side_by_side};
use crate::facts::{Found, Query};

impl Engine<'_> {
    /// The answers to `queries`; `None` without a cluster, of which somebody else has told.
    pub async fn facts(&self, queries: &[Query]) -> Option<Found> {
        if self.once.said(UNREACHABLE) || self.cluster.identity(&self.limits).await.is_err() {
            return None;
        }
        let looks = queries.iter().map(|query| self.cluster.look(query, &self.limits).boxed());
        let answers = side_by_side(looks.collect()).await;
        Some(queries.iter().cloned().zip(answers).collect())
    }
}
