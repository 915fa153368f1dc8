//! States of other providers' resources that hold one Kubernetes object, in the form in which those providers write them.

use serde_json::Value as Json;

use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    json_path::{at, text},
    object::{Key, kind},
    plugin::interface::MoveSource,
};

/// The object that a foreign state holds.
pub(super) fn object(foreign: &MoveSource, out: &mut Diagnostics) -> Result<Key, Reported> {
    let root = Path::root();
    let state = &foreign.state;
    let named = |kind: &[&str], namespace: &[&str], name: &[&str]| key(state, kind, namespace, name);
    let found = match foreign.type_name.as_str() {
        // A value of type `any`, with its type beside it.
        "kubernetes_manifest" => named(
            &["manifest", "value", "kind"],
            &["manifest", "value", "metadata", "namespace"],
            &["manifest", "value", "metadata", "name"],
        ),
        "kubectl_manifest" => named(&["kind"], &["namespace"], &["name"]),
        "k8sconnect_object" => named(&["object_ref", "kind"], &["object_ref", "namespace"], &["object_ref", "name"]),
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
    found.ok_or_else(|| {
        out.error(
            &root,
            "Nothing to take from this move",
            format!(
                "The state of this {} names no object of a kind that this provider writes ({}).",
                foreign.type_name,
                kind::MANAGED.iter().map(|kind| kind.kind).collect::<Vec<_>>().join(", ")
            ),
        )
    })
}

fn key(state: &Json, kind: &[&str], namespace: &[&str], name: &[&str]) -> Option<Key> {
    let kind = kind::by_name(text(state, kind)?)?;
    let namespace = at(state, namespace).as_str().filter(|namespace| !namespace.is_empty()).map(str::to_owned);
    (kind.namespaced == namespace.is_some()).then_some(())?;
    Some(Key { kind, namespace, name: text(state, name)?.to_owned() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(kind: &str, state: Json) -> String {
        let mut out = Diagnostics::default();
        let foreign = MoveSource {
            provider_address: "registry.terraform.io/a/b".into(),
            type_name: kind.into(),
            schema_version: 1,
            state,
        };
        object(&foreign, &mut out).map_or_else(|_| out.to_string(), |key| key.to_string())
    }

    #[test]
    fn each_provider_has_its_form() {
        let vs = json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "x", "namespace": "pci"}});
        let manifest = json!({"manifest": {"value": vs, "type": ["object", {}]}, "object": null, "wait": []});
        assert_eq!(told("kubernetes_manifest", manifest), "VirtualService/pci/x");
        let kubectl = json!({"kind": "DestinationRule", "api_version": "networking.istio.io/v1", "name": "x", "namespace": "pci", "yaml_body": "…"});
        assert_eq!(told("kubectl_manifest", kubectl), "DestinationRule/pci/x");
        let reference =
            json!({"object_ref": {"api_version": "v1", "kind": "Service", "name": "x", "namespace": "pci"}});
        assert_eq!(told("k8sconnect_object", reference), "Service/pci/x");
    }

    #[test]
    fn what_is_no_object_of_ours_is_told() {
        let secret = json!({"kind": "Secret", "name": "x", "namespace": "pci"});
        assert!(told("kubectl_manifest", secret).contains("names no object of a kind"));
        assert!(told("kubectl_manifest", json!(null)).contains("names no object of a kind"));
        assert!(told("helm_release", json!({})).contains("A helm_release can't become"));
    }
}
