//! Changes of the provider's objects by other clients are shown by the next plan and reverted by the next apply,
//! including the ownership of fields.

use serde_json::{Value as Json, json};
use terraform_provider_mesh::object::Key;

use crate::support::{
    api::Api,
    control_plane::{Namespace, control_plane},
    terraform::Tool,
    users::Grant,
};

use super::{other_managers, workspace};

const PLATFORM: &str = r#"
resource "mesh_external_service" "bank" {
  host      = "api.bank.example"
  tls       = "originate"
  export_to = ["pci"]
}

resource "mesh_global_defaults" "this" {
  mtls {}
  authorization {
    mode = "enforce"
  }
}"#;

/// A change of an object by another client.
struct Change {
    /// `Kind/name`
    object: &'static str,
    method: Method,
}

/// How another client changes an object.
enum Method {
    /// A merge patch as of `kubectl patch`, computed from the live object.
    Patch(fn(&Json) -> Json),
    /// A forced server-side apply by another field manager.
    Apply(fn() -> Json),
}

use Method::{Apply, Patch};

const CHANGES: &[Change] = &[
    // Allows every call in the mesh.
    Change { object: "AuthorizationPolicy/deny-all", method: Patch(|_| json!({ "spec": { "rules": [{}] } })) },
    // Selects one workload, and so stops denying calls of all others.
    Change {
        object: "AuthorizationPolicy/deny-all",
        method: Patch(|_| json!({ "spec": { "selector": { "matchLabels": { "app": "cart" } } } })),
    },
    // Makes the policy a dry run.
    Change {
        object: "AuthorizationPolicy/deny-all",
        method: Patch(|_| json!({ "metadata": { "annotations": { "istio.io/dry-run": "true" } } })),
    },
    // Hides the policy from the running control plane.
    Change {
        object: "AuthorizationPolicy/deny-all",
        method: Patch(|_| json!({ "metadata": { "labels": { "istio.io/rev": "canary" } } })),
    },
    Change {
        object: "PeerAuthentication/default",
        method: Patch(
            |_| json!({ "spec": { "mtls": { "mode": "DISABLE" }, "selector": { "matchLabels": { "app": "cart" } } } }),
        ),
    },
    Change {
        object: "ServiceEntry/api-bank-example",
        method: Patch(|live| {
            let mut ports = live["spec"]["ports"].as_array().expect("a list").clone();
            ports.push(json!({ "number": 9999, "name": "tcp-theirs", "protocol": "TCP" }));
            json!({ "spec": { "ports": ports } })
        }),
    },
    Change {
        object: "DestinationRule/api-bank-example",
        method: Patch(|_| json!({ "spec": { "trafficPolicy": { "tls": { "mode": "DISABLE" } } } })),
    },
    // Another field manager changes a value of the provider, and adds a field.
    Change {
        object: "DestinationRule/api-bank-example",
        method: Apply(
            || json!({ "spec": { "exportTo": ["*"], "trafficPolicy": { "tls": { "mode": "DISABLE" }, "outlierDetection": { "interval": "1s" } } } }),
        ),
    },
];

/// The parts of an object that have a meaning for Istio or for the provider.
fn meaning(live: &Json) -> Json {
    json!({ "spec": live["spec"], "labels": live["metadata"]["labels"], "annotations": live["metadata"]["annotations"] })
}

fn key(namespace: &Namespace, object: &str) -> Key {
    object.replace('/', &format!("/{}/", namespace.name)).parse().expect("a key")
}

fn change(api: &Api, key: &Key, method: &Method) {
    let live = api.get_existing(key);
    match method {
        Patch(patch) => api.patch(key, &patch(&live)),
        Apply(body) => {
            let mut body = body();
            body["apiVersion"] = live["apiVersion"].clone();
            body["kind"] = live["kind"].clone();
            body["metadata"] = json!({ "name": key.name, "namespace": key.namespace });
            api.apply(&body, "argocd-controller");
        }
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn changes_by_others_are_planned_and_reverted() {
    let (api, namespace) = (control_plane().api(), control_plane().namespace("drift"));
    let workspace = workspace(Tool::Terraform, Grant::Platform, &namespace, PLATFORM);
    workspace.apply().expect_success();
    for Change { object, method } in CHANGES {
        let key = key(&namespace, object);
        let before = meaning(&api.get_existing(&key));
        change(&api, &key, method);
        let changed = api.get_existing(&key);
        assert_ne!(meaning(&changed), before, "{key}");

        let plan = workspace.plan();
        assert!(!plan.is_empty && plan.text.contains(&key.to_string()), "{key}: {}", plan.text);
        let manager = if matches!(method, Patch(_)) { "kubectl-patch" } else { "argocd-controller" };
        let warning = format!("{} was changed by {manager}", key.kind.kind);
        assert!(plan.text.contains(&warning), "{warning:?} is not in: {}", plan.text);

        workspace.apply().expect_success();
        let reverted = api.get_existing(&key);
        assert_eq!(meaning(&reverted), before, "{key}, from {}", meaning(&changed));
        assert_eq!(other_managers(&reverted), Vec::<&Json>::new(), "{key}");
        let plan = workspace.plan();
        assert!(plan.is_empty, "{key}: {}", plan.text);
    }
    workspace.destroy().expect_success();
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn object_without_field_managers_is_owned_again() {
    let (api, namespace) = (control_plane().api(), control_plane().namespace("ownerless"));
    let workspace = workspace(Tool::Terraform, Grant::Platform, &namespace, PLATFORM);
    workspace.apply().expect_success();
    let key = key(&namespace, "PeerAuthentication/default");
    let before = meaning(&api.get_existing(&key));
    api.patch(&key, &json!({ "metadata": { "managedFields": [{}] }, "spec": { "mtls": { "mode": "PERMISSIVE" } } }));
    assert!(!workspace.plan().is_empty);
    workspace.apply().expect_success();
    let reverted = api.get_existing(&key);
    assert_eq!(meaning(&reverted), before);
    assert_eq!(other_managers(&reverted), Vec::<&Json>::new());
    workspace.assert_empty_plan();
    workspace.destroy().expect_success();
}
