//! Names: what objects, hosts and identities are called, and which names Kubernetes admits.

use super::{Mesh, manifest::StringMap};

/// The one name of every object that configures one service: `payments-pci`.
pub fn object_name(service: &str, namespace: &str) -> String {
    format!("{service}-{namespace}")
}

/// The cluster host of a service: `payments.pci.svc.cluster.local`. Always whole: a short host binds to the namespace of
/// the rule that names it.
pub fn service_host(service: &str, namespace: &str, mesh: &Mesh) -> String {
    format!("{service}.{namespace}.svc.{}", mesh.cluster_domain)
}

/// Whether Kubernetes, not the mesh, says what `host` is: it is the cluster's domain, or under it.
pub fn is_cluster_host(host: &str, cluster_domain: &str) -> bool {
    host.strip_suffix(cluster_domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// The identity of a workload as AuthorizationPolicies write it: `cluster.local/ns/pci/sa/payments`.
pub fn principal(trust_domain: &str, namespace: &str, service_account: &str) -> String {
    format!("{trust_domain}/ns/{namespace}/sa/{service_account}")
}

/// Eight hexadecimal digits of labels (FNV-1a): tells the objects of one kind apart that differ by whom they select.
pub fn label_digest(labels: &StringMap) -> String {
    let bytes = labels.iter().flat_map(|(key, value)| [key.as_bytes(), b"=", value.as_bytes(), b","].concat());
    let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{hash:08x}")
}

/// What [`is_label`] admits.
pub const LABEL: &str =
    "Lowercase letters, digits and dashes; starts and ends with a letter or digit; 63 characters at most.";

/// What [`is_service_name`] admits.
pub const SERVICE_NAME: &str =
    "Lowercase letters, digits and dashes; starts with a letter, ends with a letter or digit; 63 characters at most.";

/// What [`is_subdomain`] admits.
pub const SUBDOMAIN: &str = "Lowercase letters, digits, dashes and dots; each part between dots starts and ends with a \
                             letter or digit and has at most 63 characters; 253 characters at most.";

/// A DNS label (RFC 1123): the name of a namespace.
pub fn is_label(text: &str) -> bool {
    let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    text.len() <= 63 && text.bytes().all(inner) && !text.is_empty() && !text.starts_with('-') && !text.ends_with('-')
}

/// A DNS label that starts with a letter (RFC 1035): the name of a Service.
pub fn is_service_name(text: &str) -> bool {
    is_label(text) && text.starts_with(|c: char| c.is_ascii_lowercase())
}

/// A DNS name (RFC 1123): the name of a ServiceAccount, or an external host.
pub fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

/// A label's or annotation's key: a name, with or without a DNS name and `/` in front.
pub fn is_metadata_key(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    prefix.is_none_or(is_subdomain) && !name.is_empty() && is_word(name)
}

/// A label's value: empty, or like a key's name.
pub fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_word(text)
}

/// Keys that mean something to Istio or to this provider: arguments write them, users don't.
pub fn is_reserved_key(key: &str) -> bool {
    let prefix = key.split_once('/').map_or("", |(prefix, _)| prefix);
    prefix == "istio.io" || prefix.ends_with(".istio.io") || prefix == "terraform-provider-mesh"
}

fn is_word(text: &str) -> bool {
    let edge = |c: char| c.is_ascii_alphanumeric();
    text.len() <= 63
        && text.chars().all(|c| edge(c) || matches!(c, '-' | '_' | '.'))
        && text.starts_with(edge)
        && text.ends_with(edge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubernetes_names() {
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
    fn keys_of_labels_and_annotations() {
        for good in ["team", "example.com/team", "app.kubernetes.io/part-of", "a_B.c-1"] {
            assert!(is_metadata_key(good) && !is_reserved_key(good), "{good}");
        }
        for bad in ["", "/", "a/", "/a", "a/b/c", "-a", "a b", "A.com/x"] {
            assert!(!is_metadata_key(bad), "{bad}");
        }
        for ours in ["istio.io/rev", "networking.istio.io/exportTo", "terraform-provider-mesh/owner"] {
            assert!(is_reserved_key(ours), "{ours}");
        }
        assert!(!is_reserved_key("notistio.io/x"));
    }
}
