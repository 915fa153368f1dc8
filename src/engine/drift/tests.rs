//! Live objects as the server writes them, and what is ours of them.

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

fn ours() -> Json {
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
fn what_we_applied_comes_back() {
    let (key, body) = deny_all();
    assert_eq!(owned_fields(&live(&json!([ours()]), &body["spec"]), Some(&body), &key), body);
}

#[test]
fn a_field_that_somebody_added_to_a_kind_of_ours_is_drift() {
    let (key, body) = deny_all();
    let spec = json!({"action": "ALLOW", "rules": [{}], "selector": {"matchLabels": {"app": "x"}}});
    let kubectl = entry(
        "kubectl-edit",
        "Update",
        &json!({"f:spec": {"f:rules": {}, "f:selector": {".": {}, "f:matchLabels": {".": {}, "f:app": {}}}}}),
    );
    let live = live(&json!([ours(), kubectl]), &spec);
    assert_eq!(owned_fields(&live, Some(&body), &key)["spec"], spec);
    let (manager, mut fields) = intruders(&live, &body, &key).remove(0);
    fields.sort();
    assert_eq!(manager, "kubectl-edit");
    assert_eq!(fields, ["spec.rules", "spec.selector.matchLabels.app"]);
}

#[test]
fn the_take_makes_the_territory_ours_and_leaves_the_rest() {
    let (key, body) = deny_all();
    let theirs =
        json!({"f:metadata": {"f:annotations": {"f:theirs": {}, "f:istio.io/dry-run": {}}}, "f:spec": {"f:rules": {}}});
    let status =
        json!({"manager": "istiod", "operation": "Update", "subresource": "status", "fieldsV1": {"f:status": {}}});
    let live = live(&json!([ours(), entry("kubectl-edit", "Update", &theirs), status]), &body["spec"]);
    let patch = take(&live, &body, &key).unwrap();
    assert_eq!(patch[1]["value"], "7");
    let entries = patch[0]["value"].as_array().unwrap();
    assert_eq!(entries.len(), 3);
    assert_eq!(entries[0]["manager"], FIELD_MANAGER);
    assert_eq!(entries[0]["fieldsV1"]["f:spec"], json!({"f:action": {}, "f:rules": {}}));
    assert_eq!(entries[1]["fieldsV1"], json!({"f:metadata": {"f:annotations": {"f:theirs": {}}}}));
    assert_eq!(entries[2], status);
}

#[test]
fn where_nobody_interferes_there_is_nothing_to_take() {
    let (key, body) = deny_all();
    let theirs = entry("argocd", "Update", &json!({"f:metadata": {"f:annotations": {"f:theirs": {}}}}));
    let live = live(&json!([ours(), theirs]), &body["spec"]);
    assert_eq!(take(&live, &body, &key), None);
    assert!(intruders(&live, &body, &key).is_empty());
}

#[test]
fn an_apply_entry_that_vanished_is_made_anew() {
    let (key, body) = deny_all();
    let all = entry("kubectl-patch", "Update", &json!({"f:spec": {"f:action": {}, "f:rules": {}}}));
    let patch = take(&live(&json!([all]), &body["spec"]), &body, &key).unwrap();
    let entries = patch[0]["value"].as_array().unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!((&entries[0]["manager"], &entries[0]["operation"]), (&json!(FIELD_MANAGER), &json!("Apply")));
}

#[test]
fn of_a_shared_kind_only_our_fields_are_ours() {
    let key = Key::new(&SERVICE, "pci", "payments");
    let port = json!({"name": "http-8080", "port": 8080, "protocol": "TCP", "targetPort": 8080, "appProtocol": "http"});
    let body = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "payments", "namespace": "pci"},
        "spec": {"ports": [port], "selector": {"app": "payments"}},
    });
    let mut theirs = port.clone();
    theirs["nodePort"] = json!(30000);
    let live = json!({
        "metadata": {"name": "payments", "namespace": "pci", "labels": {"team": "x"}, "managedFields": []},
        "spec": {"clusterIP": "10.0.0.1", "ports": [theirs, {"port": 9, "protocol": "UDP"}], "selector": {"app": "payments"}},
    });
    assert_eq!(owned_fields(&live, Some(&body), &key), body);
    assert_eq!(take(&live, &body, &key), None);

    // The server takes a selector whole, so a label that somebody adds is a change of ours.
    let mut narrowed = live;
    narrowed["spec"]["selector"]["more"] = json!("y");
    assert_eq!(owned_fields(&narrowed, Some(&body), &key)["spec"]["selector"], json!({"app": "payments", "more": "y"}));
}

#[test]
fn an_object_of_a_shared_kind_that_becomes_ours_is_ours_as_far_as_we_write_it() {
    let key = Key::new(&SERVICE, "pci", "payments");
    let body = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "payments", "namespace": "pci", "annotations": {"a": "1"}},
        "spec": {"ports": [{"port": 80, "protocol": "TCP", "name": "http-80"}], "selector": {"app": "payments"}},
    });
    let http = r#"k:{"port":80,"protocol":"TCP"}"#;
    let other = r#"k:{"port":9,"protocol":"UDP"}"#;
    let element = json!({".": {}, "f:port": {}, "f:protocol": {}, "f:name": {}, "f:nodePort": {}});
    let theirs = json!({
        "f:metadata": {"f:annotations": {".": {}, "f:a": {}, "f:b": {}}, "f:labels": {"f:team": {}}},
        "f:spec": {"f:type": {}, "f:selector": {}, "f:ports": {".": {}, http: element, other: {".": {}, "f:port": {}}}},
    });
    let live = live(&json!([entry("helm", "Apply", &theirs)]), &body["spec"]);
    let patch = take_written(&live, &body, &key).unwrap();
    let entries = patch[0]["value"].as_array().unwrap();
    let ours = json!({
        "f:metadata": {"f:annotations": {"f:a": {}}},
        "f:spec": {"f:selector": {}, "f:ports": {http: {".": {}, "f:port": {}, "f:protocol": {}, "f:name": {}}}},
    });
    let left = json!({
        "f:metadata": {"f:annotations": {".": {}, "f:b": {}}, "f:labels": {"f:team": {}}},
        "f:spec": {"f:type": {}, "f:ports": {".": {}, http: {"f:nodePort": {}}, other: {".": {}, "f:port": {}}}},
    });
    assert_eq!((&entries[0]["manager"], &entries[0]["fieldsV1"]), (&json!(FIELD_MANAGER), &ours));
    assert_eq!((&entries[1]["manager"], &entries[1]["fieldsV1"]), (&json!("helm"), &left));
}

#[test]
fn what_we_own_and_want_no_more_is_seen() {
    let key = Key::new(&SERVICE, "pci", "payments");
    let fields = json!({"f:metadata": {"f:labels": {"f:old": {}}}, "f:spec": {"f:selector": {}}});
    let live = json!({
        "metadata": {"name": "payments", "namespace": "pci", "labels": {"old": "1"}, "managedFields": [entry(FIELD_MANAGER, "Apply", &fields)]},
        "spec": {"selector": {"app": "payments"}},
    });
    let wanted = json!({"metadata": {"name": "payments"}, "spec": {"selector": {"app": "payments"}}});
    assert_eq!(owned_fields(&live, Some(&wanted), &key)["metadata"]["labels"], json!({"old": "1"}));
}
