//! The source of a `moved` block: the state of another provider's resource that manages one Kubernetes object, in the form of
//! that provider.

use serde_json::Value as Json;

use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    json_path::{at, text},
    object::{Key, kind},
    plugin::interface::MoveSource,
};

/// The key of the object that the state of another provider's resource holds.
pub(super) fn object_key(source: &MoveSource, out: &mut Diagnostics) -> Result<Key, Reported> {
    let root = Path::root();
    let key = match source.type_name.as_str() {
        // `manifest` has the type `any`, so its value has its type beside it.
        "kubernetes_manifest" => key_at(
            &source.state,
            &["manifest", "value", "kind"],
            &["manifest", "value", "metadata", "namespace"],
            &["manifest", "value", "metadata", "name"],
        ),
        "kubectl_manifest" => key_at(&source.state, &["kind"], &["namespace"], &["name"]),
        "k8sconnect_object" => {
            key_at(&source.state, &["object_ref", "kind"], &["object_ref", "namespace"], &["object_ref", "name"])
        }
        other => {
            return Err(out.error(
                &root,
                "This move is not supported",
                format!(
                    "A {other} can't become one of this provider's resources; kubernetes_manifest, kubectl_manifest and \
                     k8sconnect_object can. For others, let the state forget it (a removed block with destroy = false), and \
                     set adopt_existing = true here."
                ),
            ));
        }
    };
    key.ok_or_else(|| {
        out.error(
            &root,
            "Move source has no objects",
            format!(
                "The state of this {} names no object of a kind that this provider writes ({}).",
                source.type_name,
                kind::MANAGED.iter().map(|kind| kind.kind).collect::<Vec<_>>().join(", ")
            ),
        )
    })
}

/// Reads a key whose parts are at the given places of a state. `None` for kinds that this provider doesn't write.
fn key_at(state: &Json, kind: &[&str], namespace: &[&str], name: &[&str]) -> Option<Key> {
    let kind = kind::by_name(text(state, kind)?)?;
    let namespace = at(state, namespace).as_str().filter(|namespace| !namespace.is_empty()).map(str::to_owned);
    (kind.namespaced == namespace.is_some()).then_some(())?;
    Some(Key { kind, namespace, name: text(state, name)?.to_owned() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The key of the object, or the diagnostics.
    fn result(type_name: &str, state: Json) -> String {
        let mut out = Diagnostics::default();
        let source = MoveSource {
            provider_address: "registry.terraform.io/a/b".into(),
            type_name: type_name.into(),
            schema_version: 1,
            state,
        };
        object_key(&source, &mut out).map_or_else(|_| out.to_string(), |key| key.to_string())
    }

    #[test]
    fn state_of_each_provider_names_its_object() {
        let vs = json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "x", "namespace": "pci"}});
        let manifest = json!({"manifest": {"value": vs, "type": ["object", {}]}, "object": null, "wait": []});
        assert_eq!(result("kubernetes_manifest", manifest), "VirtualService/pci/x");
        let kubectl = json!({"kind": "DestinationRule", "api_version": "networking.istio.io/v1", "name": "x", "namespace": "pci", "yaml_body": "…"});
        assert_eq!(result("kubectl_manifest", kubectl), "DestinationRule/pci/x");
        let reference =
            json!({"object_ref": {"api_version": "v1", "kind": "Service", "name": "x", "namespace": "pci"}});
        assert_eq!(result("k8sconnect_object", reference), "Service/pci/x");
    }

    #[test]
    fn unsupported_kinds_and_resource_types_are_reported() {
        let secret = json!({"kind": "Secret", "name": "x", "namespace": "pci"});
        assert!(result("kubectl_manifest", secret).contains("names no object of a kind"));
        assert!(result("kubectl_manifest", json!(null)).contains("names no object of a kind"));
        assert!(result("helm_release", json!({})).contains("A helm_release can't become"));
    }
}
