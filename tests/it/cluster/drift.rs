//! What somebody else does to our objects is seen by the next plan and taken back by the next apply, whole: nothing of
//! theirs is left in the object, nor in who owns its fields.

use serde_json::{Value as Json, json};
use terraform_provider_mesh::object::Key;

use crate::support::{
    api::Api,
    control_plane::{Namespace, control_plane},
    terraform::Tool,
    users::Grant,
};

use super::{intruders, workspace};

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

/// What somebody does to an object, `Kind/name`.
struct Meddling {
    object: &'static str,
    what: What,
}

enum What {
    /// `kubectl patch --type merge`, made from the live object.
    Patched(fn(&Json) -> Json),
    /// Server-side apply by another manager, by force.
    Applied(fn() -> Json),
}

use What::{Applied, Patched};

const MEDDLING: &[Meddling] = &[
    // Opens the mesh to everybody.
    Meddling { object: "AuthorizationPolicy/deny-all", what: Patched(|_| json!({ "spec": { "rules": [{}] } })) },
    // Closes one workload, and so opens all others.
    Meddling {
        object: "AuthorizationPolicy/deny-all",
        what: Patched(|_| json!({ "spec": { "selector": { "matchLabels": { "app": "cart" } } } })),
    },
    // Counts in place of refusing.
    Meddling {
        object: "AuthorizationPolicy/deny-all",
        what: Patched(|_| json!({ "metadata": { "annotations": { "istio.io/dry-run": "true" } } })),
    },
    // Hides it from the control plane that is there.
    Meddling {
        object: "AuthorizationPolicy/deny-all",
        what: Patched(|_| json!({ "metadata": { "labels": { "istio.io/rev": "canary" } } })),
    },
    Meddling {
        object: "PeerAuthentication/default",
        what: Patched(
            |_| json!({ "spec": { "mtls": { "mode": "DISABLE" }, "selector": { "matchLabels": { "app": "cart" } } } }),
        ),
    },
    Meddling {
        object: "ServiceEntry/api-bank-example",
        what: Patched(|live| {
            let mut ports = live["spec"]["ports"].as_array().expect("a list").clone();
            ports.push(json!({ "number": 9999, "name": "tcp-theirs", "protocol": "TCP" }));
            json!({ "spec": { "ports": ports } })
        }),
    },
    Meddling {
        object: "DestinationRule/api-bank-example",
        what: Patched(|_| json!({ "spec": { "trafficPolicy": { "tls": { "mode": "DISABLE" } } } })),
    },
    // A value of ours changed, and one added, by a manager that owns what it applies.
    Meddling {
        object: "DestinationRule/api-bank-example",
        what: Applied(
            || json!({ "spec": { "exportTo": ["*"], "trafficPolicy": { "tls": { "mode": "DISABLE" }, "outlierDetection": { "interval": "1s" } } } }),
        ),
    },
];

/// What of an object means something to Istio or to us.
fn meaning(live: &Json) -> Json {
    json!({ "spec": live["spec"], "labels": live["metadata"]["labels"], "annotations": live["metadata"]["annotations"] })
}

fn key(namespace: &Namespace, object: &str) -> Key {
    object.replace('/', &format!("/{}/", namespace.name)).parse().expect("a key")
}

fn meddle(api: &Api, key: &Key, what: &What) {
    let live = api.get(key).expect("it is there");
    match what {
        Patched(patch) => api.patch(key, &patch(&live)),
        Applied(body) => {
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
fn what_somebody_does_to_our_objects_is_seen_and_taken_back() {
    let (api, namespace) = (control_plane().api(), control_plane().namespace("drift"));
    let workspace = workspace(Tool::Terraform, Grant::Platform, &namespace, PLATFORM);
    workspace.apply().expect_success();
    for Meddling { object, what } in MEDDLING {
        let key = key(&namespace, object);
        let before = meaning(&api.get(&key).expect("it is there"));
        meddle(&api, &key, what);
        let meddled = api.get(&key).expect("it is there");
        assert_ne!(meaning(&meddled), before, "{key}");

        let plan = workspace.plan();
        assert!(!plan.is_empty && plan.text.contains(&key.to_string()), "{key}: {}", plan.text);
        let who = if matches!(what, Patched(_)) { "kubectl-patch" } else { "argocd-controller" };
        let warning = format!("{} was changed by {who}", key.kind.kind);
        assert!(plan.text.contains(&warning), "{warning:?} is not in: {}", plan.text);

        workspace.apply().expect_success();
        let mended = api.get(&key).expect("it is there");
        assert_eq!(meaning(&mended), before, "{key}, from {}", meaning(&meddled));
        assert_eq!(intruders(&mended), Vec::<&Json>::new(), "{key}");
        let plan = workspace.plan();
        assert!(plan.is_empty, "{key}: {}", plan.text);
    }
    workspace.destroy().expect_success();
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn an_object_that_nobody_owns_any_more_is_owned_again() {
    let (api, namespace) = (control_plane().api(), control_plane().namespace("ownerless"));
    let workspace = workspace(Tool::Terraform, Grant::Platform, &namespace, PLATFORM);
    workspace.apply().expect_success();
    let key = key(&namespace, "PeerAuthentication/default");
    let before = meaning(&api.get(&key).expect("it is there"));
    api.patch(&key, &json!({ "metadata": { "managedFields": [{}] }, "spec": { "mtls": { "mode": "PERMISSIVE" } } }));
    assert!(!workspace.plan().is_empty);
    workspace.apply().expect_success();
    let mended = api.get(&key).expect("it is there");
    assert_eq!(meaning(&mended), before);
    assert_eq!(intruders(&mended), Vec::<&Json>::new());
    workspace.assert_empty_plan();
    workspace.destroy().expect_success();
}
