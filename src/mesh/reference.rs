//! References of one resource to services and identities of others. They are plain texts, so that two services that
//! call each other make no cycle in Terraform, and so that both may be in different states.

use std::fmt;

use super::{
    Mesh,
    names::{self, is_label, is_service_name, is_subdomain},
    patterns::is_external_host,
    text::Text,
};

/// A caller in an `allow` or `deny` rule: one identity, or a set of identities.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caller {
    /// `anonymous`: any caller, even one without an identity (without mutual TLS).
    Anonymous,
    /// `*`: any caller with an identity.
    Any,
    /// `shop/*`: any workload of a namespace.
    Namespace(String),
    /// `checkout` or `shop/checkout`: the workloads with a service account, in the trust domain of the mesh.
    Workload {
        /// Namespace of the service account. `None`: the namespace of the resource that has the reference.
        namespace: Option<String>,
        /// Name of the service account.
        service_account: String,
    },
    /// `cluster.local/ns/shop/sa/checkout`: the workloads with a service account, in any trust domain.
    Principal {
        /// Trust domain, like `cluster.local`.
        trust_domain: String,
        /// Namespace of the service account.
        namespace: String,
        /// Name of the service account.
        service_account: String,
    },
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::Any => f.write_str("*"),
            Self::Namespace(namespace) => write!(f, "{namespace}/*"),
            Self::Workload { namespace: None, service_account } => f.write_str(service_account),
            Self::Workload { namespace: Some(namespace), service_account } => {
                write!(f, "{namespace}/{service_account}")
            }
            Self::Principal { trust_domain, namespace, service_account } => {
                f.write_str(&names::principal(trust_domain, namespace, service_account))
            }
        }
    }
}

impl Text for Caller {
    fn accepted_values() -> String {
        "A caller: `checkout` (this namespace), `shop/checkout` (namespace and service account), `shop/*`, `*` (any \
         workload of the mesh), `cluster.local/ns/shop/sa/checkout`, or `anonymous` (also without identity)."
            .to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        if let Some(principal) = text.strip_prefix("spiffe://") {
            return Err(format!("{text:?} isn't a caller: leave out the scheme, as in {principal:?}."));
        }
        let caller = match text.split('/').collect::<Vec<_>>().as_slice() {
            ["anonymous"] => Self::Anonymous,
            ["*"] => Self::Any,
            [namespace, "*"] if is_label(namespace) => Self::Namespace((*namespace).to_owned()),
            [account] if is_subdomain(account) => {
                Self::Workload { namespace: None, service_account: (*account).to_owned() }
            }
            [namespace, account] if is_label(namespace) && is_subdomain(account) => {
                Self::Workload { namespace: Some((*namespace).to_owned()), service_account: (*account).to_owned() }
            }
            [domain, "ns", namespace, "sa", account]
                if is_subdomain(domain) && is_label(namespace) && is_subdomain(account) =>
            {
                Self::Principal {
                    trust_domain: (*domain).to_owned(),
                    namespace: (*namespace).to_owned(),
                    service_account: (*account).to_owned(),
                }
            }
            _ => {
                return Err(format!(
                    "{text:?} isn't a caller. Write \"checkout\" (this namespace), \"shop/checkout\", \"shop/*\", \"*\" \
                     (any workload of the mesh), \"anonymous\", or \"cluster.local/ns/shop/sa/checkout\"."
                ));
            }
        };
        Ok(caller)
    }
}

impl Caller {
    /// Returns the same caller with its namespace filled in, and without the trust domain if that is the mesh's.
    /// `own_namespace` is the namespace of the resource that has the reference.
    #[must_use]
    pub fn resolve(&self, own_namespace: &str, mesh: &Mesh) -> Self {
        match self {
            Self::Workload { namespace: None, service_account } => {
                Self::Workload { namespace: Some(own_namespace.to_owned()), service_account: service_account.clone() }
            }
            Self::Principal { trust_domain, namespace, service_account } if *trust_domain == mesh.trust_domain => {
                Self::Workload { namespace: Some(namespace.clone()), service_account: service_account.clone() }
            }
            other => other.clone(),
        }
    }

    /// Returns the namespace of a [resolved](Self::resolve) caller. `None`: the caller may be in any namespace.
    pub fn namespace(&self) -> Option<&str> {
        match self {
            Self::Anonymous | Self::Any => None,
            Self::Namespace(namespace) | Self::Principal { namespace, .. } => Some(namespace),
            Self::Workload { namespace, .. } => namespace.as_deref(),
        }
    }

    /// Whether every client that `other` means is one that this [resolved](Self::resolve) caller means.
    pub fn includes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Anonymous, _) => true,
            (_, Self::Anonymous) | (Self::Namespace(_), Self::Any) => false,
            (Self::Any, _) => true,
            (Self::Namespace(_), other) => self.namespace() == other.namespace(),
            _ => self == other,
        }
    }

    /// Whether two [resolved](Self::resolve) callers have a workload in common. Istio matches `shop/*` with the
    /// namespace of that name in every trust domain.
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Anonymous | Self::Any, _) | (_, Self::Anonymous | Self::Any) => true,
            (Self::Namespace(_), _) | (_, Self::Namespace(_)) => self.namespace() == other.namespace(),
            _ => self == other,
        }
    }
}

/// A destination of calls: a service, every service of a namespace, or an external host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Destination {
    /// `ledger` or `shop/catalog`: one service.
    Service {
        /// Namespace of the service. `None`: the namespace of the resource that has the reference.
        namespace: Option<String>,
        /// Name of the service.
        name: String,
    },
    /// `shop/*`: every service of a namespace.
    Namespace(String),
    /// `api.stripe.com`, `*.s3.amazonaws.com` or `team/api.partner.com`: an external host.
    Host {
        /// Namespace of the mesh_external_service that declares the host. `None`: the root namespace.
        namespace: Option<String>,
        /// Host, exact or a wildcard.
        host: String,
    },
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (namespace, name) = match self {
            Self::Namespace(namespace) => return write!(f, "{namespace}/*"),
            Self::Service { namespace, name } => (namespace, name),
            Self::Host { namespace, host } => (namespace, host),
        };
        match namespace {
            Some(namespace) => write!(f, "{namespace}/{name}"),
            None => f.write_str(name),
        }
    }
}

impl Text for Destination {
    fn accepted_values() -> String {
        "A destination: `ledger` (this namespace), `shop/catalog`, `shop/*`, `api.stripe.com` (external, declared in the root \
         namespace), `*.s3.amazonaws.com`, or `team/api.partner.com`."
            .to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (namespace, name) = match text.split_once('/') {
            Some((namespace, name)) => (Some(namespace.to_owned()), name),
            None => (None, text),
        };
        let is_valid_namespace = namespace.as_deref().is_none_or(is_label);
        match (namespace, name) {
            (Some(namespace), "*") if is_valid_namespace => Ok(Self::Namespace(namespace)),
            (namespace, name) if is_valid_namespace && is_service_name(name) => {
                Ok(Self::Service { namespace, name: name.to_owned() })
            }
            (namespace, name) if is_valid_namespace && is_external_host(name) => {
                Ok(Self::Host { namespace, host: name.to_owned() })
            }
            _ => Err(format!(
                "{text:?} isn't a destination. Write \"ledger\" (this namespace), \"shop/catalog\", \"shop/*\", \
                 \"api.stripe.com\", \"*.s3.amazonaws.com\", or \"team/api.partner.com\"."
            )),
        }
    }
}

impl Destination {
    /// Returns the destination in the form of a Sidecar's `egress.hosts`, like `shop/catalog.shop.svc.cluster.local`. A
    /// service that has a global name by the template is listed by both names, since a proxy knows only the listed
    /// ones. `shop/*` includes global names.
    pub fn egress_hosts(&self, own_namespace: &str, mesh: &Mesh) -> Vec<String> {
        match self {
            Self::Service { namespace, name } => {
                let namespace = namespace.as_deref().unwrap_or(own_namespace);
                let template = mesh.global_name_template.as_ref();
                let global = template.and_then(|template| template.global_name(name, namespace));
                let hosts = std::iter::once(names::service_host(name, namespace, &mesh.cluster_domain)).chain(global);
                hosts.map(|host| format!("{namespace}/{host}")).collect()
            }
            Self::Namespace(namespace) => vec![format!("{namespace}/*")],
            Self::Host { namespace, host } => {
                vec![format!("{}/{host}", namespace.as_deref().unwrap_or(&mesh.root_namespace))]
            }
        }
    }
}

/// A reference to a Kubernetes Service: `catalog` in the namespace of the resource that has the reference, or `shop/catalog`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceReference {
    /// Namespace of the Service. `None`: the namespace of the resource that has the reference.
    pub namespace: Option<String>,
    /// Name of the Service.
    pub name: String,
}

impl fmt::Display for ServiceReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

impl Text for ServiceReference {
    fn accepted_values() -> String {
        "A Service: `catalog` (this namespace) or `shop/catalog`.".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (namespace, name) = match text.split_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, text),
        };
        if !namespace.is_none_or(is_label) || !is_service_name(name) {
            return Err(format!(
                "{text:?} isn't a Service. Write \"catalog\" (this namespace) or \"shop/catalog\"; a host outside the mesh is host."
            ));
        }
        Ok(Self { namespace: namespace.map(str::to_owned), name: name.to_owned() })
    }
}

/// A reference to an object by namespace and name, like `istio-ingress/public`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamespacedName {
    /// Namespace of the object.
    pub namespace: String,
    /// Name of the object.
    pub name: String,
}

impl fmt::Display for NamespacedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl Text for NamespacedName {
    fn accepted_values() -> String {
        "`namespace/name`.".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            Some((namespace, name)) if is_label(namespace) && is_subdomain(name) => {
                Ok(Self { namespace: namespace.to_owned(), name: name.to_owned() })
            }
            _ => Err(format!("{text:?} isn't namespace/name, like \"istio-ingress/public\".")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_print_as_they_parse() {
        for text in [
            "checkout",
            "shop/checkout",
            "shop/*",
            "*",
            "anonymous",
            "other.mesh/ns/shop/sa/checkout",
            "a.b",
            "shop/a.b",
        ] {
            assert_eq!(Caller::parse(text).map(|c| c.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn invalid_callers_are_refused() {
        for text in
            ["", "/", "shop/", "/checkout", "*/checkout", "Shop/checkout", "a/b/c", "x/ns/y/sa/*", "shop/check*"]
        {
            assert!(Caller::parse(text).is_err(), "{text}");
        }
        assert_eq!(
            Caller::parse("spiffe://cluster.local/ns/a/sa/b").unwrap_err(),
            "\"spiffe://cluster.local/ns/a/sa/b\" isn't a caller: leave out the scheme, as in \"cluster.local/ns/a/sa/b\"."
        );
    }

    #[test]
    fn overlapping_callers_are_found() {
        let caller = |text| Caller::parse(text).unwrap();
        for (one, other, overlap) in [
            ("anonymous", "shop/cart", true),
            ("*", "shop/*", true),
            ("shop/*", "shop/cart", true),
            ("shop/*", "other.mesh/ns/shop/sa/cart", true),
            ("shop/*", "pci/cart", false),
            ("shop/cart", "shop/cart", true),
            ("shop/cart", "shop/web", false),
            ("shop/cart", "other.mesh/ns/shop/sa/cart", false),
        ] {
            assert_eq!(caller(one).overlaps(&caller(other)), overlap, "{one} {other}");
            assert_eq!(caller(other).overlaps(&caller(one)), overlap, "{other} {one}");
        }
    }

    #[test]
    fn services_print_as_they_parse() {
        for text in ["catalog", "shop/catalog"] {
            assert_eq!(ServiceReference::parse(text).map(|service| service.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "shop/*", "/catalog", "a/b/c", "api.example.com", "Catalog"] {
            assert!(ServiceReference::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn destinations_print_as_they_parse() {
        for text in [
            "ledger",
            "shop/catalog",
            "shop/*",
            "api.stripe.com",
            "*.s3.amazonaws.com",
            "team/api.partner.com",
            "team/*.x.io",
        ] {
            assert_eq!(Destination::parse(text).map(|d| d.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn invalid_destinations_are_refused() {
        for text in [
            "",
            "*",
            "*/*",
            "./*",
            "~/*",
            "shop/",
            "a/b/c",
            "*.com/",
            "*.*.com",
            "https://x.com",
            "*.com",
            "x.com:443",
            "10.0.0.1",
        ] {
            assert!(Destination::parse(text).is_err(), "{text}");
        }
    }
}
