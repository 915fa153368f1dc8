//! TLS outside of the mesh: of clients, as browsers speak it to a gateway, and of servers.

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
    version::{TLS12, TLS13},
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::certificate::Certificate;

/// The only version that a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// A client that trusts the authority of `certificate` alone.
pub(super) fn connector(certificate: &Certificate, version: TlsVersion) -> TlsConnector {
    let version = match version {
        TlsVersion::Tls12 => &TLS12,
        TlsVersion::Tls13 => &TLS13,
    };
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .expect("the version is supported")
        .with_root_certificates(authority(certificate))
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

/// A server with this certificate. Clients must show one of the authority of `clients`, if there is one.
pub(super) fn acceptor(certificate: &Certificate, clients: Option<&Certificate>) -> TlsAcceptor {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let config = config.expect("the versions are supported");
    let config = match clients {
        None => config.with_no_client_auth(),
        Some(clients) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(authority(clients)), provider);
            config.with_client_cert_verifier(verifier.build().expect("an authority"))
        }
    };
    let chain = CertificateDer::from_pem_slice(certificate.certificate.as_bytes()).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).expect("a key");
    TlsAcceptor::from(Arc::new(config.with_single_cert(vec![chain], key).expect("a certificate and its key")))
}

/// The authority of `certificate` alone.
fn authority(certificate: &Certificate) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(certificate.authority.as_bytes()).expect("a certificate");
    roots.add(authority).expect("a certificate");
    roots
}
