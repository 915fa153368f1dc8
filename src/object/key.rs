//! [`Key`]: kind, namespace and name of an object.

use std::{fmt, str::FromStr};

use serde_json::Value as Json;

use super::kind::{self, Kind};
use crate::json_path::text;

/// Identifies an object. The text form is `VirtualService/pci/payments-pci`, or `Namespace/pci` for a cluster-scoped kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The kind, in the version that the provider uses.
    pub kind: &'static Kind,
    /// The namespace. `None` for cluster-scoped kinds.
    pub namespace: Option<String>,
    /// The name in `metadata`.
    pub name: String,
}

impl Key {
    /// Names an object in a namespace.
    pub fn new(kind: &'static Kind, namespace: &str, name: &str) -> Self {
        Self { kind, namespace: Some(namespace.to_owned()), name: name.to_owned() }
    }

    /// Names an object of a cluster-scoped kind.
    pub fn cluster_scoped(kind: &'static Kind, name: &str) -> Self {
        Self { kind, namespace: None, name: name.to_owned() }
    }

    /// Whether this is the key of a live object of `kind`.
    pub fn is_of(&self, kind: &Kind, live: &Json) -> bool {
        self.kind == kind
            && text(live, &["metadata", "name"]) == Some(&self.name)
            && text(live, &["metadata", "namespace"]) == self.namespace.as_deref()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{}/{namespace}/{}", self.kind.kind, self.name),
            None => write!(f, "{}/{}", self.kind.kind, self.name),
        }
    }
}

/// The text isn't the [`Key`] of an object of a managed kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseKeyError;

impl FromStr for Key {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, ParseKeyError> {
        let parts: Vec<&str> = text.split('/').collect();
        let (kind, namespace, name) = match parts.as_slice() {
            [kind, namespace, name] => (kind, Some((*namespace).to_owned()), name),
            [kind, name] => (kind, None, name),
            _ => return Err(ParseKeyError),
        };
        let kind = kind::by_name(kind).filter(|kind| kind.namespaced == namespace.is_some()).ok_or(ParseKeyError)?;
        Ok(Self { kind, namespace, name: (*name).to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn key_of_a_live_object_has_its_kind_namespace_and_name() {
        let live = json!({ "metadata": { "name": "payments", "namespace": "pci" } });
        assert!(Key::new(&kind::SERVICE, "pci", "payments").is_of(&kind::SERVICE, &live));
        for other in [Key::new(&kind::SERVICE, "pci", "cart"), Key::new(&kind::SERVICE, "shop", "payments")] {
            assert!(!other.is_of(&kind::SERVICE, &live), "{other}");
        }
        assert!(!Key::new(&kind::SERVICE, "pci", "payments").is_of(&kind::SIDECAR, &live));
        let namespace = json!({ "metadata": { "name": "pci" } });
        assert!(Key::cluster_scoped(&kind::NAMESPACE, "pci").is_of(&kind::NAMESPACE, &namespace));
    }

    #[test]
    fn key_survives_printing_and_parsing() {
        for text in ["VirtualService/pci/payments-pci", "Service/pci/payments", "Namespace/pci"] {
            assert_eq!(text.parse::<Key>().map(|key| key.to_string()), Ok(text.to_owned()));
        }
        for text in ["VirtualService/payments", "Namespace/pci/x", "Unheard/pci/x", "", "a/b/c/d"] {
            assert_eq!(text.parse::<Key>(), Err(ParseKeyError), "{text}");
        }
    }
}
