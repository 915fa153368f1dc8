//! An operation that ends before its last write: the journal has what was written.

use std::{sync::Arc, time::Duration};

use terraform_provider_mesh::{
    diagnostics::Diagnostics,
    engine::{Journal, JournalEntry},
};
use tokio::sync::Notify;

use super::{Engine, ROUTE, RULE, live, not_found, outcome, route, rule};
use crate::support::scripted_server::{ScriptedServer, delayed, exchange, hanging, status};

/// The requests of an apply of two objects, up to the answer of the first write.
fn first_write() -> Vec<crate::support::scripted_server::Exchange> {
    vec![
        exchange("GET", RULE, 404, not_found()),
        exchange("GET", ROUTE, 404, not_found()),
        exchange("PATCH", RULE, 200, live(&rule(), "1")),
    ]
}

#[tokio::test]
async fn stop_ends_the_apply_and_the_journal_has_the_first_write() {
    let server = ScriptedServer::start(first_write()).await;
    let engine = Engine::new(&server);
    let stop = engine.stop.clone();
    server.expect(hanging("PATCH", ROUTE, move || stop.cancel()));
    server.expect(exchange("GET", ROUTE, 404, not_found()));
    let outcome = engine.apply(&[route(), rule()]).await;
    assert!(outcome.messages.starts_with("error"), "{}", outcome.messages);
    assert_eq!(outcome.written(), ["DestinationRule/pci/payments"]);
    let JournalEntry::Written { uid, owned, .. } = &outcome.journal["DestinationRule/pci/payments"] else { panic!() };
    assert_eq!((uid.as_str(), owned), ("u1", &rule().body));
    server.finish();
}

#[tokio::test]
async fn write_that_is_answered_after_stop_is_in_the_journal() {
    let server = ScriptedServer::start(first_write()).await;
    let engine = Engine::new(&server);
    let stop = engine.stop.clone();
    server.expect(delayed("PATCH", ROUTE, Duration::from_millis(500), live(&route(), "1"), move || stop.cancel()));
    let outcome = engine.apply(&[route(), rule()]).await;
    assert_eq!(outcome.written(), ["DestinationRule/pci/payments", "VirtualService/pci/payments"]);
    server.finish();
}

#[tokio::test]
async fn write_whose_answer_never_comes_is_looked_up_after_stop() {
    for (found, written) in [(Some(live(&route(), "1")), 2), (None, 1)] {
        let server = ScriptedServer::start(first_write()).await;
        let engine = Engine::new(&server);
        let stop = engine.stop.clone();
        server.expect(hanging("PATCH", ROUTE, move || stop.cancel()));
        server.expect(match found {
            Some(found) => exchange("GET", ROUTE, 200, found),
            None => exchange("GET", ROUTE, 404, not_found()),
        });
        let outcome = engine.apply(&[route(), rule()]).await;
        assert!(outcome.messages.starts_with("error"), "{}", outcome.messages);
        assert_eq!(outcome.written().len(), written, "{:?}", outcome.written());
        server.finish();
    }
}

#[tokio::test]
async fn write_whose_answer_is_lost_until_the_timeout_is_looked_up() {
    let server = ScriptedServer::start([
        exchange("GET", RULE, 404, not_found()),
        hanging("PATCH", RULE, || ()),
        exchange("GET", RULE, 200, live(&rule(), "1")),
    ])
    .await;
    let mut engine = Engine::new(&server);
    engine.timeout = Duration::from_millis(200);
    let outcome = engine.apply(&[rule()]).await;
    assert!(outcome.messages.starts_with("error"), "{}", outcome.messages);
    assert_eq!(outcome.written(), ["DestinationRule/pci/payments"]);
    server.finish();
}

#[tokio::test]
async fn stop_before_the_first_write_leaves_an_empty_journal() {
    let server = ScriptedServer::start([]).await;
    let engine = Engine::new(&server);
    engine.stop.cancel();
    let outcome = engine.apply(&[route(), rule()]).await;
    assert!(outcome.messages.starts_with("error") && outcome.journal.is_empty(), "{}", outcome.messages);
    server.finish();
}

#[tokio::test]
async fn stop_ends_the_wait_for_finalizers() {
    let server = ScriptedServer::start([exchange("GET", ROUTE, 200, live(&route(), "1"))]).await;
    let engine = Engine::new(&server).recording(&[route()]);
    server.expect(exchange("DELETE", ROUTE, 200, super::terminating(&route(), "2")));
    let stop = engine.stop.clone();
    server.expect(hanging("GET", ROUTE, move || stop.cancel()));
    let outcome = engine.delete().await;
    assert!(outcome.messages.starts_with("error") && outcome.journal.is_empty(), "{}", outcome.messages);
    server.finish();
}

#[tokio::test]
async fn dropped_apply_leaves_its_journal() {
    let server = ScriptedServer::start(first_write()).await;
    let engine = Engine::new(&server);
    let second_write = Arc::new(Notify::new());
    let reached = Arc::clone(&second_write);
    server.expect(hanging("PATCH", ROUTE, move || reached.notify_one()));
    let (journal, mut out) = (Journal::default(), Diagnostics::default());
    {
        let (writer, desired) = (engine.writer(), [route(), rule()]);
        tokio::select! {
            () = writer.apply(&desired, &journal, &mut out) => panic!("the second write hangs"),
            () = second_write.notified() => {}
        }
    }
    assert_eq!(outcome(&journal, &out).written(), ["DestinationRule/pci/payments"]);
    server.finish();
}

#[tokio::test]
async fn failed_write_ends_the_apply_before_the_next_wave() {
    let server = ScriptedServer::start([
        exchange("GET", RULE, 404, not_found()),
        exchange("GET", ROUTE, 404, not_found()),
        exchange(
            "PATCH",
            RULE,
            403,
            status(
                403,
                "Forbidden",
                "destinationrules.networking.istio.io \"payments\" is forbidden: User \"ci\" cannot patch resource",
            ),
        ),
    ])
    .await;
    let outcome = Engine::new(&server).apply(&[route(), rule()]).await;
    assert!(outcome.messages.contains("Not allowed to apply destinationrules"), "{}", outcome.messages);
    assert!(outcome.journal.is_empty());
    server.finish();
}

#[tokio::test]
async fn timeout_ends_the_wait_for_a_namespace() {
    let server = ScriptedServer::start([
        exchange("GET", RULE, 404, not_found()),
        exchange("PATCH", RULE, 404, status(404, "NotFound", "namespaces \"pci\" not found")),
    ])
    .await;
    let mut engine = Engine::new(&server);
    engine.timeout = Duration::from_millis(200);
    let outcome = engine.apply(&[rule()]).await;
    assert!(outcome.messages.starts_with("error") && outcome.journal.is_empty(), "{}", outcome.messages);
    server.finish();
}
