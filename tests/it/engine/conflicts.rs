//! An object that changes between the read and the write: 409 Conflict.

use serde_json::json;

use super::{Engine, ROUTE, SERVICE_PATH, drifted, identity, live, live_of, not_found, route, service};
use crate::support::scripted_server::{Received, ScriptedServer, exchange, status};

fn conflict() -> serde_json::Value {
    status(409, "Conflict", "the object has been modified; please apply your changes to the latest version")
}

/// The value at a JSON pointer in the body of each request of a method.
fn values(requests: &[Received], method: &str, pointer: &str) -> Vec<String> {
    let matching = requests.iter().filter(|request| request.method == method);
    matching
        .map(|request| request.body.pointer(pointer).and_then(|value| value.as_str()).unwrap_or("-").to_owned())
        .collect()
}

#[tokio::test]
async fn conflict_is_retried_with_the_new_resource_version() {
    let server = ScriptedServer::start([
        exchange("GET", ROUTE, 200, drifted(&route(), "1")),
        exchange("PATCH", ROUTE, 409, conflict()),
        exchange("GET", ROUTE, 200, drifted(&route(), "2")),
        exchange("PATCH", ROUTE, 200, live(&route(), "3")),
    ])
    .await;
    let outcome = Engine::new(&server).recording(&[route()]).apply(&[route()]).await;
    assert_eq!(outcome.messages, "");
    assert_eq!(outcome.written(), ["VirtualService/pci/payments"]);
    assert_eq!(values(&server.finish(), "PATCH", "/metadata/resourceVersion"), ["1", "2"]);
}

#[tokio::test]
async fn apply_gives_up_after_five_attempts() {
    let round = |n: usize| {
        let version = n.to_string();
        [exchange("GET", ROUTE, 200, drifted(&route(), &version)), exchange("PATCH", ROUTE, 409, conflict())]
    };
    let server = ScriptedServer::start((1..=5).flat_map(round)).await;
    let outcome = Engine::new(&server).recording(&[route()]).apply(&[route()]).await;
    assert!(outcome.messages.contains("the object has been modified"), "{}", outcome.messages);
    assert_eq!(outcome.written(), [""; 0]);
    assert_eq!(values(&server.finish(), "PATCH", "/metadata/resourceVersion"), ["1", "2", "3", "4", "5"]);
}

#[tokio::test]
async fn conflict_of_field_managers_is_not_retried() {
    let mut refusal = status(409, "Conflict", "Apply failed with 1 conflict");
    let message = "conflict with \"helm\" using v1";
    refusal["details"]["causes"] =
        json!([{ "reason": "FieldManagerConflict", "message": message, "field": ".spec.selector" }]);
    let server = ScriptedServer::start([
        exchange("GET", SERVICE_PATH, 200, drifted(&service(), "1")),
        exchange("PATCH", SERVICE_PATH, 409, refusal),
    ])
    .await;
    let outcome = Engine::new(&server).recording(&[service()]).apply(&[service()]).await;
    assert!(outcome.messages.contains(message), "{}", outcome.messages);
    assert_eq!(outcome.written(), [""; 0]);
    server.finish();
}

#[tokio::test]
async fn object_that_another_owner_created_meanwhile_is_not_overwritten() {
    let other = super::OwnerIdentity { owner: "shop/prod".to_owned(), ..identity() };
    let server = ScriptedServer::start([
        exchange("GET", ROUTE, 404, not_found()),
        exchange("PATCH", ROUTE, 409, conflict()),
        exchange("GET", ROUTE, 200, live_of(&other, &route(), "1")),
    ])
    .await;
    let outcome = Engine::new(&server).apply(&[route()]).await;
    assert!(outcome.messages.contains("VirtualService exists already"), "{}", outcome.messages);
    assert!(outcome.messages.contains("owner \"shop/prod\""), "{}", outcome.messages);
    assert_eq!(outcome.written(), [""; 0]);
    server.finish();
}

#[tokio::test]
async fn delete_is_retried_with_the_new_preconditions() {
    let server = ScriptedServer::start([
        exchange("GET", ROUTE, 200, live(&route(), "1")),
        exchange("DELETE", ROUTE, 409, conflict()),
        exchange("GET", ROUTE, 200, live(&route(), "2")),
        exchange("DELETE", ROUTE, 200, status(200, "", "")),
    ])
    .await;
    let outcome = Engine::new(&server).recording(&[route()]).delete().await;
    assert_eq!(outcome.messages, "");
    assert_eq!(outcome.removed(), ["VirtualService/pci/payments"]);
    let requests = server.finish();
    assert_eq!(values(&requests, "DELETE", "/preconditions/resourceVersion"), ["1", "2"]);
    assert_eq!(values(&requests, "DELETE", "/preconditions/uid"), ["u1", "u1"]);
}

#[tokio::test]
async fn delete_gives_up_after_five_attempts() {
    let round = |_| [exchange("GET", ROUTE, 200, live(&route(), "1")), exchange("DELETE", ROUTE, 409, conflict())];
    let server = ScriptedServer::start((1..=5).flat_map(round)).await;
    let outcome = Engine::new(&server).recording(&[route()]).delete().await;
    assert!(outcome.messages.contains("the object has been modified"), "{}", outcome.messages);
    assert_eq!(outcome.removed(), [""; 0]);
    server.finish();
}

#[tokio::test]
async fn object_deleted_after_a_conflict_counts_as_removed() {
    let server = ScriptedServer::start([
        exchange("GET", ROUTE, 200, live(&route(), "1")),
        exchange("DELETE", ROUTE, 409, conflict()),
        exchange("GET", ROUTE, 404, not_found()),
    ])
    .await;
    let outcome = Engine::new(&server).recording(&[route()]).delete().await;
    assert_eq!((outcome.messages.as_str(), outcome.removed()), ("", vec!["VirtualService/pci/payments"]));
    server.finish();
}

#[tokio::test]
async fn create_is_refused_if_another_owner_was_faster() {
    let mut other = identity();
    other.owner = "shop/prod".to_owned();
    let server = ScriptedServer::start([
        exchange("GET", ROUTE, 404, not_found()),
        exchange("PATCH", ROUTE, 409, conflict()),
        exchange("GET", ROUTE, 200, live_of(&other, &route(), "7")),
    ])
    .await;
    let outcome = Engine::new(&server).apply(&[route()]).await;
    assert!(outcome.messages.contains("shop/prod"), "{}", outcome.messages);
    assert_eq!(outcome.written(), [""; 0]);
    // No object has this version, so the server only creates.
    assert_eq!(values(&server.finish(), "PATCH", "/metadata/resourceVersion"), ["1"]);
}
