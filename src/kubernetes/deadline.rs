//! How long one call of Terraform may wait for the cluster.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::error::Error;

/// The end of a call: the time that the resource's `timeouts` allow, or earlier, when Terraform calls Stop.
#[derive(Clone, Debug)]
pub struct Deadline {
    /// Cancelled when Terraform calls Stop.
    pub stop: CancellationToken,
    /// The end of the time that `timeouts` allow.
    pub until: Instant,
}

impl Deadline {
    /// The deadline of a call that starts now and may take `time`.
    pub fn within(time: Duration, stop: CancellationToken) -> Self {
        Self { stop, until: Instant::now() + time }
    }

    /// Sleeps for `duration`. Fails when Stop is called, or the deadline is reached, before the end.
    pub async fn sleep(&self, duration: Duration) -> Result<(), Error> {
        let end = Instant::now() + duration;
        tokio::select! {
            () = self.stop.cancelled() => Err(Error::Stopped),
            () = tokio::time::sleep_until(end.min(self.until)) => {
                if end > self.until { Err(Error::TimedOut("still waiting".to_owned())) } else { Ok(()) }
            }
        }
    }
}
