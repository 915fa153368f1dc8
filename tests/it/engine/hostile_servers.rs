//! Servers that answer too much, too often, or with what they were sent.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use http::{Response, header};
use http_body_util::Full;
use hyper::body::Bytes;
use serde_json::{Value as Json, json};
use terraform_provider_mesh::object::kind::VIRTUAL_SERVICE;

use super::{Engine, ROUTE, route};
use crate::support::scripted_server::{ScriptedServer, exchange, raw_exchange, status};

/// The path of the collection of VirtualServices.
const ROUTES: &str = "/apis/networking.istio.io/v1/namespaces/pci/virtualservices";

/// A small compressed response that becomes 80 MiB of valid JSON.
fn oversized() -> Response<Full<Bytes>> {
    let mut body = GzEncoder::new(Vec::new(), Compression::fast());
    for _ in 0..80 {
        body.write_all(&vec![b' '; 1 << 20]).expect("memory");
    }
    body.write_all(b"{}").expect("memory");
    let response = Response::builder().header(header::CONTENT_ENCODING, "gzip");
    response.body(Full::new(body.finish().expect("memory").into())).expect("a response")
}

/// One page of a LIST.
fn page(names: &[&str], continue_token: &str) -> Json {
    let items: Vec<_> = names.iter().map(|name| json!({ "metadata": { "name": name, "namespace": "pci" } })).collect();
    json!({ "metadata": { "continue": continue_token }, "items": items })
}

/// The names of the VirtualServices, or the error of their LIST.
async fn list(engine: &Engine) -> Result<Vec<String>, String> {
    let objects = engine.cluster.list(&VIRTUAL_SERVICE, "pci", "a=b", &engine.deadline()).await;
    let name = |object: &Json| object["metadata"]["name"].as_str().expect("a name").to_owned();
    objects.map(|objects| objects.iter().map(name).collect()).map_err(|error| error.to_string())
}

#[tokio::test]
async fn response_of_more_than_64_mib_is_an_error_that_names_the_request() {
    let server = ScriptedServer::start([raw_exchange("GET", ROUTE, oversized())]).await;
    let outcome = Engine::new(&server).recording(&[route()]).apply(&[route()]).await;
    assert!(outcome.messages.contains(&format!("GET {ROUTE}")), "{}", outcome.messages);
    assert!(outcome.messages.contains("64 MiB") && outcome.journal.is_empty(), "{}", outcome.messages);
    server.finish();
}

#[tokio::test]
async fn oversized_page_is_read_again_with_a_smaller_limit() {
    let server = ScriptedServer::start([
        exchange("GET", ROUTES, 200, page(&["a"], "2")),
        raw_exchange("GET", ROUTES, oversized()),
        exchange("GET", ROUTES, 200, page(&["b"], "3")),
        exchange("GET", ROUTES, 200, page(&["c"], "")),
    ])
    .await;
    assert_eq!(list(&Engine::new(&server)).await.expect("a list"), ["a", "b", "c"]);
    let queries: Vec<_> = server.finish().into_iter().map(|request| request.query).collect();
    assert_eq!(
        queries,
        [
            "limit=500&labelSelector=a%3Db",
            "limit=500&labelSelector=a%3Db&continue=2",
            "limit=125&labelSelector=a%3Db&continue=2",
            "limit=125&labelSelector=a%3Db&continue=3",
        ]
    );
}

#[tokio::test]
async fn page_that_is_oversized_at_every_limit_is_an_error() {
    let server = ScriptedServer::start((0..5).map(|_| raw_exchange("GET", ROUTES, oversized()))).await;
    let error = list(&Engine::new(&server)).await.unwrap_err();
    assert!(error.contains(&format!("GET {ROUTES}?limit=1&")), "{error}");
    server.finish();
}

#[tokio::test]
async fn expired_continue_token_starts_the_list_again() {
    let expired = || exchange("GET", ROUTES, 410, status(410, "Expired", "The provided continue parameter is too old"));
    let server = ScriptedServer::start([
        exchange("GET", ROUTES, 200, page(&["a"], "2")),
        expired(),
        exchange("GET", ROUTES, 200, page(&["a"], "4")),
        exchange("GET", ROUTES, 200, page(&["b"], "")),
    ])
    .await;
    assert_eq!(list(&Engine::new(&server)).await.expect("a list"), ["a", "b"]);
    let queries: Vec<_> = server.finish().into_iter().map(|request| request.query).collect();
    assert!(queries[1].ends_with("continue=2") && !queries[2].contains("continue"), "{queries:?}");
}

#[tokio::test]
async fn continue_tokens_that_always_expire_are_an_error() {
    let round = |_| {
        let expired = status(410, "Expired", "The provided continue parameter is too old");
        [exchange("GET", ROUTES, 200, page(&["a"], "2")), exchange("GET", ROUTES, 410, expired)]
    };
    let server = ScriptedServer::start((0..3).flat_map(round)).await;
    let error = list(&Engine::new(&server)).await.unwrap_err();
    assert!(error.contains("too old"), "{error}");
    server.finish();
}

#[tokio::test]
async fn retry_after_of_centuries_ends_at_the_deadline() {
    let busy = Response::builder().status(429).header(header::RETRY_AFTER, "18446744073709551615");
    let busy = busy.body(Full::new(Bytes::new())).expect("a response");
    let server = ScriptedServer::start([raw_exchange("GET", ROUTE, busy)]).await;
    let mut engine = Engine::new(&server).recording(&[route()]);
    engine.timeout = std::time::Duration::from_millis(50);
    let outcome = engine.apply(&[route()]).await;
    assert!(outcome.messages.contains("Timed out"), "{}", outcome.messages);
    server.finish();
}
