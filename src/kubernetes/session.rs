//! HTTP clients with credentials, which are renewed when they expire and when the server answers 401. Requests that need a
//! client while another one is being made wait for it, so that a plugin runs once for all of them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

use http::{Request, Response, StatusCode};
use kube::{Client, client::Body};
use tokio::{
    sync::{Mutex, OnceCell},
    time::Instant,
};

use super::{
    connection::Connection, credentials, error::Error, known_secrets::KnownSecrets,
    resolved_connection::ResolvedConnection, transport_error,
};

/// How long a failure to connect is returned to later requests before the next attempt. Every object asks for a session, and a
/// plugin that fails may be slow.
const FAILURE_TIME_TO_LIVE: Duration = Duration::from_secs(30);

/// Holds the current session of one cluster.
#[derive(Default)]
pub(super) struct SessionManager {
    /// Resolved once: if the kubeconfig's current context changes during an apply, the rest of the apply must not go to
    /// another cluster.
    connection: OnceCell<ResolvedConnection>,
    state: Mutex<SessionState>,
}

#[derive(Default)]
struct SessionState {
    session: Option<Arc<Session>>,
    /// When and why the last attempt to make a newer session failed.
    failure: Option<(Instant, Error)>,
}

/// An HTTP client with one set of credentials.
pub(super) struct Session {
    client: Client,
    /// The API server, and the proxy if there is one, as messages show them.
    server: String,
    /// The credentials of this session and of those before it, whose answers may still come.
    secrets: KnownSecrets,
    /// When the credentials have to be read again.
    expires_at: Option<SystemTime>,
    /// Whether the credentials were read because the server answered 401 to the previous ones.
    is_renewal: bool,
    /// Whether the server has accepted the credentials at least once.
    accepted: AtomicBool,
}

impl SessionManager {
    /// The current session. A new one is made if there is none yet or its credentials have expired.
    pub(super) async fn current(&self, connection: &Connection) -> Result<Arc<Session>, Error> {
        let mut state = self.state.lock().await;
        match &state.session {
            Some(session) if session.expires_at.is_none_or(|at| SystemTime::now() < at) => Ok(session.clone()),
            // As in client-go, the last token is used while the file can't be read. It is tried again with each request.
            Some(session) if self.reads_token_file() => match self.connect(connection, Some(session), false).await {
                Ok(session) => Ok(state.replace_session(session)),
                Err(error) => {
                    tracing::warn!(%error, "the token file can't be read again, so its last token is used");
                    Ok(session.clone())
                }
            },
            _ => self.replace(&mut state, connection, false).await,
        }
    }

    /// The session to use after the server answered 401 to `rejected`. Returns `None` if the credentials of `rejected` were
    /// themselves read after a 401 and were never accepted: reading them again with each request would only run a plugin again
    /// for the same credentials.
    pub(super) async fn renew(
        &self,
        rejected: &Arc<Session>,
        connection: &Connection,
    ) -> Result<Option<Arc<Session>>, Error> {
        let mut state = self.state.lock().await;
        match &state.session {
            // A concurrent request has renewed it already.
            Some(session) if !Arc::ptr_eq(session, rejected) => Ok(Some(session.clone())),
            _ if rejected.is_renewal && !rejected.accepted.load(Relaxed) => Ok(None),
            _ => self.replace(&mut state, connection, true).await.map(Some),
        }
    }

    async fn replace(
        &self,
        state: &mut SessionState,
        connection: &Connection,
        is_renewal: bool,
    ) -> Result<Arc<Session>, Error> {
        if let Some((failed_at, error)) = &state.failure
            && failed_at.elapsed() < FAILURE_TIME_TO_LIVE
        {
            return Err(error.clone());
        }
        match self.connect(connection, state.session.as_deref(), is_renewal).await {
            Ok(session) => Ok(state.replace_session(session)),
            Err(error) => {
                state.failure = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// Whether the credentials are a token in a file.
    fn reads_token_file(&self) -> bool {
        self.connection
            .get()
            .is_some_and(|connection| connection.user.token.is_none() && connection.user.token_file.is_some())
    }

    async fn connect(
        &self,
        connection: &Connection,
        previous: Option<&Session>,
        is_renewal: bool,
    ) -> Result<Session, Error> {
        let connection = self.connection.get_or_try_init(async || ResolvedConnection::new(connection)).await?;
        let credentials = credentials::read(&connection.user, &connection.cluster).await?;
        let mut secrets = previous.map(|session| session.secrets.clone()).unwrap_or_default();
        for user in [&connection.user, &credentials.user] {
            secrets.add_user(user);
        }
        secrets.add_proxy(connection.proxy.as_ref());
        let config = connection.client_config(credentials.user)?;
        let client = Client::try_from(config).map_err(|error| transport_error::of_client(&error))?;
        let server = connection.display_name();
        tracing::debug!(server, renewed = is_renewal, "session");
        let (expires_at, accepted) = (credentials.expires_at, AtomicBool::new(false));
        Ok(Session { client, server, secrets, expires_at, is_renewal, accepted })
    }
}

impl SessionState {
    fn replace_session(&mut self, session: Session) -> Arc<Session> {
        let session = Arc::new(session);
        *self = Self { session: Some(session.clone()), failure: None };
        session
    }
}

impl Session {
    /// Sends one request. A response with any status is `Ok`.
    pub(super) async fn send(&self, request: Request<Body>) -> Result<Response<Body>, Error> {
        let error = |error| transport_error::of_request(&error, &self.server, |text| self.redact(text));
        let response = self.client.send(request).await.map_err(error)?;
        if response.status() != StatusCode::UNAUTHORIZED && !response.status().is_server_error() {
            self.accepted.store(true, Relaxed);
        }
        Ok(response)
    }

    /// A text of the server without credentials.
    pub(super) fn redact(&self, text: &str) -> String {
        self.secrets.redact(text)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    /// Marks the credentials of the current session as expired.
    async fn expire(sessions: &SessionManager) {
        let mut state = sessions.state.lock().await;
        let session = Arc::get_mut(state.session.as_mut().unwrap()).unwrap();
        session.expires_at = Some(SystemTime::UNIX_EPOCH);
    }

    #[tokio::test]
    async fn last_token_is_used_while_its_file_cannot_be_read() {
        let folder = TempDir::new().unwrap();
        let (token, config) = (folder.path().join("token"), folder.path().join("config"));
        let kubeconfig = r#"{
            "current-context": "a",
            "contexts": [{ "name": "a", "context": { "cluster": "a", "user": "a" } }],
            "clusters": [{ "name": "a", "cluster": { "server": "http://127.0.0.1:9" } }],
            "users": [{ "name": "a", "user": { "tokenFile": "token" } }]
        }"#;
        fs::write(&config, kubeconfig).unwrap();
        let connection =
            Connection { config_paths: vec![config.to_string_lossy().into_owned()], ..Connection::default() };
        let sessions = SessionManager::default();
        fs::write(&token, "t1").unwrap();
        let first = Arc::as_ptr(&sessions.current(&connection).await.unwrap());
        expire(&sessions).await;
        fs::remove_file(&token).unwrap();
        assert!(std::ptr::eq(first, Arc::as_ptr(&sessions.current(&connection).await.unwrap())));
        fs::write(&token, "").unwrap();
        assert!(std::ptr::eq(first, Arc::as_ptr(&sessions.current(&connection).await.unwrap())));
        fs::write(&token, "t2").unwrap();
        assert!(!std::ptr::eq(first, Arc::as_ptr(&sessions.current(&connection).await.unwrap())), "it is read again");
    }
}
