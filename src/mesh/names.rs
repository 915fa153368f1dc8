//! Names of objects, hosts and identities, and the rules of Kubernetes for names.

use std::collections::BTreeMap;

/// Returns the name of the objects that configure a service, like `payments-pci`.
pub fn object_name(service: &str, namespace: &str) -> String {
    format!("{service}-{namespace}")
}

/// Returns the host of a service in its cluster, like `payments.pci.svc.cluster.local`. It is always fully qualified,
/// since Istio resolves a short host in the namespace of the object that names it.
pub fn service_host(service: &str, namespace: &str, cluster_domain: &str) -> String {
    format!("{service}.{namespace}.svc.{cluster_domain}")
}

/// Whether `host` is the domain of the cluster or a name under it, which Kubernetes resolves.
pub fn is_cluster_host(host: &str, cluster_domain: &str) -> bool {
    host.strip_suffix(cluster_domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Returns the identity of a workload in the form of AuthorizationPolicies, like `cluster.local/ns/pci/sa/payments`.
pub fn principal(trust_domain: &str, namespace: &str, service_account: &str) -> String {
    format!("{trust_domain}/ns/{namespace}/sa/{service_account}")
}

/// Returns namespace and name of the service account of an identity that [`principal`] makes.
pub fn service_account_of(principal: &str) -> Option<(&str, &str)> {
    let (_, account) = principal.split_once("/ns/")?;
    account.split_once("/sa/")
}

/// Returns eight hexadecimal digits, an FNV-1a hash of labels. It makes different names for objects of one kind with
/// different selectors.
pub fn label_digest(labels: &BTreeMap<String, String>) -> String {
    digest(labels.iter().flat_map(|(key, value)| [key.as_bytes(), b"=", value.as_bytes(), b","].concat()))
}

/// Returns a DNS label of at most `length` characters for the name of an object: the name itself, or its start and a digest of the
/// whole. `length` is at least 10.
pub fn short_label(name: &str, length: usize) -> String {
    if name.len() <= length && is_label(name) {
        return name.to_owned();
    }
    let digest = digest(name.bytes());
    let start: String = name.replace('.', "-").chars().take(length.saturating_sub(digest.len() + 1)).collect();
    format!("{}-{digest}", start.trim_end_matches('-'))
}

fn digest(bytes: impl Iterator<Item = u8>) -> String {
    let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{hash:08x}")
}

/// The EnvoyFilter of the mesh's default timeout and retries, in the root namespace.
pub const DEFAULT_ROUTE_FILTER: &str = "default-route";

/// The revision of Istio that is installed without a name.
pub const DEFAULT_REVISION: &str = "default";

/// The sentence for the documentation that says what [`is_label`] accepts.
pub const LABEL: &str =
    "Lowercase letters, digits and dashes; starts and ends with a letter or digit; 63 characters at most.";

/// The sentence for the documentation that says what [`is_service_name`] accepts.
pub const SERVICE_NAME: &str =
    "Lowercase letters, digits and dashes; starts with a letter, ends with a letter or digit; 63 characters at most.";

/// The sentence for the documentation that says what [`is_subdomain`] accepts.
pub const SUBDOMAIN: &str = "Lowercase letters, digits, dashes and dots; each part between dots starts and ends with a \
                             letter or digit and has at most 63 characters; 253 characters at most.";

/// The sentence for the documentation that says what [`is_owner`] accepts.
pub const OWNER: &str = "1 to 253 characters without control characters.";

/// Whether `text` may be the `owner` of a provider block. Annotations of objects hold it.
pub fn is_owner(text: &str) -> bool {
    (1..=253).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// Whether `text` is a DNS label (RFC 1123), the form of the name of a namespace.
pub fn is_label(text: &str) -> bool {
    let is_allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    text.len() <= 63
        && text.bytes().all(is_allowed)
        && !text.is_empty()
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Whether `text` is a DNS label that starts with a letter (RFC 1035), the form of the name of a Service.
pub fn is_service_name(text: &str) -> bool {
    is_label(text) && text.starts_with(|c: char| c.is_ascii_lowercase())
}

/// Whether `text` is a DNS subdomain (RFC 1123), the form of the name of a ServiceAccount, and of an external host.
pub fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

/// Whether `key` is the key of a label or an annotation: a name, with or without a DNS subdomain and `/` as prefix.
pub fn is_metadata_key(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    prefix.is_none_or(is_subdomain) && is_key_name(name)
}

/// Whether `text` is the value of a label: empty, or in the form of the name in a key.
pub fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_key_name(text)
}

/// Whether Istio or this provider gives a meaning to the key of a label or an annotation. Users can't set such a key,
/// because arguments do.
pub fn is_reserved_key(key: &str) -> bool {
    let prefix = key.split_once('/').map_or("", |(prefix, _)| prefix);
    prefix == "istio.io" || prefix.ends_with(".istio.io") || prefix == "terraform-provider-mesh"
}

/// Whether `text` is the name in a key of a label or an annotation.
fn is_key_name(text: &str) -> bool {
    let is_alphanumeric = |c: char| c.is_ascii_alphanumeric();
    text.len() <= 63
        && text.chars().all(|c| is_alphanumeric(c) || matches!(c, '-' | '_' | '.'))
        && text.starts_with(is_alphanumeric)
        && text.ends_with(is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_become_labels_with_a_digest() {
        assert_eq!(short_label("api-example-com", 20), "api-example-com");
        let [one, other] = ["a-much-longer-name", "a-much-longer-names"].map(|name| short_label(name, 17));
        assert_eq!((one.as_str(), other.as_str()), ("a-much-l-7936dfd0", "a-much-l-74620d99"));
        assert_eq!(short_label("pay.ments", 20), "pay-ments-dd5061ba");
        assert!(is_label(&short_label("a.b.c.d.e.f.g.h.i.j", 17)), "no dash before the digest");
    }

    #[test]
    fn kubernetes_names_are_validated() {
        let long = "a".repeat(64);
        for good in ["pci", "a", "1a", "a-1"] {
            assert!(is_label(good), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a_b", "a.b", "ä", &long] {
            assert!(!is_label(bad), "{bad}");
        }
        assert!(!is_service_name("1a"));
        assert!(is_subdomain("api.stripe.com"));
        for bad in ["", ".", "a..b", "a.", "*.a", "A.b"] {
            assert!(!is_subdomain(bad), "{bad}");
        }
    }

    #[test]
    fn label_and_annotation_keys_are_validated() {
        for good in ["team", "example.com/team", "app.kubernetes.io/part-of", "a_B.c-1"] {
            assert!(is_metadata_key(good) && !is_reserved_key(good), "{good}");
        }
        for bad in ["", "/", "a/", "/a", "a/b/c", "-a", "a b", "A.com/x"] {
            assert!(!is_metadata_key(bad), "{bad}");
        }
        for reserved in ["istio.io/rev", "networking.istio.io/exportTo", "terraform-provider-mesh/owner"] {
            assert!(is_reserved_key(reserved), "{reserved}");
        }
        assert!(!is_reserved_key("notistio.io/x"));
    }
}
