//! Requests at a constant rate, while a test changes something.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use http::Uri;
use tokio::{
    task::{JoinHandle, JoinSet},
    time,
};
use tokio_util::sync::CancellationToken;

use super::{answer::Answer, client::Request};
use crate::support::api::{block_on, spawn};

/// The turn of a test that sends many requests. It ends when it is dropped.
pub(crate) type Turn = MutexGuard<'static, ()>;

/// Waits until no other test sends many requests. Two of them at a time ask more of two cores than they have, and requests fail
/// that would be answered otherwise.
pub(crate) fn take_turn() -> Turn {
    static TURN: Mutex<()> = Mutex::new(());
    // A test that failed has ended its requests as well.
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What became of one request.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// When it was sent, since the beginning of the load.
    pub(crate) sent_at: Duration,
    /// Time until the answer.
    pub(crate) took: Duration,
    /// The answer.
    pub(crate) answer: Answer,
}

/// Requests that are being sent.
pub(crate) struct Load {
    stop: CancellationToken,
    sender: JoinHandle<()>,
    outcomes: Arc<Mutex<Vec<Outcome>>>,
}

impl Request<'_> {
    /// Sends the request so many times a second until [`Load::stop`], each on a connection of its own, whether or not
    /// earlier ones were answered. The name is resolved once, at the beginning.
    #[track_caller]
    pub(crate) fn load(&self, per_second: u32) -> Load {
        let uri: Uri = self.url().parse().expect("a URL");
        let address = self.destination(&uri).unwrap_or_else(|reason| panic!("{}: {reason}", self.url()));
        let (client, request) = (self.client().clone(), self.prepare(&uri));
        let (stop, outcomes) = (CancellationToken::new(), Arc::new(Mutex::new(Vec::new())));
        let (stopped, shared) = (stop.clone(), Arc::clone(&outcomes));
        let send = async move {
            let (start, mut requests) = (Instant::now(), JoinSet::new());
            let mut ticks = time::interval(Duration::from_secs(1) / per_second);
            while stopped.run_until_cancelled(ticks.tick()).await.is_some() {
                let (sent_at, socket) = (Instant::now(), client.socket());
                let (request, outcomes) = (request.clone(), Arc::clone(&shared));
                requests.spawn(async move {
                    let answer = request.send(socket, address).await;
                    let outcome = Outcome { sent_at: sent_at.duration_since(start), took: sent_at.elapsed(), answer };
                    outcomes.lock().expect("no thread panics with the lock").push(outcome);
                });
            }
            requests.join_all().await;
        };
        let sender = spawn(send);
        Load { stop, sender, outcomes }
    }
}

impl Load {
    /// Stops to send, waits for the outstanding answers, and returns what became of all requests.
    pub(crate) fn stop(self) -> LoadReport {
        self.stop.cancel();
        block_on(self.sender).expect("the load doesn't panic");
        let mut outcomes = std::mem::take(&mut *self.outcomes.lock().expect("no thread panics with the lock"));
        outcomes.sort_by_key(|outcome| outcome.sent_at);
        LoadReport { outcomes }
    }
}

/// What became of the requests of a load, in the order in which they were sent.
pub(crate) struct LoadReport {
    /// One for each request.
    pub(crate) outcomes: Vec<Outcome>,
}

impl LoadReport {
    /// Number of requests.
    pub(crate) fn sent(&self) -> usize {
        self.outcomes.len()
    }

    /// The requests whose answer wasn't 200.
    pub(crate) fn failures(&self) -> Vec<&Outcome> {
        self.outcomes.iter().filter(|outcome| outcome.answer.code() != 200).collect()
    }

    /// Number of answers by status code; 0 stands for no answer.
    pub(crate) fn codes(&self) -> BTreeMap<u16, usize> {
        let mut codes = BTreeMap::new();
        for outcome in &self.outcomes {
            *codes.entry(outcome.answer.code()).or_default() += 1;
        }
        codes
    }

    /// Number of answers by pod, without those that no application gave.
    pub(crate) fn servers(&self) -> BTreeMap<String, usize> {
        let mut servers = BTreeMap::new();
        for pod in self.outcomes.iter().filter_map(|outcome| outcome.answer.served_by()) {
            *servers.entry(pod.to_owned()).or_default() += 1;
        }
        servers
    }

    /// Panics unless every answer was 200, and at least `at_least` requests were sent.
    #[track_caller]
    pub(crate) fn assert_no_failure(&self, at_least: usize) {
        let failures: Vec<String> = self
            .failures()
            .iter()
            .take(10)
            .map(|failed| format!("after {:?}, within {:?}: {}", failed.sent_at, failed.took, failed.answer))
            .collect();
        assert!(failures.is_empty(), "{:?} of {} requests:\n{}", self.codes(), self.sent(), failures.join("\n"));
        assert!(self.sent() >= at_least, "only {} requests were sent", self.sent());
    }
}
