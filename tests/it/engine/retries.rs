//! Errors that pass: the request is sent again.

use std::time::Duration;

use futures_util::future::join_all;

use super::{Engine, ROUTE, RULE, live, not_found, route, rule};
use crate::support::scripted_server::{Exchange, ScriptedServer, exchange, lost_connection, status};

/// Applies the route while the first attempts of its write meet `faults`.
async fn apply_after(faults: Vec<Exchange>) -> String {
    let mut script = vec![exchange("GET", ROUTE, 404, not_found())];
    script.extend(faults);
    script.push(exchange("PATCH", ROUTE, 200, live(&route(), "1")));
    let server = ScriptedServer::start(script).await;
    let outcome = Engine::new(&server).apply(&[route()]).await;
    if outcome.messages.is_empty() {
        assert_eq!(outcome.written(), ["VirtualService/pci/payments"]);
        server.finish();
    }
    outcome.messages
}

#[tokio::test]
async fn write_is_retried_after_a_passing_error() {
    let apply_after = |code| apply_after(vec![exchange("PATCH", ROUTE, code, status(code, "", "etcd is away"))]);
    assert_eq!(join_all([429, 500, 502, 503, 504].map(apply_after)).await, [""; 5]);
}

#[tokio::test]
async fn write_is_retried_after_a_lost_connection() {
    assert_eq!(apply_after(vec![lost_connection("PATCH", ROUTE)]).await, "");
}

#[tokio::test]
async fn write_survives_several_errors() {
    let faults = vec![lost_connection("PATCH", ROUTE), exchange("PATCH", ROUTE, 503, status(503, "", "etcd is away"))];
    assert_eq!(apply_after(faults).await, "");
}

#[tokio::test]
async fn refused_write_is_not_retried() {
    for code in [400, 403, 413, 422] {
        let mut refusal = status(code, "Invalid", "spec.hosts is required");
        refusal["details"]["causes"] = serde_json::json!([{ "field": "spec.hosts", "message": "required" }]);
        let server =
            ScriptedServer::start([exchange("GET", ROUTE, 404, not_found()), exchange("PATCH", ROUTE, code, refusal)])
                .await;
        let outcome = Engine::new(&server).apply(&[route()]).await;
        assert!(outcome.messages.contains("spec.hosts is required"), "{code}: {}", outcome.messages);
        assert!(outcome.journal.is_empty());
        server.finish();
    }
}

#[tokio::test]
async fn read_is_retried_as_well() {
    let server =
        ScriptedServer::start([lost_connection("GET", RULE), exchange("GET", RULE, 200, live(&rule(), "1"))]).await;
    let outcome = Engine::new(&server).recording(&[rule()]).apply(&[rule()]).await;
    assert_eq!((outcome.messages.as_str(), outcome.written()), ("", vec!["DestinationRule/pci/payments"]));
    server.finish();
}

#[tokio::test]
async fn timeout_ends_the_retries_with_the_last_error() {
    let unavailable = || exchange("PATCH", ROUTE, 503, status(503, "", "etcd is away"));
    let absent = || exchange("GET", ROUTE, 404, not_found());
    // The second read looks whether a write without a final answer was carried out.
    let server = ScriptedServer::start([absent(), unavailable(), absent()]).await;
    let mut engine = Engine::new(&server);
    engine.timeout = Duration::from_millis(50);
    let outcome = engine.apply(&[route()]).await;
    assert!(outcome.messages.contains("etcd is away") && outcome.journal.is_empty(), "{}", outcome.messages);
    server.finish();
}
