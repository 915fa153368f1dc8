//! Sends requests to one API server: connects on first use, renews credentials after a 401, and retries transient errors.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use tokio::time::Instant;

use super::{
    api_request::{ApiRequest, ApiResponse},
    connection::Connection,
    deadline::Deadline,
    error::Error,
    request_log::RequestLog,
    retry::{self, FIRST_CONTACT_TIMEOUT},
    session::SessionManager,
};
use crate::known::Known;

/// A client of one API server, shared by all resources of a provider instance.
pub(super) struct ApiClient {
    connection: Known<Connection>,
    sessions: SessionManager,
    /// Whether the server has ever answered, with whatever status.
    has_answered: AtomicBool,
    /// The error of the request that waited [`FIRST_CONTACT_TIMEOUT`] in vain for a server that refuses connections or whose
    /// name can't be resolved. A server that is only slow isn't remembered: later requests may have more time. All later requests fail with it at once, so
    /// that a wrong address doesn't cost each of a thousand resources that time.
    unreachable: OnceLock<Error>,
}

impl ApiClient {
    pub(super) fn new(connection: Known<Connection>) -> Self {
        Self {
            connection,
            sessions: SessionManager::default(),
            has_answered: AtomicBool::new(false),
            unreachable: OnceLock::new(),
        }
    }

    /// Sends a request, and again after transient errors until `deadline`.
    pub(super) async fn send(&self, request: &ApiRequest, deadline: &Deadline) -> Result<ApiResponse, Error> {
        if let Some(error) = self.unreachable.get().filter(|_| !self.has_answered()) {
            return Err(error.clone());
        }
        let started = Instant::now();
        let log = RequestLog::new();
        let attempt = || self.send_authenticated(request, deadline, &log);
        let response = retry::with_backoff(deadline, request.is_write(), || self.has_answered(), attempt).await;
        if let Err(error @ Error::NotConnected(_)) = &response
            && !self.has_answered()
            && started.elapsed() >= FIRST_CONTACT_TIMEOUT
        {
            // A concurrent request may have set its own error before, which says the same.
            let _ = self.unreachable.set(error.clone());
        }
        response
    }

    pub(super) fn is_unknown(&self) -> bool {
        self.connection.is_err()
    }

    fn has_answered(&self) -> bool {
        self.has_answered.load(Relaxed)
    }

    /// Sends a request once, and once more with new credentials if the server answers 401.
    async fn send_authenticated(
        &self,
        request: &ApiRequest,
        deadline: &Deadline,
        log: &RequestLog,
    ) -> Result<ApiResponse, Error> {
        let connection = self.connection.as_ref().map_err(|_| Error::UnknownConnection)?;
        let session = deadline.pause(self.sessions.current(connection)).await?;
        let response = request.send(&session, log).await;
        if response.as_ref().err().is_none_or(|error| error.status().is_some()) {
            self.has_answered.store(true, Relaxed);
        }
        if !response.as_ref().is_err_and(Error::is_unauthorized) {
            return response;
        }
        match deadline.pause(self.sessions.renew(&session, connection)).await? {
            Some(session) => request.send(&session, log).await,
            None => response,
        }
    }
}
