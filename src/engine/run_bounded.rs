//! Bounded parallel requests.

use futures_util::{StreamExt, future::BoxFuture, stream};

/// Maximum number of parallel requests of one resource. Terraform works on ten resources at a time by default.
const MAX_PARALLEL_REQUESTS: usize = 8;

/// Runs `requests` in parallel, a bounded number at a time. The results keep the order of `requests`, so that diagnostics
/// come in the same order in every run.
pub(super) async fn run_bounded<T>(requests: Vec<BoxFuture<'_, T>>) -> Vec<T> {
    stream::iter(requests).buffered(MAX_PARALLEL_REQUESTS).collect().await
}
