//! References to ServiceAccounts in `rbac.service_accounts`.

use std::fmt;

use crate::mesh::{
    names::{is_label, is_subdomain},
    text::Text,
};

/// A reference to a ServiceAccount: `ci/shop-pipeline`, or `pipeline` in the namespace of the resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceAccountRef {
    /// Namespace of the ServiceAccount. `None`: the namespace of the resource.
    pub(super) namespace: Option<String>,
    /// Name of the ServiceAccount.
    pub(super) name: String,
}

impl fmt::Display for ServiceAccountRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

impl Text for ServiceAccountRef {
    fn accepted_values() -> String {
        "A ServiceAccount: `ci/shop-pipeline` (namespace and name), or `pipeline` (of this namespace).".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (namespace, name) = match text.split_once('/') {
            Some((namespace, name)) => (Some(namespace.to_owned()), name),
            None => (None, text),
        };
        if !namespace.as_deref().is_none_or(is_label) || !is_subdomain(name) {
            return Err(format!(
                "{text:?} isn't a ServiceAccount. Write \"ci/shop-pipeline\" (namespace and name), or \"pipeline\" (of this \
                 namespace)."
            ));
        }
        Ok(Self { namespace, name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_accounts_print_as_they_parse() {
        for text in ["pipeline", "ci/shop-pipeline", "ci/a.b"] {
            assert_eq!(ServiceAccountRef::parse(text).map(|account| account.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "/", "ci/", "/a", "a/b/c", "Ci/a", "ci/*"] {
            assert!(ServiceAccountRef::parse(text).is_err(), "{text}");
        }
    }
}
