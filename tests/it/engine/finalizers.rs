//! A delete that waits for finalizers.

use std::time::Duration;

use serde_json::json;

use super::{Engine, ROUTE, live, not_found, route, terminating};
use crate::support::scripted_server::{ScriptedServer, exchange};

#[tokio::test]
async fn delete_waits_until_the_object_is_gone() {
    let server = ScriptedServer::start([
        exchange("GET", ROUTE, 200, live(&route(), "1")),
        exchange("DELETE", ROUTE, 200, terminating(&route(), "2")),
        exchange("GET", ROUTE, 200, terminating(&route(), "3")),
        exchange("GET", ROUTE, 404, not_found()),
    ])
    .await;
    let outcome = Engine::new(&server).recording(&[route()]).delete().await;
    assert_eq!((outcome.messages.as_str(), outcome.removed()), ("", vec!["VirtualService/pci/payments"]));
    server.finish();
}

#[tokio::test]
async fn delete_that_times_out_names_the_finalizers() {
    let server = ScriptedServer::start([
        exchange("GET", ROUTE, 200, live(&route(), "1")),
        exchange("DELETE", ROUTE, 200, terminating(&route(), "2")),
    ])
    .await;
    let mut engine = Engine::new(&server).recording(&[route()]);
    engine.timeout = Duration::from_millis(200);
    let outcome = engine.delete().await;
    assert!(outcome.messages.contains("finalizers aren't done: example.com/drain"), "{}", outcome.messages);
    assert_eq!(outcome.removed(), [""; 0], "the object is still in the state");
    server.finish();
}

#[tokio::test]
async fn terminating_object_is_not_deleted_again() {
    let server = ScriptedServer::start([
        exchange("GET", ROUTE, 200, terminating(&route(), "1")),
        exchange("GET", ROUTE, 404, not_found()),
    ])
    .await;
    let outcome = Engine::new(&server).recording(&[route()]).delete().await;
    assert_eq!((outcome.messages.as_str(), outcome.removed()), ("", vec!["VirtualService/pci/payments"]));
    server.finish();
}

#[tokio::test]
async fn object_recreated_by_another_client_ends_the_wait() {
    let mut recreated = live(&route(), "3");
    recreated["metadata"]["uid"] = json!("u2");
    let server = ScriptedServer::start([
        exchange("GET", ROUTE, 200, live(&route(), "1")),
        exchange("DELETE", ROUTE, 200, terminating(&route(), "2")),
        exchange("GET", ROUTE, 200, recreated),
    ])
    .await;
    let outcome = Engine::new(&server).recording(&[route()]).delete().await;
    assert_eq!((outcome.messages.as_str(), outcome.removed()), ("", vec!["VirtualService/pci/payments"]));
    server.finish();
}
