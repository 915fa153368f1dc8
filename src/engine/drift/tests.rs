//! Ownership of fields in live objects with `managedFields`, as the API server writes them.

use super::*;
use crate::object::kind::{AUTHORIZATION_POLICY, SERVICE};

fn deny_all() -> (Key, Json) {
    let key = Key::new(&AUTHORIZATION_POLICY, "istio-system", "deny-all");
    let body = json!({
        "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
        "metadata": {"name": "deny-all", "namespace": "istio-system", "annotations": {"istio.io/dry-run": "false"}},
        "spec": {"action": "ALLOW", "rules": []},
    });
    (key, body)
}

fn entry(manager: &str, operation: &str, fields: &Json) -> Json {
    json!({"manager": manager, "operation": operation, "apiVersion": "security.istio.io/v1", "fieldsType": "FieldsV1", "fieldsV1": fields})
}

fn apply_entry() -> Json {
    let annotations = json!({"f:istio.io/dry-run": {}, "f:terraform-provider-mesh/owner": {}});
    let fields = json!({"f:metadata": {"f:annotations": annotations}, "f:spec": {"f:action": {}, "f:rules": {}}});
    entry(FIELD_MANAGER, "Apply", &fields)
}

fn live(managed: &Json, spec: &Json) -> Json {
    json!({
        "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
        "metadata": {
            "name": "deny-all", "namespace": "istio-system", "uid": "u", "resourceVersion": "7", "generation": 2,
            "annotations": {"istio.io/dry-run": "false", "terraform-provider-mesh/owner": "o", "theirs": "x"},
            "labels": {"terraform-provider-mesh/managed": "true"},
            "managedFields": managed,
        },
        "spec": spec, "status": {"conditions": []},
    })
}

#[test]
fn applied_body_is_returned_unchanged() {
    let (key, body) = deny_all();
    assert_eq!(owned_fields(&live(&json!([apply_entry()]), &body["spec"]), Some(&body), &key), body);
}

#[test]
fn field_added_to_exclusive_kind_is_drift() {
    let (key, body) = deny_all();
    let spec = json!({"action": "ALLOW", "rules": [{}], "selector": {"matchLabels": {"app": "x"}}});
    let kubectl = entry(
        "kubectl-edit",
        "Update",
        &json!({"f:spec": {"f:rules": {}, "f:selector": {".": {}, "f:matchLabels": {".": {}, "f:app": {}}}}}),
    );
    let live = live(&json!([apply_entry(), kubectl]), &spec);
    assert_eq!(owned_fields(&live, Some(&body), &key)["spec"], spec);
    let (manager, mut fields) = conflicting_managers(&live, &body, &key).remove(0);
    fields.sort();
    assert_eq!(manager, "kubectl-edit");
    assert_eq!(fields, ["spec.rules", "spec.selector.matchLabels.app"]);
}

#[test]
fn exclusive_ownership_patch_takes_owned_fields_only() {
    let (key, body) = deny_all();
    let other_fields =
        json!({"f:metadata": {"f:annotations": {"f:theirs": {}, "f:istio.io/dry-run": {}}}, "f:spec": {"f:rules": {}}});
    let status =
        json!({"manager": "istiod", "operation": "Update", "subresource": "status", "fieldsV1": {"f:status": {}}});
    let live = live(&json!([apply_entry(), entry("kubectl-edit", "Update", &other_fields), status]), &body["spec"]);
    let patch = exclusive_ownership_patch(&live, &body, &key).unwrap();
    assert_eq!(patch[1]["value"], "7");
    let entries = patch[0]["value"].as_array().unwrap();
    assert_eq!(entries.len(), 3);
    assert_eq!(entries[0]["manager"], FIELD_MANAGER);
    assert_eq!(entries[0]["fieldsV1"]["f:spec"], json!({"f:action": {}, "f:rules": {}}));
    assert_eq!(entries[1]["fieldsV1"], json!({"f:metadata": {"f:annotations": {"f:theirs": {}}}}));
    assert_eq!(entries[2], status);
}

#[test]
fn no_patch_without_conflicting_managers() {
    let (key, body) = deny_all();
    let other_entry = entry("argocd", "Update", &json!({"f:metadata": {"f:annotations": {"f:theirs": {}}}}));
    let live = live(&json!([apply_entry(), other_entry]), &body["spec"]);
    assert_eq!(exclusive_ownership_patch(&live, &body, &key), None);
    assert!(conflicting_managers(&live, &body, &key).is_empty());
}

#[test]
fn missing_apply_entry_is_created() {
    let (key, body) = deny_all();
    let all = entry("kubectl-patch", "Update", &json!({"f:spec": {"f:action": {}, "f:rules": {}}}));
    let patch = exclusive_ownership_patch(&live(&json!([all]), &body["spec"]), &body, &key).unwrap();
    let entries = patch[0]["value"].as_array().unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!((&entries[0]["manager"], &entries[0]["operation"]), (&json!(FIELD_MANAGER), &json!("Apply")));
}

#[test]
fn only_set_fields_of_shared_kind_are_owned() {
    let key = Key::new(&SERVICE, "pci", "payments");
    let port = json!({"name": "http-8080", "port": 8080, "protocol": "TCP", "targetPort": 8080, "appProtocol": "http"});
    let body = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "payments", "namespace": "pci"},
        "spec": {"ports": [port], "selector": {"app": "payments"}},
    });
    let mut defaulted_port = port.clone();
    defaulted_port["nodePort"] = json!(30000);
    let live = json!({
        "metadata": {"name": "payments", "namespace": "pci", "labels": {"team": "x"}, "managedFields": []},
        "spec": {"clusterIP": "10.0.0.1", "ports": [defaulted_port, {"port": 9, "protocol": "UDP"}], "selector": {"app": "payments"}},
    });
    assert_eq!(owned_fields(&live, Some(&body), &key), body);
    assert_eq!(exclusive_ownership_patch(&live, &body, &key), None);

    // A Service's selector is one atomic value, so a label that another client adds to it is drift.
    let mut narrowed = live;
    narrowed["spec"]["selector"]["more"] = json!("y");
    assert_eq!(owned_fields(&narrowed, Some(&body), &key)["spec"]["selector"], json!({"app": "payments", "more": "y"}));
}

#[test]
fn shared_ownership_patch_takes_written_fields_only() {
    let key = Key::new(&SERVICE, "pci", "payments");
    let body = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "payments", "namespace": "pci", "annotations": {"a": "1"}},
        "spec": {"ports": [{"port": 80, "protocol": "TCP", "name": "http-80"}], "selector": {"app": "payments"}},
    });
    let http = r#"k:{"port":80,"protocol":"TCP"}"#;
    let other = r#"k:{"port":9,"protocol":"UDP"}"#;
    let element = json!({".": {}, "f:port": {}, "f:protocol": {}, "f:name": {}, "f:nodePort": {}});
    let other_fields = json!({
        "f:metadata": {"f:annotations": {".": {}, "f:a": {}, "f:b": {}}, "f:labels": {"f:team": {}}},
        "f:spec": {"f:type": {}, "f:selector": {}, "f:ports": {".": {}, http: element, other: {".": {}, "f:port": {}}}},
    });
    let live = live(&json!([entry("helm", "Apply", &other_fields)]), &body["spec"]);
    let patch = shared_ownership_patch(&live, &body, &key).unwrap();
    let entries = patch[0]["value"].as_array().unwrap();
    let our_fields = json!({
        "f:metadata": {"f:annotations": {"f:a": {}}},
        "f:spec": {"f:selector": {}, "f:ports": {http: {".": {}, "f:port": {}, "f:protocol": {}, "f:name": {}}}},
    });
    let remaining_fields = json!({
        "f:metadata": {"f:annotations": {".": {}, "f:b": {}}, "f:labels": {"f:team": {}}},
        "f:spec": {"f:type": {}, "f:ports": {".": {}, http: {"f:nodePort": {}}, other: {".": {}, "f:port": {}}}},
    });
    assert_eq!((&entries[0]["manager"], &entries[0]["fieldsV1"]), (&json!(FIELD_MANAGER), &our_fields));
    assert_eq!((&entries[1]["manager"], &entries[1]["fieldsV1"]), (&json!("helm"), &remaining_fields));
}

#[test]
fn applied_field_that_is_no_longer_desired_is_returned() {
    let key = Key::new(&SERVICE, "pci", "payments");
    let fields = json!({"f:metadata": {"f:labels": {"f:old": {}}}, "f:spec": {"f:selector": {}}});
    let live = json!({
        "metadata": {"name": "payments", "namespace": "pci", "labels": {"old": "1"}, "managedFields": [entry(FIELD_MANAGER, "Apply", &fields)]},
        "spec": {"selector": {"app": "payments"}},
    });
    let desired = json!({"metadata": {"name": "payments"}, "spec": {"selector": {"app": "payments"}}});
    assert_eq!(owned_fields(&live, Some(&desired), &key)["metadata"]["labels"], json!({"old": "1"}));
}
