//! Objects that belong to another owner, and objects that the cluster would reject, are plan errors, and nothing is
//! written.

use std::time::Duration;

use http::Method;
use serde_json::json;
use terraform_provider_mesh::object::{Key, kind};

use crate::support::{
    assertions::assert_contains_all,
    control_plane::{Namespace, control_plane},
    polling::wait_until,
    terraform::Tool,
    users::Grant,
};

use super::{CART, destroy_all, workspace};

#[test]
#[ignore = "needs the servers of `make tools`"]
fn object_of_another_tool_is_an_error() {
    let api = control_plane().api();
    for tool in Tool::ALL {
        let namespace = control_plane().namespace("taken");
        let key = Key::new(&kind::VIRTUAL_SERVICE, &namespace.name, &format!("cart-{}", namespace.name));
        let existing = json!({
            "apiVersion": key.kind.api_version(), "kind": key.kind.kind,
            "metadata": { "name": key.name, "namespace": namespace.name }, "spec": { "hosts": ["theirs"] },
        });
        api.apply(&existing, "helm");
        let before = api.get_existing(&key);
        let workspace = workspace(tool, Grant::AppTeam, &namespace, CART);
        for errors in [workspace.try_plan().errors(), workspace.apply().errors()] {
            assert_contains_all(
                tool,
                &errors,
                ["VirtualService exists already", &key.to_string(), "written by helm", "left as it is"],
            );
        }
        assert_eq!(api.get(&key), Some(before));
        assert_eq!(api.objects(&namespace.name), [key.to_string()]);
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn object_of_another_owner_is_an_error() {
    let namespace = control_plane().namespace("owned");
    let first = workspace(Tool::Terraform, Grant::AppTeam, &namespace, CART);
    first.apply().expect_success();
    let second = workspace(Tool::Terraform, Grant::AppTeam, &namespace, "");
    let main = first.read_file("main.tf");
    second.write_file("main.tf", &main.replace("owner = \"tests/", "owner = \"others/"));
    let errors = second.try_plan().errors();
    let owner = format!("it belongs to mesh_service/{0}/cart of owner \"tests/{0}\"", namespace.name);
    assert!(errors.contains(&owner), "{owner:?} is not in: {errors}");
    destroy_all(&first, &namespace);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn second_owner_of_global_defaults_is_an_error() {
    let namespace = control_plane().namespace("single");
    let first = workspace(
        Tool::Terraform,
        Grant::Platform,
        &namespace,
        "resource \"mesh_global_defaults\" \"a\" {\n  mtls {}\n}",
    );
    first.apply().expect_success();
    // The two resources have no object in common.
    let second = workspace(
        Tool::Tofu,
        Grant::Platform,
        &namespace,
        "resource \"mesh_global_defaults\" \"b\" {\n  sidecar {}\n}",
    );
    let main = second.read_file("main.tf");
    second.write_file("main.tf", &main.replace("owner = \"tests/", "owner = \"others/"));
    let errors = second.try_plan().errors();
    let parts = ["mesh_global_defaults exists already", &format!("owner \"tests/{}\"", namespace.name)];
    assert_contains_all("plan", &errors, parts);
    destroy_all(&first, &namespace);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn admission_denial_is_a_plan_error() {
    let namespace = control_plane().namespace("guarded");
    create_admission_policy(&namespace);
    for tool in Tool::ALL {
        let errors = workspace(tool, Grant::AppTeam, &namespace, CART).try_plan().errors();
        assert_contains_all(tool, &errors, ["a timeout cannot exceed 14s", "mesh_service.cart"]);
    }
    namespace.assert_empty();
}

/// Creates a ValidatingAdmissionPolicy with a CEL rule, and waits until the API server enforces it. Its refusals have the code and a
/// word of a missing right.
fn create_admission_policy(namespace: &Namespace) {
    let (api, name) = (control_plane().api(), &namespace.name);
    let version = "admissionregistration.k8s.io/v1";
    let rule = json!({ "apiGroups": ["networking.istio.io"], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"], "resources": ["virtualservices"] });
    let policy = json!({
        "apiVersion": version, "kind": "ValidatingAdmissionPolicy", "metadata": { "name": name },
        "spec": { "matchConstraints": { "resourceRules": [rule] }, "validations": [{
            "expression": "object.spec.http.all(route, route.timeout != '15s')",
            "reason": "Forbidden",
            "message": "a timeout cannot exceed 14s",
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
        api.request(Method::POST, &path, Some(("application/json", &body))).expect("the policy is created");
    }
    let path = format!("/apis/networking.istio.io/v1/namespaces/{name}/virtualservices?dryRun=All");
    let probe = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": { "name": "probe" },
        "spec": { "hosts": ["x"], "http": [{ "timeout": "15s", "route": [{ "destination": { "host": "x" } }] }] },
    });
    wait_until(Duration::from_secs(30), "the policy denies objects", || {
        api.request(Method::POST, &path, Some(("application/json", &probe))).is_err()
    });
}
