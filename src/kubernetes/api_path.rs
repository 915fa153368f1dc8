//! The URL paths of the Kubernetes API. They are built from the static table of kinds, so that no discovery is needed.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::object::{Key, Kind};

/// Everything but the unreserved characters of RFC 3986.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The objects of one kind in one namespace or in the whole cluster: what one LIST reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Collection {
    pub(super) kind: &'static Kind,
    /// `None` stands for the whole cluster.
    pub(super) namespace: Option<String>,
}

impl Collection {
    /// The collection that contains the object `key`.
    pub(super) fn of(key: &Key) -> Self {
        Self { kind: key.kind, namespace: key.namespace.clone() }
    }

    /// Whether a LIST of the collection has the object `key`.
    pub(super) fn contains(&self, key: &Key) -> bool {
        self.kind == key.kind && (self.namespace.is_none() || self.namespace == key.namespace)
    }

    pub(super) fn path(&self) -> String {
        let Kind { group, version, plural, .. } = self.kind;
        collection_path(group, version, plural, self.namespace.as_deref())
    }
}

/// The path of the objects of one resource type; `group` is empty for the core group.
pub(super) fn collection_path(group: &str, version: &str, plural: &str, namespace: Option<&str>) -> String {
    let root = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
    match namespace {
        Some(namespace) => format!("{root}/namespaces/{}/{plural}", encode(namespace)),
        None => format!("{root}/{plural}"),
    }
}

/// The path of one object.
pub(super) fn object_path(key: &Key) -> String {
    format!("{}/{}", Collection::of(key).path(), encode(&key.name))
}

/// Percent-encodes a path segment or a query value. Names come from configuration and state, and a `/` or `?` in one must not
/// lead to another path.
pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, &RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::kind::{NAMESPACE, SERVICE, VIRTUAL_SERVICE};

    #[test]
    fn paths_follow_the_api_conventions() {
        assert_eq!(object_path(&Key::new(&SERVICE, "pci", "payments")), "/api/v1/namespaces/pci/services/payments");
        assert_eq!(object_path(&Key::cluster_scoped(&NAMESPACE, "pci")), "/api/v1/namespaces/pci");
    }

    #[test]
    fn names_are_percent_encoded() {
        assert_eq!(
            object_path(&Key::new(&VIRTUAL_SERVICE, "pci", "../x?y")),
            "/apis/networking.istio.io/v1/namespaces/pci/virtualservices/..%2Fx%3Fy"
        );
        assert_eq!(encode("a-b_c.d~e=ü"), "a-b_c.d~e%3D%C3%BC");
    }
}
