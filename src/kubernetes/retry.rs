//! Faults that pass: 429, 5xx and lost connections are met again, with growing and jittered pauses, until the resource's
//! time is over or Stop is called. All verbs that we use are idempotent.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::error::Error;

const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// How long a server that has never answered is waited for.
pub(super) const FIRST_CONTACT_TIMEOUT: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// What an attempt gets even if the time is over: its answer says more than that.
const LEAST: Duration = Duration::from_secs(5);

/// Until when a call may try.
#[derive(Clone, Debug)]
pub struct Deadline {
    /// Cancelled by Stop.
    pub stop: CancellationToken,
    /// From `timeouts`.
    pub until: Instant,
}

impl Deadline {
    /// From now on for `time`.
    pub fn within(time: Duration, stop: CancellationToken) -> Self {
        Self { stop, until: Instant::now() + time }
    }

    /// Waits, unless Stop is called or the time is over before.
    pub async fn sleep(&self, pause: Duration) -> Result<(), Error> {
        let end = Instant::now() + pause;
        tokio::select! {
            () = self.stop.cancelled() => Err(Error::Stopped),
            () = tokio::time::sleep_until(end.min(self.until)) => {
                if end > self.until { Err(Error::TimedOut("still waiting".to_owned())) } else { Ok(()) }
            }
        }
    }
}

/// Whether asking again may help.
pub fn passes(error: &Error) -> bool {
    match error {
        Error::Unreachable(_) => true,
        Error::Refused(status) => matches!(status.code, 429 | 500 | 502 | 503 | 504),
        _ => false,
    }
}

/// Runs `attempt` until it succeeds, fails for good, or the limits are met: they end an attempt that is under way, too. The
/// last error is told in the time-out. A server that was never `reached` is given up sooner: it is more likely mistyped than
/// away.
pub async fn persist<T, F>(
    limits: &Deadline,
    what: &str,
    reached: impl Fn() -> bool,
    attempt: impl Fn() -> F,
) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let patience = Instant::now() + FIRST_CONTACT_TIMEOUT;
    let mut pause = FIRST_PAUSE;
    let mut last = None;
    // A server that was never reached is told as that, not as a matter of time.
    let over = |last: Option<Error>| match last {
        Some(unreachable @ Error::Unreachable(_)) => Err(unreachable),
        Some(error) => Err(Error::TimedOut(error.to_string())),
        None => Err(Error::Unreachable("none within the time that timeouts allow".to_owned())),
    };
    loop {
        let result = tokio::select! {
            () = limits.stop.cancelled() => return Err(Error::Stopped),
            () = tokio::time::sleep_until(limits.until.max(Instant::now() + LEAST)) => return over(last),
            result = attempt() => result,
        };
        let error = match result {
            Err(error @ Error::Unreachable(_)) if !reached() && Instant::now() > patience => return Err(error),
            Err(error) if passes(&error) => error,
            result => return result,
        };
        let asked = error.status().and_then(|status| status.retry_after).map(Duration::from_secs);
        let jitter = pause.mul_f64(0.5 + fastrand::f64());
        tracing::debug!(request = what, error = %error, "retry");
        match limits.sleep(asked.unwrap_or(jitter)).await {
            Ok(()) => pause = (pause * 2).min(LONGEST_PAUSE),
            Err(Error::TimedOut(_)) => return over(Some(error)),
            Err(stopped) => return Err(stopped),
        }
        last = Some(error);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use super::*;

    fn limits(seconds: u64) -> Deadline {
        Deadline::within(Duration::from_secs(seconds), CancellationToken::new())
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_recovers_is_met_again() {
        let asked = AtomicU32::new(0);
        let limits = limits(60);
        let result = persist(
            &limits,
            "test",
            || true,
            async || match asked.fetch_add(1, Relaxed) {
                0 => Err(Error::refused(429, b"slow down", Some(1))),
                1 => Err(Error::Unreachable("reset".into())),
                2 => Err(Error::refused(503, b"", None)),
                n => Ok(n),
            },
        );
        assert!(matches!(result.await, Ok(3)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_can_not_pass_is_told_at_once() {
        let asked = AtomicU32::new(0);
        let limits = limits(60);
        let result = persist(
            &limits,
            "test",
            || true,
            async || {
                asked.fetch_add(1, Relaxed);
                Err::<(), _>(Error::refused(422, b"no", None))
            },
        );
        assert!(result.await.is_err_and(|e| e.status().is_some_and(|s| s.code == 422)));
        assert_eq!(asked.load(Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn time_ends_it_and_tells_the_last_answer() {
        let result =
            persist(&limits(5), "test", || true, async || Err::<(), _>(Error::refused(503, b"etcd is away", None)))
                .await;
        assert!(matches!(result, Err(Error::TimedOut(last)) if last.contains("etcd is away")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_never_answers_ends_in_time() {
        let limits = limits(5);
        let result = persist(&limits, "test", || true, std::future::pending::<Result<(), Error>>).await;
        assert!(matches!(result, Err(Error::Unreachable(why)) if why.contains("timeouts")));
    }

    #[tokio::test(start_paused = true)]
    async fn who_never_answered_is_given_up_soon() {
        let limits = limits(3600);
        let begun = Instant::now();
        let result =
            persist(&limits, "test", || false, async || Err::<(), _>(Error::Unreachable("refused".into()))).await;
        assert!(matches!(result, Err(Error::Unreachable(_))));
        assert!(begun.elapsed() < FIRST_CONTACT_TIMEOUT * 3, "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn stop_ends_it() {
        let limits = limits(3600);
        limits.stop.cancel();
        let result = persist(&limits, "test", || true, async || Err::<(), _>(Error::Unreachable("x".into()))).await;
        assert!(matches!(result, Err(Error::Stopped)));
    }
}
