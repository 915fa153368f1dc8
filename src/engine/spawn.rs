//! Tasks whose log lines name the call of Terraform that they belong to.

use tokio::task::JoinHandle;
use tracing::Instrument as _;

/// Runs `future` in a task of its own, in the span of the caller.
pub fn spawn_in_span<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    tokio::spawn(future.in_current_span())
}
