//! Certificates of servers, each of an authority of its own.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::{Value as Json, json};

/// A server's certificate and key, as PEM.
pub(crate) struct Certificate {
    /// The certificate of the authority that signed it.
    pub(crate) authority: String,
    /// The server's certificate.
    pub(crate) certificate: String,
    /// The server's key.
    pub(crate) key: String,
}

impl Certificate {
    /// A certificate for these DNS names.
    pub(crate) fn of_hosts(hosts: &[&str]) -> Self {
        let authority_key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "authority of the tests");
        let authority = params.self_signed(&authority_key).expect("a certificate").pem();
        let issuer = Issuer::new(params, authority_key);
        let key = KeyPair::generate().expect("a key");
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let certificate = CertificateParams::new(hosts).expect("DNS names").signed_by(&key, &issuer);
        Self { authority, certificate: certificate.expect("a certificate").pem(), key: key.serialize_pem() }
    }

    /// The Secret that `credentialName` of a server names.
    pub(crate) fn secret(&self, namespace: &str, name: &str) -> Json {
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": { "name": name, "namespace": namespace },
            "stringData": { "tls.crt": self.certificate, "tls.key": self.key, "ca.crt": self.authority },
        })
    }
}
