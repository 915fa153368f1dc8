//! A client and the credentials that it shows. Made on first use; made anew when the credentials are over, and once when the
//! server says 401, with files read and plugins run again. Whoever comes meanwhile waits for the one that is being made.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{Request, Response, StatusCode};
use kube::{Client, client::Body, config::AuthInfo};
use secrecy::ExposeSecret;
use tokio::{
    sync::{Mutex, OnceCell},
    time::Instant,
};

use super::{connection::Connection, error::Error, exec, target::Target, transport};

/// How long a token file is taken to hold what it held, as in client-go: the kubelet writes a new token long before the old
/// one is over.
const TOKEN_FILE_HOLDS: Duration = Duration::from_mins(1);

/// How long a failure is told again before the plugin is run again: it may take its time, and every object asks.
const FAILURE_HOLDS: Duration = Duration::from_secs(30);

/// The client of now.
#[derive(Default)]
pub(super) struct Sessions {
    target: OnceCell<Target>,
    current: Mutex<Current>,
}

#[derive(Default)]
struct Current {
    session: Option<Arc<Session>>,
    /// Why there is no newer one.
    failed: Option<(Instant, Error)>,
}

/// One client with one set of credentials.
pub(super) struct Session {
    client: Client,
    server: String,
    until: Option<SystemTime>,
    /// Made since the server said 401.
    renewed: bool,
    /// The server has known us since.
    accepted: AtomicBool,
}

impl Sessions {
    /// The session of now, or a new one where there is none or its credentials are over.
    pub(super) async fn current(&self, connection: &Connection) -> Result<Arc<Session>, Error> {
        let mut current = self.current.lock().await;
        match &current.session {
            Some(session) if session.until.is_none_or(|until| SystemTime::now() < until) => Ok(session.clone()),
            _ => self.replace(&mut current, connection, false).await,
        }
    }

    /// The session after `refused`, to which the server said 401. `None`: its credentials were read anew for that very
    /// reason and were never good, so that reading them again would only ask a plugin for the same, once a request.
    pub(super) async fn after(
        &self,
        refused: &Arc<Session>,
        connection: &Connection,
    ) -> Result<Option<Arc<Session>>, Error> {
        let mut current = self.current.lock().await;
        match &current.session {
            // Somebody was here before us.
            Some(session) if !Arc::ptr_eq(session, refused) => Ok(Some(session.clone())),
            _ if refused.renewed && !refused.accepted.load(Relaxed) => Ok(None),
            _ => self.replace(&mut current, connection, true).await.map(Some),
        }
    }

    async fn replace(
        &self,
        current: &mut Current,
        connection: &Connection,
        renewed: bool,
    ) -> Result<Arc<Session>, Error> {
        if let Some((at, error)) = &current.failed
            && at.elapsed() < FAILURE_HOLDS
        {
            return Err(error.clone());
        }
        match self.connect(connection, renewed).await {
            Ok(session) => {
                let session = Arc::new(session);
                *current = Current { session: Some(session.clone()), failed: None };
                Ok(session)
            }
            Err(error) => {
                current.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    async fn connect(&self, connection: &Connection, renewed: bool) -> Result<Session, Error> {
        let target = self.target.get_or_try_init(async || Target::of(connection)).await?;
        let (user, until) = credentials(target).await?;
        let config = target.config(user)?;
        let client = Client::try_from(config).map_err(|error| transport::unusable(&error))?;
        let server = target.place();
        tracing::debug!(server, renewed, "session");
        Ok(Session { client, server, until, renewed, accepted: AtomicBool::new(false) })
    }
}

impl Session {
    /// Sends one request.
    pub(super) async fn send(&self, request: Request<Body>) -> Result<Response<Body>, Error> {
        let response = self.client.send(request).await.map_err(|error| transport::told(&error, &self.server))?;
        if response.status() != StatusCode::UNAUTHORIZED && !response.status().is_server_error() {
            self.accepted.store(true, Relaxed);
        }
        Ok(response)
    }
}

/// The user with credentials in place of the files and plugins that hold them, and until when they are good. A token beats a
/// token file, and that a plugin.
async fn credentials(target: &Target) -> Result<(AuthInfo, Option<SystemTime>), Error> {
    let mut user = target.user.clone();
    let (file, plugin) = (user.token_file.take(), user.exec.take());
    let mut until = None;
    if let Some(token) = user.token.take() {
        user.token =
            Some(bearer(token.expose_secret(), "token (or KUBE_TOKEN), or the token of the kubeconfig's user,")?);
    } else if let Some(path) = file {
        let token = fs::read_to_string(&path)
            .map_err(|e| Error::Connection(format!("The token file {path} can't be read: {e}.")))?;
        user.token = Some(bearer(&token, &format!("The token file {path}"))?);
        until = Some(SystemTime::now() + TOKEN_FILE_HOLDS);
    } else if let Some(plugin) = plugin {
        let given = exec::run(&plugin, &target.cluster).await?;
        user.token = given.token.map(|token| bearer(&token, "The token of the exec plugin")).transpose()?;
        if let Some((certificate, key)) = given.certificate {
            user.client_certificate_data = Some(STANDARD.encode(certificate));
            user.client_key_data = Some(STANDARD.encode(key).into());
        }
        until = given.until;
    }
    Ok((user, until))
}

/// A token as a header holds it: files and `file()` end in a line feed, which kube doesn't survive.
fn bearer(token: &str, whence: &str) -> Result<secrecy::SecretString, Error> {
    let token = token.trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let why = if token.is_empty() { "is empty" } else { "has characters that no token has" };
        return Err(Error::Connection(format!("{whence} {why}.")));
    }
    Ok(token.into())
}
