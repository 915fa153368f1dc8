//! Why no answer came, from errors that nest five deep: rustls in io in hyper in tower in kube. What a certificate says is
//! told as the argument to set; it doesn't pass, so nobody waits for it. The rest may pass.

use std::{error::Error as StdError, fmt::Write as _, io};

use http::Uri;
use kube::{
    client::RustlsTlsError,
    config::{KubeconfigError, LoadDataError},
};
use rustls::CertificateError;

use super::error::Error;

/// An address as messages show it: without user and password.
pub(super) fn place(uri: &Uri) -> String {
    let port = uri.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}", uri.scheme_str().unwrap_or("https"), uri.host().unwrap_or_default())
}

/// An error of the HTTP client on the way to `server`.
pub(super) fn told(error: &kube::Error, server: &str) -> Error {
    let mut texts: Vec<String> = Vec::new();
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(cause) = next {
        if let Some(tls) = tls(cause) {
            return Error::Tls(trust(tls, server));
        }
        texts.push(cause.to_string());
        next = cause.source();
    }
    // The innermost says what happened; what wraps it says mostly "error".
    let dns = texts.iter().any(|text| text.contains("dns error"));
    let mut why =
        if dns { format!("the name in {server} can't be resolved") } else { format!("{server} doesn't answer") };
    if let Some(text) = texts.last() {
        let _ = write!(why, ": {text}");
    }
    Error::Unreachable(why)
}

/// An I/O error hides what it wraps from `source`, and wraps others of its kind.
fn tls<'e>(cause: &'e (dyn StdError + 'static)) -> Option<&'e rustls::Error> {
    match cause.downcast_ref() {
        None => tls(cause.downcast_ref::<io::Error>()?.get_ref()?),
        found => found,
    }
}

fn trust(error: &rustls::Error, server: &str) -> String {
    use rustls::Error::{AlertReceived, InvalidCertificate, InvalidMessage};
    match error {
        InvalidCertificate(why) => format!("The certificate of {server} {}", certificate(why)),
        AlertReceived(alert) => format!(
            "{server} ended the TLS handshake: {alert:?}. Check client_certificate and client_key, and tls_server_name."
        ),
        InvalidMessage(_) => {
            format!("{server} doesn't speak TLS. Check host (or server in the kubeconfig), and its port.")
        }
        other => format!("The TLS handshake with {server} failed: {other}. Check host and the certificates."),
    }
}

fn certificate(why: &CertificateError) -> String {
    match why {
        CertificateError::UnknownIssuer => {
            "is signed by an authority that we don't know. Set cluster_ca_certificate (or certificate-authority in the \
             kubeconfig) to the cluster's certificate authority."
                .to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => format!(
            "is not for {}, but for {}. Set tls_server_name to a name that it is for, or correct host.",
            expected.to_str(),
            presented.join(", ")
        ),
        CertificateError::NotValidForName => {
            "is for another name. Set tls_server_name to a name that it is for, or correct host.".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "has expired. Renew it on the API server, and check this machine's clock.".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "isn't valid yet. Check this machine's clock.".to_owned()
        }
        other => format!("can't be trusted: {other}. Check cluster_ca_certificate and tls_server_name."),
    }
}

/// What no client can be made of. Of keys nothing is quoted.
pub(super) fn unusable(error: &kube::Error) -> Error {
    const IDENTITY: &str = "Check client_certificate and client_key (or client-certificate and client-key in the \
                            kubeconfig): both are PEM, and the key belongs to the certificate.";
    Error::Connection(match error {
        kube::Error::InferKubeconfig(KubeconfigError::LoadClientCertificate(why)) => {
            format!("The client certificate {}. {IDENTITY}", load(why))
        }
        kube::Error::InferKubeconfig(KubeconfigError::LoadClientKey(why)) => {
            format!("The key of the client certificate {}. {IDENTITY}", load(why))
        }
        kube::Error::RustlsTls(RustlsTlsError::AddRootCertificate(why)) => {
            format!("The certificate authority of the API server can't be used: {why}. Check cluster_ca_certificate.")
        }
        kube::Error::RustlsTls(RustlsTlsError::InvalidServerName(_)) => {
            "tls_server_name is no name of a server.".to_owned()
        }
        kube::Error::RustlsTls(_) => format!("The client certificate and its key can't be used together. {IDENTITY}"),
        other => format!("No connection can be made of the provider's arguments: {other}."),
    })
}

fn load(why: &LoadDataError) -> String {
    match why {
        LoadDataError::DecodeBase64(_) => "isn't base64".to_owned(),
        LoadDataError::ReadFile(error, path) => format!("can't be read from {}: {error}", path.display()),
        LoadDataError::NoBase64DataOrFile => "is missing".to_owned(),
    }
}
