//! What the requests of a [`Cluster`] are on the wire, held by a small HTTP server.

// UPDATE_EXPECT writes raw strings with hashes.
#![allow(clippy::needless_raw_string_hashes)]

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use expect_test::{Expect, expect};
use http::{HeaderMap, Request, Response, header};
use http_body_util::BodyExt;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{ApplyOptions, Cluster, Connection, Deadline, Freshness, namespace_contents::ApiResource};
use crate::{
    object::{
        Key,
        kind::{SERVICE, VIRTUAL_SERVICE},
    },
    query::{Query, QueryError},
};

/// A server that answers each path with its own response, and logs the requests.
struct MockServer {
    cluster: Cluster,
    log: Arc<Mutex<Vec<String>>>,
}

/// A path, with or without its query, and the status code and body of the response. The text
/// `REQUEST_NUMBER` in it becomes the number of the request. Other paths get a 404.
type Answer = (&'static str, u16, Json);

impl MockServer {
    async fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = format!("http://{}", listener.local_addr().unwrap());
        let log = Arc::new(Mutex::new(Vec::new()));
        let (answers, requests) = (Arc::new(answers), log.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answers, requests) = (answers.clone(), requests.clone());
                let service = service_fn(move |request| respond(request, answers.clone(), requests.clone()));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        let connection = Connection { host: Some(host), token: Some("token".into()), ..Connection::default() };
        Self { cluster: Cluster::new(Ok(connection)), log }
    }

    /// Compares the requests since the last call.
    fn expect_requests(&self, expected: &Expect) {
        let requests = std::mem::take(&mut *self.log.lock().unwrap_or_else(PoisonError::into_inner));
        expected.assert_eq(&requests.join("\n"));
    }
}

async fn respond(
    request: Request<Incoming>,
    answers: Arc<Vec<Answer>>,
    log: Arc<Mutex<Vec<String>>>,
) -> Result<Response<String>, Infallible> {
    let (head, body) = request.into_parts();
    let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    let path = head.uri.path_and_query().unwrap().as_str();
    let text = |headers: &HeaderMap, name| headers.get(name).map_or(String::new(), |v| v.to_str().unwrap().to_owned());
    let (accept, content_type) = (text(&head.headers, header::ACCEPT), text(&head.headers, header::CONTENT_TYPE));
    let line = format!("{} {path} {content_type} -> {accept} {body}", head.method);
    let request_number = {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push(line.trim_end().to_owned());
        log.len().to_string()
    };
    let answer = answers.iter().find(|(answered, ..)| [path, head.uri.path()].contains(answered));
    let (code, json) = answer.map_or((404, Json::Null), |(_, code, json)| (*code, json.clone()));
    let response = Response::builder().status(code).header(header::WARNING, "299 - \"deprecated\"");
    Ok(response.body(json.to_string().replacen("REQUEST_NUMBER", &request_number, 1)).unwrap())
}

fn deadline() -> Deadline {
    Deadline::within(Duration::from_secs(20), CancellationToken::new())
}

fn object(name: &str) -> Json {
    json!({ "metadata": { "name": name, "namespace": "pci" } })
}

#[tokio::test]
async fn object_is_read_by_get() {
    let server = MockServer::start(vec![("/api/v1/namespaces/pci/services/payments", 200, object("payments"))]).await;
    let get = async |name| {
        let key = Key::new(&SERVICE, "pci", name);
        server.cluster.get(&key, Freshness::Now, &deadline()).await.unwrap().map(|live| Json::clone(&live))
    };
    assert_eq!(get("payments").await, Some(object("payments")));
    assert_eq!(get("absent").await, None);
    server.expect_requests(&expect![[r#"
        GET /api/v1/namespaces/pci/services/payments application/json -> application/json
        GET /api/v1/namespaces/pci/services/absent application/json -> application/json"#]]);
}

#[tokio::test]
async fn list_is_read_page_by_page() {
    let first = "/apis/networking.istio.io/v1/namespaces/pci/virtualservices?limit=500&labelSelector=a%3Db";
    let second =
        "/apis/networking.istio.io/v1/namespaces/pci/virtualservices?limit=500&labelSelector=a%3Db&continue=x%26y";
    let server = MockServer::start(vec![
        (first, 200, json!({ "metadata": { "continue": "x&y" }, "items": [object("1"), object("2")] })),
        (second, 200, json!({ "metadata": { "continue": "" }, "items": [object("3")] })),
    ])
    .await;
    let objects = server.cluster.list(&VIRTUAL_SERVICE, "pci", "a=b", &deadline()).await.unwrap();
    assert_eq!(objects, [object("1"), object("2"), object("3")]);
    let objects = server.cluster.list(&SERVICE, "pci", "a=b", &deadline()).await.unwrap();
    assert!(objects.is_empty(), "404 says that there are none");
    server.expect_requests(&expect![[r#"
        GET /apis/networking.istio.io/v1/namespaces/pci/virtualservices?limit=500&labelSelector=a%3Db application/json -> application/json
        GET /apis/networking.istio.io/v1/namespaces/pci/virtualservices?limit=500&labelSelector=a%3Db&continue=x%26y application/json -> application/json
        GET /api/v1/namespaces/pci/services?limit=500&labelSelector=a%3Db application/json -> application/json"#]]);
}

/// A collection whose pages never end, each with another continue token.
fn endless_list() -> Answer {
    let page = json!({ "metadata": { "continue": "REQUEST_NUMBER" }, "items": [object("1")] });
    ("/apis/networking.istio.io/v1/namespaces/pci/virtualservices", 200, page)
}

#[tokio::test]
async fn endless_list_ends_at_the_deadline() {
    let server = MockServer::start(vec![endless_list()]).await;
    let deadline = Deadline::within(Duration::from_millis(300), CancellationToken::new());
    let list = server.cluster.list(&VIRTUAL_SERVICE, "pci", "a=b", &deadline);
    let result = tokio::time::timeout(Duration::from_secs(10), list).await.expect("it ends in time");
    assert!(matches!(result, Err(super::Error::TimedOut(_))), "{result:?}");
}

#[tokio::test]
async fn repeated_continue_token_is_an_error() {
    let path = "/apis/networking.istio.io/v1/namespaces/pci/virtualservices";
    let page = json!({ "metadata": { "continue": "x" }, "items": [object("1")] });
    let server = MockServer::start(vec![(path, 200, page)]).await;
    let deadline = deadline();
    let list = server.cluster.list(&VIRTUAL_SERVICE, "pci", "a=b", &deadline);
    let result = tokio::time::timeout(Duration::from_secs(4), list).await.expect("it ends in time");
    assert!(matches!(result, Err(super::Error::MalformedResponse(_))), "{result:?}");
}

#[tokio::test]
async fn list_has_a_total_size_limit() {
    let mut endless = endless_list();
    endless.2["items"] = json!([{ "metadata": { "name": "1" }, "data": "x".repeat(16 << 20) }]);
    let server = MockServer::start(vec![endless]).await;
    let result = server.cluster.list(&VIRTUAL_SERVICE, "pci", "a=b", &deadline()).await;
    assert!(matches!(&result, Err(error) if error.to_string().contains("128 MiB")), "{:?}", result.err());
}

#[tokio::test]
async fn metadata_is_listed_page_by_page() {
    let first = "/apis/x.io/v2/namespaces/pci/things?limit=500";
    let second = "/apis/x.io/v2/namespaces/pci/things?limit=500&continue=2";
    let server = MockServer::start(vec![
        (first, 200, json!({ "metadata": { "continue": "2" }, "items": [object("1")] })),
        (second, 200, json!({ "items": [object("2")] })),
    ])
    .await;
    let [group, version, plural, kind] = ["x.io", "v2", "things", "Thing"].map(str::to_owned);
    let resource = ApiResource { group, version, plural, kind };
    let objects = server.cluster.list_metadata(&resource, "pci", &deadline()).await.unwrap();
    assert_eq!(objects.iter().map(|object| object.name.as_str()).collect::<Vec<_>>(), ["1", "2"]);
    server.expect_requests(&expect![[r#"
        GET /apis/x.io/v2/namespaces/pci/things?limit=500 application/json -> application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json
        GET /apis/x.io/v2/namespaces/pci/things?limit=500&continue=2 application/json -> application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"#]]);
}

#[tokio::test]
async fn query_answers_are_shared() {
    let forbidden = json!({ "message": r#"services is forbidden: User "x" cannot list resource"# });
    let server = MockServer::start(vec![
        ("/apis/networking.istio.io/v1/virtualservices?limit=500", 200, json!({ "items": [object("1")] })),
        ("/api/v1/namespaces/pci/services?limit=500", 403, forbidden),
    ])
    .await;
    for _ in 0..2 {
        let found = server.cluster.query(&Query::list_all_namespaces(&VIRTUAL_SERVICE), &deadline()).await.unwrap();
        assert_eq!(found.iter().map(|live| Json::clone(live)).collect::<Vec<_>>(), [object("1")]);
        let denied = server.cluster.query(&Query::list(&SERVICE, "pci"), &deadline()).await;
        assert_eq!(denied, Err(QueryError::Forbidden));
    }
    server.expect_requests(&expect![[r#"
        GET /apis/networking.istio.io/v1/virtualservices?limit=500 application/json -> application/json
        GET /api/v1/namespaces/pci/services?limit=500 application/json -> application/json"#]]);
}

#[tokio::test]
async fn documents_are_read_by_their_paths() {
    let forbidden = json!({ "message": r#"forbidden: User "x" cannot get path "/apis""# });
    let server = MockServer::start(vec![
        ("/version", 200, json!({ "gitVersion": "v1.35.0" })),
        ("/apis", 403, forbidden),
        ("/api/v1", 400, json!({ "message": "no" })),
    ])
    .await;
    let mut answers = Vec::new();
    for path in ["/version", "/apis", "/api/v1", "/apis/networking.istio.io/v1"] {
        answers.push(server.cluster.query(&Query::Document(path.to_owned()), &deadline()).await);
    }
    let expected = [
        Ok(vec![Arc::new(json!({ "gitVersion": "v1.35.0" }))]),
        Err(QueryError::Forbidden),
        Err(QueryError::Failed("no".to_owned())),
        Err(QueryError::NotServed),
    ];
    assert_eq!(answers, expected);
    server.expect_requests(&expect![[r#"
        GET /version application/json -> application/json
        GET /apis application/json -> application/json
        GET /api/v1 application/json -> application/json
        GET /apis/networking.istio.io/v1 application/json -> application/json"#]]);
}

/// The names of the objects that a query of a live check finds.
async fn queried_names(server: &MockServer, query: &Query) -> Vec<String> {
    let found = server.cluster.query(query, &deadline()).await.unwrap();
    let name = |live: &Arc<Json>| live["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    found.iter().map(name).collect()
}

#[tokio::test]
async fn queries_find_what_was_written_since_the_list() {
    let list = json!({ "items": [object("a"), object("b")] });
    let collection = "/apis/networking.istio.io/v1/namespaces/pci/virtualservices";
    let everywhere = "/apis/networking.istio.io/v1/virtualservices";
    let path = |name: &str| format!("{collection}/{name}").leak() as &'static str;
    let written = json!({ "metadata": { "name": "c", "namespace": "pci", "managedFields": [] }, "spec": { "n": 1 } });
    let server = MockServer::start(vec![
        (collection, 200, list.clone()),
        (everywhere, 200, list),
        (path("a"), 200, json!({ "kind": "Status" })),
        (path("b"), 422, json!({})),
        (path("c"), 200, written),
        (path("d"), 200, object("d")),
    ])
    .await;
    let (cluster, deadline) = (&server.cluster, deadline());
    let key = |name: &str| Key::new(&VIRTUAL_SERVICE, "pci", name);
    let queries = [Query::list(&VIRTUAL_SERVICE, "pci"), Query::list_all_namespaces(&VIRTUAL_SERVICE)];
    for query in &queries {
        assert_eq!(queried_names(&server, query).await, ["a", "b"]);
    }
    cluster.apply(&key("c"), &object("c"), ApplyOptions::default(), &deadline).await.unwrap();
    cluster.delete(&key("a"), "uid", "1", &deadline).await.unwrap();
    for query in &queries {
        assert_eq!(queried_names(&server, query).await, ["b", "c"]);
        let found = cluster.query(query, &deadline).await.unwrap();
        assert_eq!(found[1].pointer("/spec/n"), Some(&json!(1)), "as the server answered");
        assert_eq!(found[1].pointer("/metadata/managedFields"), None);
    }
    // Of several writes of an object, the last one counts.
    cluster.delete(&key("c"), "uid", "1", &deadline).await.unwrap();
    cluster.apply(&key("c"), &object("c"), ApplyOptions::default(), &deadline).await.unwrap();
    cluster.apply(&key("d"), &object("d"), ApplyOptions::default(), &deadline).await.unwrap();
    cluster.delete(&key("d"), "uid", "1", &deadline).await.unwrap();
    for query in &queries {
        assert_eq!(queried_names(&server, query).await, ["b", "c"]);
    }
    let dry_run = ApplyOptions { dry_run: true, force: false };
    cluster.apply(&key("c"), &object("c"), dry_run, &deadline).await.unwrap();
    server.log.lock().unwrap().clear();
    assert_eq!(queried_names(&server, &queries[0]).await, ["b", "c"]);
    server.expect_requests(&expect![""]);
    // What a write that failed has changed isn't known.
    cluster.apply(&key("b"), &object("b"), ApplyOptions::default(), &deadline).await.unwrap_err();
    server.log.lock().unwrap().clear();
    assert_eq!(queried_names(&server, &queries[0]).await, ["a", "b"]);
    server.expect_requests(&expect![
        "GET /apis/networking.istio.io/v1/namespaces/pci/virtualservices?limit=500 application/json -> application/json"
    ]);
}

#[tokio::test]
async fn list_that_was_read_before_a_write_is_read_again_for_the_first_query() {
    let collection = "/apis/networking.istio.io/v1/namespaces/pci/virtualservices";
    let server = MockServer::start(vec![
        (collection, 200, json!({ "items": [object("a"), object("b"), object("c")] })),
        ("/apis/networking.istio.io/v1/namespaces/pci/virtualservices/d", 200, object("d")),
    ])
    .await;
    let (cluster, deadline) = (&server.cluster, deadline());
    let key = |name: &str| Key::new(&VIRTUAL_SERVICE, "pci", name);
    for name in ["a", "b", "c"] {
        cluster.get(&key(name), Freshness::Recent, &deadline).await.unwrap();
    }
    cluster.apply(&key("d"), &object("d"), ApplyOptions::default(), &deadline).await.unwrap();
    server.log.lock().unwrap().clear();
    let query = Query::list(&VIRTUAL_SERVICE, "pci");
    for _ in 0..2 {
        cluster.query(&query, &deadline).await.unwrap();
    }
    server.expect_requests(&expect![
        "GET /apis/networking.istio.io/v1/namespaces/pci/virtualservices?limit=500 application/json -> application/json"
    ]);
}

#[tokio::test]
async fn writes_name_the_field_manager() {
    let path = "/api/v1/namespaces/pci/services/payments";
    let server = MockServer::start(vec![(path, 200, object("payments"))]).await;
    let (key, deadline) = (Key::new(&SERVICE, "pci", "payments"), deadline());
    let cluster = &server.cluster;
    let options = ApplyOptions { dry_run: true, force: false };
    cluster.apply(&key, &object("payments"), options, &deadline).await.unwrap();
    let options = ApplyOptions { dry_run: false, force: true };
    let response = cluster.apply(&key, &object("payments"), options, &deadline).await.unwrap();
    assert_eq!((response.object, response.warnings), (object("payments"), vec!["deprecated".to_owned()]));
    cluster.patch(&key, &json!([]), true, &deadline).await.unwrap();
    cluster.patch(&key, &json!([]), false, &deadline).await.unwrap();
    assert_eq!(cluster.delete(&key, "uid", "1", &deadline).await.unwrap(), Some(object("payments")));
    server.expect_requests(&expect![[r#"
        PATCH /api/v1/namespaces/pci/services/payments?fieldManager=terraform-provider-mesh&fieldValidation=Strict&force=false&dryRun=All application/apply-patch+yaml -> application/json {"metadata":{"name":"payments","namespace":"pci"}}
        PATCH /api/v1/namespaces/pci/services/payments?fieldManager=terraform-provider-mesh&fieldValidation=Strict&force=true application/apply-patch+yaml -> application/json {"metadata":{"name":"payments","namespace":"pci"}}
        PATCH /api/v1/namespaces/pci/services/payments?fieldManager=terraform-provider-mesh&fieldValidation=Strict&dryRun=All application/json-patch+json -> application/json []
        PATCH /api/v1/namespaces/pci/services/payments?fieldManager=terraform-provider-mesh&fieldValidation=Strict application/json-patch+json -> application/json []
        DELETE /api/v1/namespaces/pci/services/payments application/json -> application/json {"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"resourceVersion":"1","uid":"uid"},"propagationPolicy":"Background"}"#]]);
}

#[tokio::test]
async fn cluster_uid_is_read_once() {
    let namespace = json!({ "metadata": { "uid": "u" } });
    let server = MockServer::start(vec![("/api/v1/namespaces/kube-system", 200, namespace)]).await;
    for _ in 0..2 {
        assert_eq!(server.cluster.uid(&deadline()).await.unwrap(), Some("u"));
    }
    server.expect_requests(&expect!["GET /api/v1/namespaces/kube-system application/json -> application/json"]);
}
