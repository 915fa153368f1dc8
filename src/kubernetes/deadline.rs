//! How long one call of Terraform may wait for the cluster.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::error::Error;

/// Longest time that a deadline or a pause can be away: about 30 years. A longer one could overflow an [`Instant`].
const FAR_FUTURE: Duration = Duration::from_hours(24 * 365 * 30);

/// The end of a call: the time that the resource's `timeouts` allow, or earlier, when Terraform calls Stop. The time in which
/// the call waits for credentials isn't counted, since an exec plugin has a time limit of its own.
#[derive(Clone, Debug)]
pub struct Deadline {
    /// Cancelled when Terraform calls Stop.
    pub stop: CancellationToken,
    /// The end of the time that `timeouts` allow, without pauses.
    until: Instant,
    /// Shared by the clones, which are parts of the same call.
    pauses: Arc<Mutex<Pauses>>,
}

/// The time that the requests of a call have waited for credentials. Requests that wait at the same time count once.
#[derive(Debug, Default)]
struct Pauses {
    ended: Duration,
    /// When the pause began that lasts, and how many requests it holds up.
    current: Option<(Instant, u32)>,
}

impl Deadline {
    /// The deadline of a call that starts now and may take `time`.
    pub fn within(time: Duration, stop: CancellationToken) -> Self {
        Self { stop, until: after(time), pauses: Arc::default() }
    }

    /// Fails where Stop was called.
    pub fn check_not_stopped(&self) -> Result<(), Error> {
        if self.stop.is_cancelled() { Err(Error::Stopped) } else { Ok(()) }
    }

    /// Waits for `credentials` without counting the time. Fails when Stop is called.
    pub(super) async fn pause<T>(&self, credentials: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let _pause = Pause::begin(self);
        tokio::select! {
            () = self.stop.cancelled() => Err(Error::Stopped),
            result = credentials => result,
        }
    }

    /// The end of the time as it is now. It moves on during a pause.
    fn end(&self) -> Instant {
        self.until + self.paused_time()
    }

    fn paused_time(&self) -> Duration {
        let pauses = self.pauses();
        pauses.ended + pauses.current.map_or(Duration::ZERO, |(began_at, _)| began_at.elapsed())
    }

    /// Whether the time is over.
    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.end()
    }

    /// Waits for the end of the time, but at least for `minimum`, in which pauses aren't counted either.
    pub(super) async fn reached(&self, minimum: Duration) {
        let (earliest, paused_before) = (after(minimum), self.paused_time());
        loop {
            let end = self.end().max(earliest + self.paused_time().saturating_sub(paused_before));
            if Instant::now() >= end {
                return;
            }
            tokio::time::sleep_until(end).await;
        }
    }

    /// Sleeps for `duration`. Fails when Stop is called, or the deadline is reached, before the end.
    pub async fn sleep(&self, duration: Duration) -> Result<(), Error> {
        let (end, until) = (after(duration), self.end());
        tokio::select! {
            () = self.stop.cancelled() => Err(Error::Stopped),
            () = tokio::time::sleep_until(end.min(until)) => {
                if end > until { Err(Error::TimedOut("still waiting".to_owned())) } else { Ok(()) }
            }
        }
    }

    fn pauses(&self) -> MutexGuard<'_, Pauses> {
        self.pauses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request that waits for credentials.
struct Pause<'a>(&'a Deadline);

impl<'a> Pause<'a> {
    fn begin(deadline: &'a Deadline) -> Self {
        let mut pauses = deadline.pauses();
        let (_, waiting) = pauses.current.get_or_insert_with(|| (Instant::now(), 0));
        *waiting += 1;
        drop(pauses);
        Self(deadline)
    }
}

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        let mut pauses = self.0.pauses();
        match pauses.current {
            Some((began_at, 1)) => {
                pauses.ended += began_at.elapsed();
                pauses.current = None;
            }
            Some((began_at, waiting)) => pauses.current = Some((began_at, waiting - 1)),
            None => {}
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

    #[tokio::test(start_paused = true)]
    async fn waits_for_credentials_are_not_counted_and_parallel_ones_count_once() {
        let deadline = Deadline::within(Duration::from_secs(5), CancellationToken::new());
        let started = Instant::now();
        let wait = || {
            deadline.pause(async {
                tokio::time::sleep(Duration::from_secs(20)).await;
                Ok(())
            })
        };
        let (first, second, ()) = tokio::join!(wait(), wait(), deadline.reached(Duration::ZERO));
        assert!(first.is_ok() && second.is_ok() && deadline.is_over());
        assert_eq!(started.elapsed(), Duration::from_secs(25));
    }
}
