//! What the cluster would refuse, or what isn't ours, is an error of the plan, and nothing is written.

use std::{thread, time::Duration};

use http::Method;
use serde_json::json;
use terraform_provider_mesh::object::{Key, kind};

use crate::support::{
    control_plane::{Namespace, control_plane},
    terraform::Tool,
    users::Grant,
};

use super::{CART, workspace};

#[test]
#[ignore = "needs the servers of `make tools`"]
fn an_object_of_somebody_else_is_refused_at_plan() {
    let api = control_plane().api();
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("taken");
        let key = Key::new(&kind::VIRTUAL_SERVICE, &namespace.name, &format!("cart-{}", namespace.name));
        let theirs = json!({
            "apiVersion": key.kind.api_version(), "kind": key.kind.kind,
            "metadata": { "name": key.name, "namespace": namespace.name }, "spec": { "hosts": ["theirs"] },
        });
        api.apply(&theirs, "helm");
        let before = api.get(&key).expect("it is there");
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        for told in [workspace.try_plan().errors(), workspace.apply().errors()] {
            for word in ["VirtualService exists already", &key.to_string(), "written by helm", "left as it is"] {
                assert!(told.contains(word), "{tool}: {word:?} is not in: {told}");
            }
        }
        assert_eq!(api.get(&key), Some(before));
        assert_eq!(api.objects(&namespace.name), [key.to_string()]);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn another_owner_is_named() {
    let namespace = control_plane().namespace("owned");
    let first = workspace(Tool::Terraform, Grant::AppTeam, &namespace, CART);
    first.apply().expect_success();
    let second = workspace(Tool::Terraform, Grant::AppTeam, &namespace, "");
    let main = std::fs::read_to_string(first.path().join("main.tf")).expect("it is there");
    second.write_file("main.tf", &main.replace("owner = \"tests/", "owner = \"others/"));
    let told = second.try_plan().errors();
    let owner = format!("it belongs to mesh_service/{0}/cart of owner \"tests/{0}\"", namespace.name);
    assert!(told.contains(&owner), "{owner:?} is not in: {told}");
    first.destroy().expect_success();
    assert_eq!(control_plane().api().objects(&namespace.name), Vec::<String>::new());
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_second_owner_of_the_meshs_defaults_is_refused() {
    let namespace = control_plane().namespace("single");
    let first = workspace(
        Tool::Terraform,
        Grant::Platform,
        &namespace,
        "resource \"mesh_global_defaults\" \"a\" {\n  mtls {}\n}",
    );
    first.apply().expect_success();
    // The two have no object in common.
    let second = workspace(
        Tool::Tofu,
        Grant::Platform,
        &namespace,
        "resource \"mesh_global_defaults\" \"b\" {\n  sidecar {}\n}",
    );
    let main = std::fs::read_to_string(second.path().join("main.tf")).expect("it is there");
    second.write_file("main.tf", &main.replace("owner = \"tests/", "owner = \"others/"));
    let told = second.try_plan().errors();
    let words = ["mesh_global_defaults exists already", &format!("owner \"tests/{}\"", namespace.name)];
    for word in words {
        assert!(told.contains(word), "{word:?} is not in: {told}");
    }
    first.destroy().expect_success();
    assert_eq!(control_plane().api().objects(&namespace.name), Vec::<String>::new());
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn what_admission_refuses_is_refused_at_plan() {
    let namespace = control_plane().namespace("guarded");
    guard(&namespace);
    for tool in Tool::ALL {
        let told = workspace(tool, Grant::AppTeam, &namespace, CART).try_plan().errors();
        for word in ["no VirtualService waits as long as 15s", "mesh_service.cart"] {
            assert!(told.contains(word), "{tool}: {word:?} is not in: {told}");
        }
    }
    assert_eq!(control_plane().api().objects(&namespace.name), Vec::<String>::new());
}

/// A rule in CEL that the platform might have; waits until it holds.
fn guard(namespace: &Namespace) {
    let (api, name) = (control_plane().api(), &namespace.name);
    let version = "admissionregistration.k8s.io/v1";
    let rule = json!({ "apiGroups": ["networking.istio.io"], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"], "resources": ["virtualservices"] });
    let policy = json!({
        "apiVersion": version, "kind": "ValidatingAdmissionPolicy", "metadata": { "name": name },
        "spec": { "matchConstraints": { "resourceRules": [rule] }, "validations": [{
            "expression": "object.spec.http.all(route, route.timeout != '15s')",
            "message": "no VirtualService waits as long as 15s",
        }] },
    });
    let binding = json!({
        "apiVersion": version, "kind": "ValidatingAdmissionPolicyBinding", "metadata": { "name": name },
        "spec": { "policyName": name, "validationActions": ["Deny"], "matchResources": {
            "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": name } },
        } },
    });
    for (plural, body) in [("validatingadmissionpolicies", policy), ("validatingadmissionpolicybindings", binding)] {
        let path = format!("/apis/{version}/{plural}");
        api.request(Method::POST, &path, Some(("application/json", &body))).expect("it is taken");
    }
    let path = format!("/apis/networking.istio.io/v1/namespaces/{name}/virtualservices?dryRun=All");
    let refused = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": { "name": "probe" },
        "spec": { "hosts": ["x"], "http": [{ "timeout": "15s", "route": [{ "destination": { "host": "x" } }] }] },
    });
    for _ in 0..100 {
        if api.request(Method::POST, &path, Some(("application/json", &refused))).is_err() {
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("the policy doesn't hold");
}
