//! The proxy does to requests what a test asks of it.

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
fn requests_pass_and_are_counted() {
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
fn the_chosen_requests_go_wrong() {
    let (plane, proxy) = (control_plane(), Proxy::start(control_plane()));
    let api = Api::new(&proxy.kubeconfig(&plane.admin));
    let ask = || api.request(Method::GET, "/version", None).map_err(|refusal| refusal.code);
    for code in [409, 500, 503] {
        proxy.reset();
        proxy.inject_fault(1, 1, Fault::Status(code), |request| request.path == "/version");
        let codes: Vec<_> = (0..3).map(|_| ask().err()).collect();
        assert_eq!(codes, [None, Some(code), None]);
    }
    proxy.reset();
    proxy.inject_fault(0, 1, Fault::TooManyRequests(1), |_| true);
    assert_eq!(ask().err(), Some(429));
    proxy.reset();
    proxy.inject_fault(0, 1, Fault::Delay(Duration::from_millis(300)), |_| true);
    let start = Instant::now();
    assert!(ask().is_ok() && start.elapsed() >= Duration::from_millis(300));
}

#[test]
#[ignore = "needs the servers of `make tools`"]
fn a_cut_answer_leaves_what_was_asked_done() {
    let plane = control_plane();
    for (fault, done) in [(Fault::DropRequest, false), (Fault::DropResponse, true)] {
        let proxy = Proxy::start(plane);
        let namespace = plane.namespace("cut");
        let key = Key::new(&kind::SERVICE_ACCOUNT, &namespace.name, "cart");
        let body = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "cart" } });
        proxy.inject_fault(0, usize::MAX, fault, |request| request.method == "POST");
        let path = format!("/api/v1/namespaces/{}/serviceaccounts", namespace.name);
        let api = Api::new(&proxy.kubeconfig(&plane.admin));
        let cut = api.request(Method::POST, &path, Some(("application/json", &body))).expect_err("no answer comes");
        assert_eq!(cut.code, 0, "{fault:?}: {}", cut.message);
        assert_eq!(plane.api().get(&key).is_some(), done, "{fault:?}");
    }
}
