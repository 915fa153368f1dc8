//! How long one call of Terraform may wait for the cluster.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::error::Error;

/// Longest time that a deadline or a pause can be away: about 30 years. A longer one could overflow an [`Instant`].
const FAR_FUTURE: Duration = Duration::from_hours(24 * 365 * 30);

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
        Self { stop, until: after(time) }
    }

    /// Whether the time is over.
    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    /// Sleeps for `duration`. Fails when Stop is called, or the deadline is reached, before the end.
    pub async fn sleep(&self, duration: Duration) -> Result<(), Error> {
        let end = after(duration);
        tokio::select! {
            () = self.stop.cancelled() => Err(Error::Stopped),
            () = tokio::time::sleep_until(end.min(self.until)) => {
                if end > self.until { Err(Error::TimedOut("still waiting".to_owned())) } else { Ok(()) }
            }
        }
    }
}

/// The instant `duration` from now.
fn after(duration: Duration) -> Instant {
    Instant::now() + duration.min(FAR_FUTURE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn longest_duration_does_not_overflow() {
        let deadline = Deadline::within(Duration::MAX, CancellationToken::new());
        assert!(deadline.sleep(Duration::from_secs(1)).await.is_ok());
        let deadline = Deadline::within(Duration::from_secs(1), CancellationToken::new());
        assert!(deadline.sleep(Duration::MAX).await.is_err());
    }
}
