//! Mutual TLS with the host: each side pins the one certificate that the other made for this process.
//!
//! The host's certificate is ECDSA P-521 and a CA's. The usual verifiers refuse a CA as an end entity, and a provider of
//! cryptography without P-521 never even gets it shown, so the verifier is ours, over aws-lc-rs: the bytes must be equal.

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

/// Why there is no TLS to offer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// PLUGIN_CLIENT_CERT isn't PEM.
    #[error("the host's certificate (PLUGIN_CLIENT_CERT) can't be read: {0}")]
    Host(#[from] rustls::pki_types::pem::Error),
    /// Our own certificate.
    #[error("can't make a certificate: {0}")]
    Own(#[from] rcgen::Error),
    /// The two together.
    #[error("can't set up TLS: {0}")]
    Tls(#[from] TlsError),
}

/// Our end: accepts connections, and shows this certificate.
pub(super) struct Identity {
    /// Accepts whoever holds the host's certificate.
    pub(super) acceptor: TlsAcceptor,
    /// DER, for the handshake line.
    pub(super) certificate: CertificateDer<'static>,
}

impl Identity {
    /// A fresh identity for one host, whose certificate is `pem`. The key never leaves memory.
    pub(super) fn for_host(pem: &str) -> Result<Self, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let pin = Arc::new(Pin { host: CertificateDer::from_pem_slice(pem.as_bytes())?, provider: provider.clone() });
        let (certificate, key) = own()?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(pin)
            .with_single_cert(vec![certificate.clone()], key)?;
        // gRPC's clients insist on it.
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), certificate })
    }
}

/// P-256 for `localhost`, the name that the host checks. The host trusts it because it stands in the handshake line, so it
/// needn't be a CA's; it ends with the process, so its long validity harms nobody.
fn own() -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "localhost");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = params.self_signed(&key)?.der().clone();
    Ok((certificate, PrivateKeyDer::Pkcs8(key.serialize_der().into())))
}

/// Lets in whoever holds the key of one certificate.
#[derive(Debug)]
struct Pin {
    host: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for Pin {
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
    fn the_hosts_curve_is_understood() {
        let pin = Pin { host: vec![0].into(), provider: Arc::new(aws_lc_rs::default_provider()) };
        assert!(pin.supported_verify_schemes().contains(&SignatureScheme::ECDSA_NISTP521_SHA512));
        assert!(pin.client_auth_mandatory());
    }

    #[test]
    fn a_certificate_that_is_none_is_an_error() {
        let text = Identity::for_host("nonsense").err().unwrap().to_string();
        assert!(text.starts_with("the host's certificate (PLUGIN_CLIENT_CERT) can't be read"), "{text}");
    }
}
