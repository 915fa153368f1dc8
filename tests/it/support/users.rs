//! Who asks the API server: users with exactly the rights that docs/guides/rbac.md hands out, and their kubeconfigs.

use std::fmt;

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use serde_json::{Value as Json, json};

use super::control_plane::{repository, yaml};

/// One who may ask.
pub(crate) struct User {
    /// As RBAC knows it.
    pub(crate) name: String,
    /// What proves it.
    pub(crate) credential: Credential,
}

/// What proves who asks.
pub(crate) enum Credential {
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
    pub(crate) fn kubeconfig(&self, server: &str, certificate_authority: Option<&str>) -> String {
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
pub(crate) enum Grant {
    /// An application team, in its namespace.
    AppTeam,
    /// The platform team, in the root namespace.
    Platform,
    /// Beside the platform's: the doors of gateways, in their namespace.
    GatewayAccess,
    /// Likewise: the guardrails of the mesh whose root the namespace is.
    Guardrails,
    /// Reads, and so plans.
    Plan,
    /// The platform team, in the namespaces that it makes.
    Namespaces,
    /// Beside it: what is in them, before they go.
    NamespacesDestroy,
    /// Beside one of the others: what live checks look at in a team's namespace.
    LiveChecks,
    /// Likewise, in a namespace that is called.
    LiveChecksCalled,
    /// Likewise, in the root namespace.
    LiveChecksRoot,
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AppTeam => "app-team",
            Self::Platform => "platform",
            Self::GatewayAccess => "gateway-access",
            Self::Guardrails => "guardrails",
            Self::Plan => "plan",
            Self::Namespaces => "namespaces",
            Self::NamespacesDestroy => "namespaces-destroy",
            Self::LiveChecks => "live-checks",
            Self::LiveChecksCalled => "live-checks-called",
            Self::LiveChecksRoot => "live-checks-root",
        })
    }
}

impl Grant {
    /// The documented manifests as a reader would adapt them: for `namespace` and `subject`.
    pub(crate) fn manifests(self, namespace: &str, subject: &Json) -> Vec<Json> {
        let mut manifests = documented(&self.to_string());
        for manifest in &mut manifests {
            let of_cluster = manifest["kind"].as_str().is_some_and(|kind| kind.starts_with("Cluster"));
            let text = manifest.to_string();
            if of_cluster && text.contains("-istio-system") {
                // Names say which mesh they are for.
                let adapted = text.replace("-istio-system", &format!("-{namespace}"));
                *manifest = serde_json::from_str(&adapted).expect("JSON");
            } else if of_cluster {
                // Each test has its own.
                for name in ["/metadata/name", "/roleRef/name"] {
                    if let Some(Json::String(name)) = manifest.pointer_mut(name) {
                        *name = format!("{name}-{namespace}");
                    }
                }
            } else {
                manifest["metadata"]["namespace"] = namespace.into();
            }
            if manifest.get("subjects").is_some() {
                manifest["subjects"] = json!([subject]);
            }
        }
        manifests
    }
}

/// The manifests of examples/rbac/`name`.yaml as they are.
pub(crate) fn documented(name: &str) -> Vec<Json> {
    let file = repository().join(format!("examples/rbac/{name}.yaml"));
    yaml(&std::fs::read_to_string(&file).expect("reading examples/rbac"))
}

/// Signs client certificates that the API server takes for users.
pub(crate) struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new one.
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "users of the tests");
        let pem = authority.self_signed(&key).expect("a certificate").pem();
        Self { pem, issuer: Issuer::new(authority, key) }
    }

    /// Its certificate.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// A user `name` of `groups`: CN and O, which is how Kubernetes reads a client certificate.
    pub(crate) fn user(&self, name: &str, groups: &[&str]) -> User {
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
