//! Errors of kube's HTTP client: requests without a response, and clients that can't be built. kube's errors nest up to five
//! deep (rustls in io in hyper in tower in kube).

use std::{error::Error as StdError, fmt::Write as _, io};

use kube::{
    client::RustlsTlsError,
    config::{KubeconfigError, LoadDataError},
};
use rustls::CertificateError;

use super::error::Error;

/// The error of a request to `server` that got no response. A TLS error is permanent and names the argument to set; everything
/// else may be transient. `redact` removes credentials from a text that the server may have written.
pub(super) fn of_request(error: &kube::Error, server: &str, redact: impl Fn(&str) -> String) -> Error {
    let mut messages: Vec<String> = Vec::new();
    let mut refused = false;
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(cause) = next {
        if let Some(tls_error) = tls_error(cause) {
            return Error::Tls(redact(&explain_tls(tls_error, server)));
        }
        let io_error = cause.downcast_ref::<io::Error>();
        refused |= io_error.is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
        messages.push(cause.to_string());
        next = cause.source();
    }
    // Only the innermost error says what happened.
    let dns = messages.iter().any(|message| message.contains("dns error"));
    let mut why =
        if dns { format!("the name in {server} can't be resolved") } else { format!("{server} doesn't answer") };
    if let Some(innermost) = messages.last() {
        let _ = write!(why, ": {}", redact(innermost));
    }
    if dns || refused { Error::NotConnected(why) } else { Error::Unreachable(why) }
}

/// The TLS error in `cause`, which may be inside of I/O errors: their `source` doesn't return it.
fn tls_error<'e>(cause: &'e (dyn StdError + 'static)) -> Option<&'e rustls::Error> {
    match cause.downcast_ref() {
        None => tls_error(cause.downcast_ref::<io::Error>()?.get_ref()?),
        found => found,
    }
}

fn explain_tls(error: &rustls::Error, server: &str) -> String {
    use rustls::Error::{AlertReceived, InvalidCertificate, InvalidMessage};
    match error {
        InvalidCertificate(error) => format!("The certificate of {server} {}", explain_certificate(error)),
        AlertReceived(alert) => format!(
            "{server} ended the TLS handshake: {alert:?}. Check client_certificate and client_key, and tls_server_name."
        ),
        InvalidMessage(_) => {
            format!("{server} doesn't speak TLS. Check host (or server in the kubeconfig), and its port.")
        }
        other => format!("The TLS handshake with {server} failed: {other}. Check host and the certificates."),
    }
}

/// Completes "The certificate of the server …".
fn explain_certificate(error: &CertificateError) -> String {
    match error {
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

/// The error of a client that can't be built from the connection's arguments. It doesn't quote keys.
pub(super) fn of_client(error: &kube::Error) -> Error {
    const ARGUMENTS: &str = "Check client_certificate and client_key (or client-certificate and client-key in the \
                            kubeconfig): both are PEM, and the key belongs to the certificate.";
    Error::InvalidConnection(match error {
        kube::Error::InferKubeconfig(KubeconfigError::LoadClientCertificate(why)) => {
            format!("The client certificate {}. {ARGUMENTS}", explain_load(why))
        }
        kube::Error::InferKubeconfig(KubeconfigError::LoadClientKey(why)) => {
            format!("The key of the client certificate {}. {ARGUMENTS}", explain_load(why))
        }
        // Only the authorities of the machine have errors of this kind.
        kube::Error::RustlsTls(RustlsTlsError::AddRootCertificate(why))
            if matches!(why.downcast_ref(), Some(rustls::Error::General(_))) =>
        {
            format!(
                "The certificate of the API server can't be verified: this machine trusts no certificate authority ({why}). \
                 Set cluster_ca_certificate (or certificate-authority in the kubeconfig) to the cluster's certificate \
                 authority, or install the system's (package ca-certificates)."
            )
        }
        kube::Error::RustlsTls(RustlsTlsError::AddRootCertificate(why)) => {
            format!("The certificate authority of the API server can't be used: {why}. Check cluster_ca_certificate.")
        }
        kube::Error::RustlsTls(RustlsTlsError::InvalidServerName(_)) => {
            "tls_server_name isn't a valid server name. Write a DNS name or an IP address that the API server's \
             certificate contains, without scheme and port."
                .to_owned()
        }
        kube::Error::RustlsTls(_) => format!("The client certificate and its key can't be used together. {ARGUMENTS}"),
        other => format!("No connection can be made of the provider's arguments: {other}."),
    })
}

/// Completes "The client certificate …".
fn explain_load(error: &LoadDataError) -> String {
    match error {
        LoadDataError::DecodeBase64(_) => "isn't base64".to_owned(),
        LoadDataError::ReadFile(io, path) => format!("can't be read from {}: {io}", path.display()),
        LoadDataError::NoBase64DataOrFile => "is missing".to_owned(),
    }
}
