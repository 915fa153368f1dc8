//! Mutual TLS with the host: each side pins the certificate that the other one has made for this process.
//!
//! The host's certificate is an ECDSA P-521 certificate of a CA. The usual verifiers refuse a CA as an end entity, and
//! with a crypto provider that lacks P-521 the host doesn't even send it. So this module has a verifier of its own,
//! over aws-lc-rs, which compares the bytes of the certificate.

use std::sync::Arc;

use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::{
    DigitallySignedStruct, DistinguishedName as Subject, Error as TlsError, ServerConfig, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject as _},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};
use tokio_rustls::TlsAcceptor;

/// Why TLS can't be set up.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// `PLUGIN_CLIENT_CERT` isn't PEM.
    #[error("the host's certificate (PLUGIN_CLIENT_CERT) can't be read: {0}")]
    HostCertificate(#[from] rustls::pki_types::pem::Error),
    /// The plugin's own certificate can't be made.
    #[error("can't make a certificate: {0}")]
    OwnCertificate(#[from] rcgen::Error),
    /// rustls refuses the configuration of the two certificates.
    #[error("can't set up TLS: {0}")]
    Config(#[from] TlsError),
}

/// The plugin's side of mutual TLS.
pub(super) struct TlsServer {
    /// Accepts only clients that hold the key of the host's certificate.
    pub(super) acceptor: TlsAcceptor,
    /// The plugin's own certificate in DER, for the handshake line.
    pub(super) certificate: CertificateDer<'static>,
}

impl TlsServer {
    /// Makes a new key and certificate for the host whose certificate is `pem`. The key never leaves the process.
    pub(super) fn for_host(pem: &str) -> Result<Self, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let host = CertificateDer::from_pem_slice(pem.as_bytes())?;
        let verifier = Arc::new(PinnedCertificateVerifier { host, provider: provider.clone() });
        let (certificate, key) = self_signed_certificate()?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate.clone()], key)?;
        // gRPC clients require it.
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), certificate })
    }
}

/// Makes a P-256 certificate for `localhost`, the name that the host verifies. The host trusts the certificate because
/// it is in the handshake line, so it needn't be a CA. The key exists only as long as the process, so a long validity
/// does no harm.
fn self_signed_certificate() -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "localhost");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = params.self_signed(&key)?.der().clone();
    Ok((certificate, PrivateKeyDer::Pkcs8(key.serialize_der().into())))
}

/// Accepts a client if its certificate is the host's, byte for byte.
#[derive(Debug)]
struct PinnedCertificateVerifier {
    host: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for PinnedCertificateVerifier {
    fn root_hint_subjects(&self) -> &[Subject] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, TlsError> {
        if *end_entity == self.host {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(TlsError::General("this isn't the certificate of the host that started the plugin".to_owned()))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curve_of_the_hosts_certificate_is_supported() {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = PinnedCertificateVerifier { host: vec![0].into(), provider };
        assert!(verifier.supported_verify_schemes().contains(&SignatureScheme::ECDSA_NISTP521_SHA512));
        assert!(verifier.client_auth_mandatory());
    }

    #[test]
    fn malformed_host_certificate_is_an_error() {
        let text = TlsServer::for_host("nonsense").err().unwrap().to_string();
        assert!(text.starts_with("the host's certificate (PLUGIN_CLIENT_CERT) can't be read"), "{text}");
    }
}
