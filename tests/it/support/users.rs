//! Who asks the API server: users with exactly the rights that docs/guides/rbac.md hands out, and their kubeconfigs.

use std::fmt;

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use serde_json::{Value as Json, json};

use super::control_plane::{repository, yaml};

/// One who may ask.
pub struct User {
    /// As RBAC knows it.
    pub name: String,
    /// What proves it.
    pub credential: Credential,
}

/// What proves who asks.
pub enum Credential {
    /// A bearer token.
    Token(String),
    /// A client certificate and its key, as PEM.
    Certificate {
        /// The certificate.
        certificate: String,
        /// Its key.
        key: String,
    },
}

impl User {
    /// A kubeconfig (JSON is YAML) for `server`, with one context, `throwaway`.
    pub fn kubeconfig(&self, server: &str, certificate_authority: Option<&str>) -> String {
        let mut cluster = json!({ "server": server });
        if let Some(pem) = certificate_authority {
            cluster["certificate-authority-data"] = base64(pem).into();
        }
        let user = match &self.credential {
            Credential::Token(token) => json!({ "token": token }),
            Credential::Certificate { certificate, key } => {
                json!({ "client-certificate-data": base64(certificate), "client-key-data": base64(key) })
            }
        };
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "throwaway",
            "clusters": [{ "name": "throwaway", "cluster": cluster }],
            "users": [{ "name": "user", "user": user }],
            "contexts": [{ "name": "throwaway", "context": { "cluster": "throwaway", "user": "user" } }],
        })
        .to_string()
    }
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// The rights that docs/guides/rbac.md documents, by the file in examples/rbac.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// An application team, in its namespace.
    AppTeam,
    /// The platform team, in the root namespace.
    Platform,
    /// Reads, and so plans.
    Plan,
    /// Which cluster it is; not bound to a namespace.
    ClusterIdentity,
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AppTeam => "app-team",
            Self::Platform => "platform",
            Self::Plan => "plan",
            Self::ClusterIdentity => "cluster-identity",
        })
    }
}

impl Grant {
    /// The documented manifests as a reader would adapt them: for `namespace` and `subject`.
    pub fn manifests(self, namespace: &str, subject: &Json) -> Vec<Json> {
        let file = repository().join(format!("examples/rbac/{self}.yaml"));
        let mut manifests = yaml(&std::fs::read_to_string(&file).expect("reading examples/rbac"));
        for manifest in &mut manifests {
            if self != Self::ClusterIdentity {
                manifest["metadata"]["namespace"] = namespace.into();
            }
            if manifest["kind"] == "RoleBinding" {
                manifest["subjects"] = json!([subject]);
            }
        }
        manifests
    }
}

/// Signs client certificates that the API server takes for users.
pub struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new one.
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "users of the tests");
        let pem = authority.self_signed(&key).expect("a certificate").pem();
        Self { pem, issuer: Issuer::new(authority, key) }
    }

    /// Its certificate.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A user `name` of `groups`: CN and O, which is how Kubernetes reads a client certificate.
    pub fn user(&self, name: &str, groups: &[&str]) -> User {
        let key = KeyPair::generate().expect("a key");
        let mut user = CertificateParams::default();
        user.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        user.distinguished_name.push(DnType::CommonName, name);
        for group in groups {
            user.distinguished_name.push(DnType::OrganizationName, *group);
        }
        let certificate = user.signed_by(&key, &self.issuer).expect("a certificate").pem();
        User { name: name.to_owned(), credential: Credential::Certificate { certificate, key: key.serialize_pem() } }
    }
}
