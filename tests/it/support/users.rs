//! Users with exactly the rights that docs/guides/rbac.md documents, and their kubeconfigs.

use std::fmt;

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use serde_json::{Value as Json, json};

use super::control_plane::{parse_yaml, repository_root};

/// A user of the API server.
pub(crate) struct User {
    /// User name as RBAC subjects have it.
    pub(crate) name: String,
    /// How the user authenticates.
    pub(crate) credential: Credential,
}

/// How a user authenticates.
pub(crate) enum Credential {
    /// A bearer token.
    Token(String),
    /// A client certificate, as PEM.
    Certificate {
        /// The certificate.
        certificate: String,
        /// The private key of the certificate.
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
    /// In addition to [`Self::Platform`]: the ALLOW policies of gateways, in the gateways' namespace.
    GatewayAccess,
    /// In addition to [`Self::Platform`]: the verification of tokens in one namespace.
    JwtNamespaces,
    /// In addition to [`Self::Platform`]: the guardrails of the mesh whose root namespace this is.
    Guardrails,
    /// A pipeline that only reads, and so only plans.
    Plan,
    /// The platform team, for the Namespaces that it creates.
    Namespaces,
    /// In addition to [`Self::Namespaces`]: listing the contents of a Namespace before its deletion.
    NamespacesDestroy,
    /// In addition to [`Self::Namespaces`]: the EnvoyFilters of rate limits.
    NamespacesRateLimits,
    /// In addition to one of the others: what live checks read in a team's namespace.
    LiveChecks,
    /// In addition to one of the others: what live checks read in the namespace of a called service.
    LiveChecksCalled,
    /// In addition to one of the others: what live checks read in the root namespace.
    LiveChecksRoot,
    /// In addition to one of the others: the Sidecars of all namespaces.
    LiveChecksSidecars,
    /// In addition to one of the others: the VirtualServices of all namespaces.
    LiveChecksIngress,
    /// In addition to [`Self::Platform`]: the Gateways of all namespaces, and the policies that let their clients in.
    LiveChecksGateways,
    /// What `mesh_cluster` reads of all namespaces.
    MeshCluster,
    /// In addition to [`Self::MeshCluster`]: the control planes, in the root namespace.
    MeshClusterRoot,
    /// What `mesh_access` reads of one namespace.
    MeshAccess,
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AppTeam => "app-team",
            Self::Platform => "platform",
            Self::GatewayAccess => "gateway-access",
            Self::JwtNamespaces => "jwt-namespaces",
            Self::Guardrails => "guardrails",
            Self::Plan => "plan",
            Self::Namespaces => "namespaces",
            Self::NamespacesDestroy => "namespaces-destroy",
            Self::NamespacesRateLimits => "namespaces-rate-limits",
            Self::LiveChecks => "live-checks",
            Self::LiveChecksCalled => "live-checks-called",
            Self::LiveChecksRoot => "live-checks-root",
            Self::LiveChecksSidecars => "live-checks-sidecars",
            Self::LiveChecksIngress => "live-checks-ingress",
            Self::LiveChecksGateways => "live-checks-gateways",
            Self::MeshCluster => "mesh-cluster",
            Self::MeshClusterRoot => "mesh-cluster-root",
            Self::MeshAccess => "mesh-access",
        })
    }
}

impl Grant {
    /// The documented manifests, adapted to `namespace` and `subject` as a reader would.
    pub(crate) fn manifests(self, namespace: &str, subject: &Json) -> Vec<Json> {
        let mut manifests = documented_manifests(&self.to_string());
        for manifest in &mut manifests {
            let is_cluster_scoped = manifest["kind"].as_str().is_some_and(|kind| kind.starts_with("Cluster"));
            let text = manifest.to_string();
            if is_cluster_scoped && text.contains("-istio-system") {
                // These names end with the root namespace of the mesh.
                let adapted = text.replace("-istio-system", &format!("-{namespace}"));
                *manifest = serde_json::from_str(&adapted).expect("JSON");
            } else if is_cluster_scoped {
                // Cluster-scoped names must be unique, because each test has its own.
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

/// The manifests of examples/rbac/`name`.yaml, unchanged.
pub(crate) fn documented_manifests(name: &str) -> Vec<Json> {
    let file = repository_root().join(format!("examples/rbac/{name}.yaml"));
    parse_yaml(&std::fs::read_to_string(&file).expect("reading examples/rbac"))
}

/// A certificate authority for client certificates.
pub(crate) struct UserAuthority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl UserAuthority {
    /// Generates a key and a self-signed certificate.
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "users of the tests");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// The authority's certificate, as PEM.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// A user with a client certificate. Kubernetes takes the user name from its CN and the groups from its O fields.
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
