//! The proxy of the tests forwards requests, records them and injects faults.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::json;
use terraform_provider_mesh::object::{Key, kind};

use crate::support::{
    api::Api,
    control_plane::control_plane,
    proxy::{Fault, Proxy},
};

#[test]
#[ignore = "needs the servers of `make tools`"]
fn requests_are_forwarded_and_recorded() {
    let (plane, proxy) = (control_plane(), Proxy::start(control_plane()));
    let namespace = plane.namespace("proxy");
    let key = Key::new(&kind::SERVICE_ACCOUNT, &namespace.name, "cart");
    let api = Api::new(&proxy.kubeconfig(&plane.admin));
    api.apply(&json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": key.name, "namespace": namespace.name } }), "x");
    assert!(api.get(&key).is_some());
    api.delete(&key);
    assert!(api.get(&key).is_none());
    assert_eq!(format!("{:?}", proxy.requests_by_method()), r#"{"DELETE": 1, "GET": 2, "PATCH": 1}"#);
    assert_eq!(proxy.writes().len(), 2);
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn faults_are_injected_into_matching_requests() {
    let (plane, proxy) = (control_plane(), Proxy::start(control_plane()));
    let api = Api::new(&proxy.kubeconfig(&plane.admin));
    let get_version = || api.request(Method::GET, "/version", None).map_err(|error| error.code);
    for code in [409, 500, 503] {
        proxy.reset();
        proxy.inject_fault(1, 1, Fault::Status(code), |request| request.path == "/version");
        let codes: Vec<_> = (0..3).map(|_| get_version().err()).collect();
        assert_eq!(codes, [None, Some(code), None]);
    }
    proxy.reset();
    proxy.inject_fault(0, 1, Fault::TooManyRequests(1), |_| true);
    assert_eq!(get_version().err(), Some(429));
    proxy.reset();
    proxy.inject_fault(0, 1, Fault::Delay(Duration::from_millis(300)), |_| true);
    let start = Instant::now();
    assert!(get_version().is_ok() && start.elapsed() >= Duration::from_millis(300));
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn dropped_response_does_not_undo_the_write() {
    let plane = control_plane();
    for (fault, is_written) in [(Fault::DropRequest, false), (Fault::DropResponse, true)] {
        let proxy = Proxy::start(plane);
        let namespace = plane.namespace("dropped");
        let key = Key::new(&kind::SERVICE_ACCOUNT, &namespace.name, "cart");
        let body = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "cart" } });
        proxy.inject_fault(0, usize::MAX, fault, |request| request.method == "POST");
        let path = format!("/api/v1/namespaces/{}/serviceaccounts", namespace.name);
        let api = Api::new(&proxy.kubeconfig(&plane.admin));
        let error = api.request(Method::POST, &path, Some(("application/json", &body))).expect_err("no response");
        assert_eq!(error.code, 0, "{fault:?}: {}", error.message);
        assert_eq!(plane.api().get(&key).is_some(), is_written, "{fault:?}");
    }
}
