//! Polling for conditions that become true some time after their cause.

use std::{
    thread,
    time::{Duration, Instant},
};

const INTERVAL: Duration = Duration::from_millis(50);

/// Polls until `condition` is true, and panics after `timeout`. `expectation` says in the panic what never happened.
#[track_caller]
pub(crate) fn wait_until(timeout: Duration, expectation: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + timeout;
    while !condition() {
        assert!(Instant::now() < deadline, "not within {timeout:?}: {expectation}");
        thread::sleep(INTERVAL);
    }
}
