//! Reads the credentials of a user: a token, a token file or the output of an exec plugin.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use kube::config::{AuthInfo, Cluster};

use super::{error::Error, exec, secret::Secret};

/// How long the content of a token file is used before the file is read again. It is as long in client-go: the kubelet writes
/// a new token long before the old one expires.
const TOKEN_FILE_TIME_TO_LIVE: Duration = Duration::from_mins(1);

/// A user whose credentials are in `user` itself, instead of in files and plugins.
pub(super) struct Credentials {
    pub(super) user: AuthInfo,
    /// When they have to be read again; `None` if only a 401 is a reason to.
    pub(super) expires_at: Option<SystemTime>,
}

/// Reads the credentials of `user`. A token takes precedence over a token file, and a token file over an exec plugin.
/// `cluster` is passed to plugins that ask for it.
pub(super) async fn read(user: &AuthInfo, cluster: &Cluster) -> Result<Credentials, Error> {
    let mut user = user.clone();
    let (token_file, exec) = (user.token_file.take(), user.exec.take());
    let mut expires_at = None;
    if let Some(token) = user.token.take() {
        let source = "token (or KUBE_TOKEN), or the token of the kubeconfig's user,";
        user.token = Some(bearer_token(Secret::from(token).expose(), source)?.into());
    } else if let Some(path) = token_file {
        let token = fs::read_to_string(&path)
            .map_err(|e| Error::InvalidConnection(format!("The token file {path} can't be read: {e}.")))?;
        user.token = Some(bearer_token(&token, &format!("The token file {path}"))?.into());
        expires_at = Some(SystemTime::now() + TOKEN_FILE_TIME_TO_LIVE);
    } else if let Some(exec) = exec {
        let credential = exec::run(&exec, cluster).await?;
        if let Some(token) = credential.token {
            user.token = Some(bearer_token(token.expose(), "The token of the exec plugin")?.into());
        }
        if let Some((certificate, key)) = credential.client_certificate {
            user.client_certificate_data = Some(STANDARD.encode(certificate));
            user.client_key_data = Some(STANDARD.encode(key.expose()).into());
        }
        expires_at = credential.expires_at;
    }
    Ok(Credentials { user, expires_at })
}

/// A token as the `Authorization` header needs it. Token files, and values of Terraform's `file()`, end in a line feed, with
/// which kube panics. `source` names the origin of the token in the error.
fn bearer_token(token: &str, source: &str) -> Result<Secret, Error> {
    let token = token.trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let why = if token.is_empty() {
            "is empty"
        } else {
            "contains a space, a control character (such as a line break) or a non-ASCII character, which a bearer token \
             can't have: write only the token, without \"Bearer \""
        };
        return Err(Error::InvalidConnection(format!("{source} {why}.")));
    }
    Ok(token.into())
}
