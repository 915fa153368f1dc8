//! References: how one resource names what another team owns. They are strings, so that two services which call each other
//! make no cycle in Terraform, and callers may live in other states.

use std::fmt;

use super::{
    Mesh,
    names::{self, is_label, is_service_name, is_subdomain},
    text::Text,
};

/// Who calls: an identity, or many. The namespace `None` is that of the resource which names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caller {
    /// `anonymous`: also without identity.
    Anonymous,
    /// `*`: any workload of the mesh.
    Any,
    /// `shop/*`
    Namespace(String),
    /// `checkout`, `shop/checkout`: by its service account.
    Workload {
        /// Where it runs.
        namespace: Option<String>,
        /// Its service account.
        service_account: String,
    },
    /// `cluster.local/ns/shop/sa/checkout`: of any trust domain.
    Principal {
        /// `cluster.local`
        trust_domain: String,
        /// Where it runs.
        namespace: String,
        /// Its service account.
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
    fn admits() -> String {
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
    /// The same caller, with the namespace that it has when `home` names it, and without a trust domain that is the mesh's.
    #[must_use]
    pub fn resolve(&self, home: &str, mesh: &Mesh) -> Self {
        match self {
            Self::Workload { namespace: None, service_account } => {
                Self::Workload { namespace: Some(home.to_owned()), service_account: service_account.clone() }
            }
            Self::Principal { trust_domain, namespace, service_account } if *trust_domain == mesh.trust_domain => {
                Self::Workload { namespace: Some(namespace.clone()), service_account: service_account.clone() }
            }
            other => other.clone(),
        }
    }

    /// The namespace whose workloads are meant, of a caller that is [`resolved`](Self::resolve); `None`: of every one.
    pub fn namespace(&self) -> Option<&str> {
        match self {
            Self::Anonymous | Self::Any => None,
            Self::Namespace(namespace) | Self::Principal { namespace, .. } => Some(namespace),
            Self::Workload { namespace, .. } => namespace.as_deref(),
        }
    }

    /// Whether some workload is meant by both, which are [`resolved`](Self::resolve). Istio reads `shop/*` as the namespaces
    /// of that name in every trust domain.
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Anonymous | Self::Any, _) | (_, Self::Anonymous | Self::Any) => true,
            (Self::Namespace(_), _) | (_, Self::Namespace(_)) => self.namespace() == other.namespace(),
            _ => self == other,
        }
    }
}

/// What is called. The namespace `None` is that of the resource which names it, for external hosts the root namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Destination {
    /// `ledger`, `shop/catalog`
    Service {
        /// Where it is.
        namespace: Option<String>,
        /// Its name.
        name: String,
    },
    /// `shop/*`
    Namespace(String),
    /// `api.stripe.com`, `*.s3.amazonaws.com`, `team/api.partner.com`
    Host {
        /// Where its mesh_external_service is.
        namespace: Option<String>,
        /// The host, exact or a wildcard.
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
    fn admits() -> String {
        "A destination: `ledger` (this namespace), `shop/catalog`, `shop/*`, `api.stripe.com` (external, declared in the root \
         namespace), `*.s3.amazonaws.com`, or `team/api.partner.com`."
            .to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (namespace, name) = match text.split_once('/') {
            Some((namespace, name)) => (Some(namespace.to_owned()), name),
            None => (None, text),
        };
        let placed = namespace.as_deref().is_none_or(is_label);
        match (namespace, name) {
            (Some(namespace), "*") if placed => Ok(Self::Namespace(namespace)),
            (namespace, name) if placed && is_service_name(name) => {
                Ok(Self::Service { namespace, name: name.to_owned() })
            }
            (namespace, name) if placed && is_external_host(name) => {
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
    /// As Sidecars list it: `shop/catalog.shop.svc.cluster.local`. By both of its names, where the mesh makes global ones:
    /// by one alone, the other doesn't resolve. A namespace's `*` is all of its hosts, global names too.
    pub fn egress_hosts(&self, home: &str, mesh: &Mesh) -> Vec<String> {
        match self {
            Self::Service { namespace, name } => {
                let namespace = namespace.as_deref().unwrap_or(home);
                let template = mesh.global_name_template.as_ref();
                let global = template.and_then(|template| template.global_name(name, namespace));
                let hosts = std::iter::once(names::service_host(name, namespace, mesh)).chain(global);
                hosts.map(|host| format!("{namespace}/{host}")).collect()
            }
            Self::Namespace(namespace) => vec![format!("{namespace}/*")],
            Self::Host { namespace, host } => {
                vec![format!("{}/{host}", namespace.as_deref().unwrap_or(&mesh.root_namespace))]
            }
        }
    }
}

/// An object of some namespace: `istio-ingress/public`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamespacedName {
    /// `istio-ingress`
    pub namespace: String,
    /// `public`
    pub name: String,
}

impl fmt::Display for NamespacedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl Text for NamespacedName {
    fn admits() -> String {
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

/// A host outside the cluster: a DNS name of several parts, or one under a wildcard. Not an address: no top-level domain is
/// a number.
pub fn is_external_host(text: &str) -> bool {
    let name = text.strip_prefix("*.").unwrap_or(text);
    let domain = name.rsplit_once('.').map(|(_, domain)| domain);
    is_subdomain(name) && domain.is_some_and(|domain| !domain.bytes().all(|c| c.is_ascii_digit()))
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
    fn what_is_no_caller() {
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
    fn callers_that_meet() {
        let caller = |text| Caller::parse(text).unwrap();
        for (one, other, meet) in [
            ("anonymous", "shop/cart", true),
            ("*", "shop/*", true),
            ("shop/*", "shop/cart", true),
            ("shop/*", "other.mesh/ns/shop/sa/cart", true),
            ("shop/*", "pci/cart", false),
            ("shop/cart", "shop/cart", true),
            ("shop/cart", "shop/web", false),
            ("shop/cart", "other.mesh/ns/shop/sa/cart", false),
        ] {
            assert_eq!(caller(one).overlaps(&caller(other)), meet, "{one} {other}");
            assert_eq!(caller(other).overlaps(&caller(one)), meet, "{other} {one}");
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
    fn what_is_no_destination() {
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
