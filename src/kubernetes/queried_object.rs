//! Live objects as queries return them: without the fields that take most of their memory and that no live check reads. A
//! namespace may have thousands of pods, each of which is ten times as large as what checks read of it.

use serde_json::{Map, Value as Json};

/// Fields below `metadata`.
const METADATA: [&str; 2] = ["managedFields", "ownerReferences"];

/// Fields below `spec` of a pod.
const POD_SPEC: [&str; 4] = ["affinity", "tolerations", "topologySpreadConstraints", "volumes"];

/// Fields of a container.
const CONTAINER: [&str; 8] =
    ["env", "envFrom", "lifecycle", "livenessProbe", "readinessProbe", "resources", "startupProbe", "volumeMounts"];

/// Fields below `status` of a pod.
const POD_STATUS: [&str; 6] =
    ["conditions", "containerStatuses", "hostIPs", "initContainerStatuses", "podIPs", "resourceClaimStatuses"];

/// Removes the fields that no live check reads.
pub(super) fn prune(mut object: Json) -> Json {
    remove(object.get_mut("metadata"), &METADATA);
    if object.pointer("/spec/containers").is_some() {
        for list in ["/spec/containers", "/spec/initContainers"] {
            for container in object.pointer_mut(list).and_then(Json::as_array_mut).into_iter().flatten() {
                remove(Some(container), &CONTAINER);
            }
        }
        remove(object.get_mut("spec"), &POD_SPEC);
        remove(object.get_mut("status"), &POD_STATUS);
    }
    object
}

fn remove(parent: Option<&mut Json>, names: &[&str]) {
    let fields: Option<&mut Map<String, Json>> = parent.and_then(Json::as_object_mut);
    if let Some(fields) = fields {
        fields.retain(|name, _| !names.contains(&name.as_str()));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_live_checks_read_of_a_pod_is_kept() {
        let pod = json!({
            "metadata": {
                "name": "cart-0", "namespace": "shop", "labels": { "app": "cart" }, "managedFields": [{ "manager": "m" }],
                "annotations": { "sidecar.istio.io/status": "{}" },
            },
            "spec": {
                "serviceAccountName": "cart", "hostNetwork": true, "volumes": [{ "name": "token" }],
                "containers": [{
                    "name": "cart", "image": "cart", "env": [{ "name": "A", "value": "b" }],
                    "ports": [{ "name": "http", "containerPort": 8080 }], "securityContext": { "runAsUser": 1337 },
                }],
                "initContainers": [{ "name": "istio-proxy", "volumeMounts": [{ "name": "token" }] }],
            },
            "status": { "phase": "Running", "conditions": [{ "type": "Ready" }] },
        });
        let expected = json!({
            "metadata": {
                "name": "cart-0", "namespace": "shop", "labels": { "app": "cart" },
                "annotations": { "sidecar.istio.io/status": "{}" },
            },
            "spec": {
                "serviceAccountName": "cart", "hostNetwork": true,
                "containers": [{
                    "name": "cart", "image": "cart",
                    "ports": [{ "name": "http", "containerPort": 8080 }], "securityContext": { "runAsUser": 1337 },
                }],
                "initContainers": [{ "name": "istio-proxy" }],
            },
            "status": { "phase": "Running" },
        });
        assert_eq!(prune(pod), expected);
    }

    #[test]
    fn other_objects_lose_their_field_managers_only() {
        let service = json!({
            "metadata": { "name": "cart", "managedFields": [] }, "spec": { "ports": [], "volumes": [] },
            "status": { "conditions": [] },
        });
        let expected = json!({ "metadata": { "name": "cart" }, "spec": { "ports": [], "volumes": [] }, "status": { "conditions": [] } });
        assert_eq!(prune(service), expected);
        assert_eq!(prune(Json::Null), Json::Null);
    }
}
