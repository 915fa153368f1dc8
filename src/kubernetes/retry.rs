//! Retries of requests that failed for a transient reason: 429, 5xx and lost connections. Every request that the provider
//! makes is idempotent, so each of them may be sent again.

use std::{pin::pin, time::Duration};

use tokio::time::{Instant, timeout};

use super::{deadline::Deadline, error::Error};

/// How long a server that has never answered is retried where it refuses connections or its name can't be resolved. Its address
/// is more likely to be mistyped than the server is to be down.
pub(super) const FIRST_CONTACT_TIMEOUT: Duration = Duration::from_secs(5);

const INITIAL_BACKOFF: Duration = Duration::from_millis(200);
const MAX_BACKOFF: Duration = Duration::from_secs(10);

/// Longest pause that `Retry-After` can ask for. A server that asks for more is tried again after this time, because its
/// value may be absurd, and the deadline ends the retries anyway.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(1);

/// Each attempt gets this much time even if the deadline is closer: the server's answer explains more than a timeout does.
pub(super) const MIN_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest time of one attempt. The API server ends requests after a minute itself, so a response that takes longer is one that
/// trickles or never comes, and the next attempt may fare better.
const MAX_ATTEMPT_TIMEOUT: Duration = Duration::from_mins(2);
/// How long the answer to a write that was sent is waited for after Stop. The server may have carried it out already.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// Runs `attempt` until it succeeds, fails with a permanent error, or `deadline` ends it. The backoff between attempts grows
/// exponentially and has jitter; `Retry-After` takes precedence over it. As long as `has_answered` says that the server has
/// never answered, attempts end after [`FIRST_CONTACT_TIMEOUT`].
pub(super) async fn with_backoff<T, F>(
    deadline: &Deadline,
    is_write: bool,
    has_answered: impl Fn() -> bool,
    attempt: impl Fn() -> F,
) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let stop_grace = if is_write { STOP_GRACE } else { Duration::ZERO };
    let first_contact_deadline = Instant::now() + FIRST_CONTACT_TIMEOUT;
    let mut backoff = INITIAL_BACKOFF;
    let mut last_error = None;
    loop {
        if deadline.stop.is_cancelled() {
            return Err(Error::Stopped);
        }
        let mut running = pin!(timeout(MAX_ATTEMPT_TIMEOUT, attempt()));
        let result = tokio::select! {
            () = deadline.stop.cancelled() => {
                return match timeout(stop_grace, running).await {
                    Ok(Ok(Err(error))) if is_transient(&error) => Err(Error::Stopped),
                    Ok(Ok(result)) => result,
                    Ok(Err(_)) | Err(_) => Err(Error::Stopped),
                };
            }
            () = deadline.reached(MIN_ATTEMPT_TIMEOUT) => {
                return Err(deadline_exceeded(last_error));
            }
            result = &mut running => result.unwrap_or_else(|_| {
                Err(Error::Unreachable(format!("no whole answer within {} seconds", MAX_ATTEMPT_TIMEOUT.as_secs())))
            }),
        };
        let error = match result {
            Err(error @ Error::NotConnected(_)) if !has_answered() && Instant::now() > first_contact_deadline => {
                return Err(error);
            }
            Err(error) if is_transient(&error) => error,
            result => return result,
        };
        let retry_after = error.status().and_then(|status| status.retry_after);
        let retry_after = retry_after.map(|seconds| Duration::from_secs(seconds).min(MAX_RETRY_AFTER));
        let with_jitter = backoff.mul_f64(0.5 + fastrand::f64());
        match deadline.sleep(retry_after.unwrap_or(with_jitter)).await {
            Ok(()) => backoff = (backoff * 2).min(MAX_BACKOFF),
            Err(Error::TimedOut(_)) => return Err(deadline_exceeded(Some(error))),
            Err(stopped) => return Err(stopped),
        }
        last_error = Some(error);
    }
}

/// Whether the same request may succeed when it is sent again.
fn is_transient(error: &Error) -> bool {
    match error {
        Error::NotConnected(_) | Error::Unreachable(_) => true,
        Error::Api(status) => matches!(status.code, 429 | 500 | 502 | 503 | 504),
        _ => false,
    }
}

/// The error of a request whose deadline is over. A server that couldn't be reached is reported as unreachable and not as a
/// timeout, since more time wouldn't help.
pub(super) fn deadline_exceeded(last_error: Option<Error>) -> Error {
    match last_error {
        Some(unreachable @ (Error::NotConnected(_) | Error::Unreachable(_))) => unreachable,
        Some(error) => Error::TimedOut(error.to_string()),
        None => Error::Unreachable("none within the time that timeouts allow".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use tokio_util::sync::CancellationToken;

    use super::*;

    fn deadline(seconds: u64) -> Deadline {
        Deadline::within(Duration::from_secs(seconds), CancellationToken::new())
    }

    #[tokio::test(start_paused = true)]
    async fn transient_errors_are_retried_until_success() {
        let attempts = AtomicU32::new(0);
        let deadline = deadline(60);
        let result = with_backoff(
            &deadline,
            false,
            || true,
            async || match attempts.fetch_add(1, Relaxed) {
                0 => Err(Error::from_response(429, b"slow down", Some(1), str::to_owned)),
                1 => Err(Error::Unreachable("reset".into())),
                2 => Err(Error::from_response(503, b"", None, str::to_owned)),
                n => Ok(n),
            },
        );
        assert!(matches!(result.await, Ok(3)));
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_is_at_most_a_minute() {
        let attempts = AtomicU32::new(0);
        let (started, deadline) = (Instant::now(), deadline(3600));
        let result = with_backoff(
            &deadline,
            false,
            || true,
            async || match attempts.fetch_add(1, Relaxed) {
                0 => Err(Error::from_response(429, b"slow down", Some(u64::MAX), str::to_owned)),
                n => Ok(n),
            },
        );
        assert!(matches!(result.await, Ok(1)));
        assert_eq!(started.elapsed(), Duration::from_mins(1));
    }

    #[tokio::test(start_paused = true)]
    async fn permanent_errors_are_not_retried() {
        let attempts = AtomicU32::new(0);
        let deadline = deadline(60);
        let result = with_backoff(
            &deadline,
            false,
            || true,
            async || {
                attempts.fetch_add(1, Relaxed);
                Err::<(), _>(Error::from_response(422, b"no", None, str::to_owned))
            },
        );
        assert!(result.await.is_err_and(|e| e.status().is_some_and(|s| s.code == 422)));
        assert_eq!(attempts.load(Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn timeout_contains_the_last_error() {
        let unavailable = async || Err::<(), _>(Error::from_response(503, b"etcd is away", None, str::to_owned));
        let result = with_backoff(&deadline(5), false, || true, unavailable).await;
        assert!(matches!(result, Err(Error::TimedOut(last)) if last.contains("etcd is away")));
    }

    #[tokio::test(start_paused = true)]
    async fn pending_request_ends_at_the_deadline() {
        let deadline = deadline(5);
        let result = with_backoff(&deadline, false, || true, std::future::pending::<Result<(), Error>>).await;
        assert!(matches!(result, Err(Error::Unreachable(why)) if why.contains("timeouts")));
    }

    #[tokio::test(start_paused = true)]
    async fn attempt_without_a_whole_answer_is_repeated_long_before_the_deadline() {
        let (attempts, started) = (AtomicU32::new(0), Instant::now());
        let answer = async || match attempts.fetch_add(1, Relaxed) {
            0 => std::future::pending().await,
            n => Ok(n),
        };
        assert!(matches!(with_backoff(&deadline(3600), false, || true, answer).await, Ok(1)));
        assert!(started.elapsed() < MAX_ATTEMPT_TIMEOUT + MAX_BACKOFF, "{:?}", started.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn first_contact_ends_long_before_the_deadline() {
        let started = Instant::now();
        let refused = async || Err::<(), _>(Error::NotConnected("refused".into()));
        let result = with_backoff(&deadline(3600), false, || false, refused).await;
        assert!(matches!(result, Err(Error::NotConnected(_))));
        assert!(started.elapsed() < FIRST_CONTACT_TIMEOUT * 3, "{:?}", started.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn stop_waits_for_the_answer_to_a_write_for_five_seconds() {
        for (is_write, answer_after, seconds, succeeds) in
            [(false, 3, 1, false), (true, 3, 3, true), (true, 60, 6, false)]
        {
            let (started, deadline) = (Instant::now(), deadline(3600));
            let stop = deadline.stop.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                stop.cancel();
            });
            let answer = async || {
                tokio::time::sleep(Duration::from_secs(answer_after)).await;
                Ok(())
            };
            let result = with_backoff(&deadline, is_write, || true, answer).await;
            assert_eq!((result.is_ok(), started.elapsed().as_secs()), (succeeds, seconds));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn stop_ends_retries() {
        let deadline = deadline(3600);
        deadline.stop.cancel();
        let unreachable = async || Err::<(), _>(Error::Unreachable("x".into()));
        let result = with_backoff(&deadline, false, || true, unreachable).await;
        assert!(matches!(result, Err(Error::Stopped)));
    }
}
