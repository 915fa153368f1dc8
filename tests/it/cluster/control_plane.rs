//! The control plane of the tests behaves like a real cluster as far as the other tests rely on it.

use http::Method;
use serde_json::Value as Json;
use terraform_provider_mesh::object::{self, Key};

use crate::support::{api::Api, control_plane::control_plane};

#[test]
#[ignore = "needs the servers of `make tools`"]
fn every_written_kind_is_served() {
    let api = control_plane().api();
    for kind in object::kind::MANAGED {
        let root = if kind.group.is_empty() { "/api" } else { "/apis" };
        let served =
            api.request(Method::GET, &format!("{root}/{}", kind.api_version()), None).expect("the version is served");
        let resources = served["resources"].as_array().expect("a list");
        let row =
            resources.iter().find(|r| r["name"] == kind.plural).unwrap_or_else(|| panic!("{} is served", kind.plural));
        assert_eq!((row["kind"].as_str(), row["namespaced"].as_bool()), (Some(kind.kind), Some(kind.namespaced)));
    }
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn server_version_is_parseable() {
    let version = control_plane().api().request(Method::GET, "/version", None).expect("a version");
    assert!(version["gitVersion"].as_str().is_some_and(|v| v.starts_with("v1.")), "{version}");
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn namespaces_are_unique_and_empty() {
    let (one, two) = (control_plane().namespace("empty"), control_plane().namespace("empty"));
    assert_ne!(one.name, two.name);
    one.assert_empty();
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn istio_validation_rules_are_enforced() {
    let namespace = control_plane().namespace("rules");
    let key = Key::new(&object::kind::VIRTUAL_SERVICE, &namespace.name, "bad");
    let body: Json = serde_json::json!({
        "apiVersion": key.kind.api_version(), "kind": key.kind.kind,
        "metadata": { "name": key.name, "namespace": namespace.name },
        "spec": { "hosts": ["x"], "http": [{ "timeout": "soon" }] },
    });
    let path = format!("/apis/{}/namespaces/{}/virtualservices", key.kind.api_version(), namespace.name);
    let error = control_plane()
        .api()
        .request(Method::POST, &path, Some(("application/json", &body)))
        .expect_err("the object is invalid");
    assert_eq!(error.code, 422);
    assert!(error.message.contains("must be a valid duration"), "{}", error.message);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn client_certificate_authenticates_a_user() {
    let plane = control_plane();
    let user = plane.certificate_user("a-user", &["some-group"]);
    let review = serde_json::json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview" });
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let api = Api::new(&plane.kubeconfig(&user));
    let review = api.request(Method::POST, path, Some(("application/json", &review))).expect("a response");
    assert_eq!(review["status"]["userInfo"]["username"], user.name.as_str());
    assert!(
        review["status"]["userInfo"]["groups"].as_array().is_some_and(|groups| groups.contains(&"some-group".into()))
    );
}
