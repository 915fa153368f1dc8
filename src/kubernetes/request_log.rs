//! The log lines of requests: one at DEBUG for each time that a request is sent. They name the object, and have nothing of its
//! content and no text of the server, which may quote content.

use std::{
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Instant,
};

use super::error::Error;

/// The transmissions of one logical request: the first one, and those that repeat it after a transient error or a 401.
pub(super) struct RequestLog {
    id: String,
    transmissions: AtomicU32,
}

/// What a request does, in the terms of Kubernetes' audit log.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    /// `get`, `list`, `patch` or `delete`.
    pub(super) verb: &'static str,
    /// The object, such as `VirtualService/pci/payments`, or the path of a collection or of another document.
    pub(super) target: String,
    /// Whether the server validates the request without doing it.
    pub(super) dry_run: bool,
}

/// One transmission of a request. It is logged when it ends, also where it is given up because the time is over.
pub(super) struct Transmission<'a> {
    operation: &'a Operation,
    request_id: &'a str,
    attempt: u32,
    started: Instant,
    outcome: Outcome,
}

#[derive(Default)]
struct Outcome {
    status: Option<u16>,
    /// The reason of an error status in one word, such as `Conflict`, or why there is no status.
    error: Option<String>,
}

impl RequestLog {
    pub(super) fn new() -> Self {
        Self { id: format!("{:016x}", fastrand::u64(..)), transmissions: AtomicU32::new(0) }
    }

    /// Begins the next transmission.
    pub(super) fn begin<'a>(&'a self, operation: &'a Operation) -> Transmission<'a> {
        Transmission {
            operation,
            request_id: &self.id,
            attempt: self.transmissions.fetch_add(1, Relaxed) + 1,
            started: Instant::now(),
            outcome: Outcome { status: None, error: Some("given up".to_owned()) },
        }
    }
}

impl Transmission<'_> {
    /// The value of the `Audit-ID` header, under which the API server records the request in its audit log. Each transmission
    /// is an event of its own there.
    pub(super) fn audit_id(&self) -> String {
        format!("{}-{}", self.request_id, self.attempt)
    }

    /// Ends the transmission with a response, or with an error without one.
    pub(super) fn end(mut self, status: Option<u16>, error: Option<&Error>) {
        let error = error.map(|error| match error {
            Error::Api(status) => status.reason.clone(),
            error => error.to_string(),
        });
        self.outcome = Outcome { status, error: error.filter(|error| !error.is_empty()) };
    }
}

impl Drop for Transmission<'_> {
    fn drop(&mut self) {
        let Self { operation: Operation { verb, target, dry_run }, request_id, attempt, started, outcome } = self;
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(
            verb,
            object = target,
            dry_run,
            status = outcome.status,
            error = outcome.error,
            duration_ms,
            attempt,
            request_id,
            "request"
        );
    }
}
