//! A server, or a gateway before it, that repeats the credentials of requests in what it says.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{Response, header};
use http_body_util::Full;
use hyper::body::Bytes;
use serde_json::json;
use terraform_provider_mesh::{
    diagnostics::Diagnostics,
    kubernetes::{Connection, Exec},
};

use super::{Engine, ROUTE, live, not_found, route};
use crate::support::scripted_server::{Exchange, ScriptedServer, exchange, raw_exchange, status};

const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJwaXBlbGluZSJ9.c2lnbmF0dXJl";

/// A response that no Kubernetes server sends, such as the error page of a gateway.
fn page(code: u16, text: String) -> Response<Full<Bytes>> {
    Response::builder().status(code).body(Full::new(text.into())).expect("a response")
}

/// The messages of an apply of the route, for which the server plays `script`.
async fn messages(connection: impl Fn(&ScriptedServer) -> Connection, script: Vec<Exchange>) -> String {
    let server = ScriptedServer::start(script).await;
    let outcome = Engine::connected(connection(&server)).apply(&[route()]).await;
    server.finish();
    outcome.messages
}

fn with_token(server: &ScriptedServer) -> Connection {
    Connection { host: Some(server.url()), token: Some(TOKEN.into()), ..Connection::default() }
}

fn assert_redacted(messages: &str, secret: &str) {
    assert!(messages.contains("(redacted)"), "{messages}");
    for piece in [secret.get(..8), secret.get(secret.len() - 8..)].into_iter().flatten() {
        assert!(!messages.contains(piece), "{piece} is in: {messages}");
    }
}

#[tokio::test]
async fn token_in_an_error_page_is_not_shown() {
    // The page is cut off within the second one.
    let text = format!("<pre>Authorization: Bearer {TOKEN}{}{TOKEN}</pre>", " ".repeat(380));
    let shown = messages(with_token, vec![raw_exchange("GET", ROUTE, page(418, text))]).await;
    assert_redacted(&shown, TOKEN);
}

#[tokio::test]
async fn token_in_a_status_is_not_shown() {
    let mut refused = status(422, "Invalid", &format!("refused {}", STANDARD.encode(format!("Bearer {TOKEN}"))));
    refused["details"] = json!({ "name": TOKEN, "causes": [{ "field": "spec", "reason": TOKEN, "message": TOKEN }] });
    let script = vec![exchange("GET", ROUTE, 404, not_found()), exchange("PATCH", ROUTE, 422, refused)];
    assert_redacted(&messages(with_token, script).await, TOKEN);
}

#[tokio::test]
async fn token_in_a_warning_is_not_shown() {
    let written = Response::builder()
        .header(header::WARNING, format!("299 - \"seen: {TOKEN}\""))
        .body(Full::new(live(&route(), "1").to_string().into()))
        .expect("a response");
    let server = ScriptedServer::start([
        exchange("GET", "/api/v1/namespaces/kube-system", 404, not_found()),
        exchange("GET", ROUTE, 404, not_found()),
        raw_exchange("PATCH", ROUTE, written),
    ])
    .await;
    let mut out = Diagnostics::default();
    Engine::connected(with_token(&server)).writer().check_plan(&[route()], &mut out).await;
    assert_redacted(&out.to_string(), TOKEN);
    server.finish();
}

#[tokio::test]
async fn passwords_are_not_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config");
    let kubeconfig = |server: &ScriptedServer| {
        let config = json!({
            "current-context": "a",
            "contexts": [{ "name": "a", "context": { "cluster": "a", "user": "a" } }],
            "clusters": [{ "name": "a", "cluster": { "server": server.url() } }],
            "users": [{ "name": "a", "user": { "username": "pipeline", "password": "correct&horse+battery" } }],
        });
        std::fs::write(&path, config.to_string()).expect("a file");
        Connection { config_paths: vec![path.to_string_lossy().into_owned()], ..Connection::default() }
    };
    let basic = STANDARD.encode("pipeline:correct&horse+battery");
    for text in [format!("Basic {basic}"), "correct&horse+battery".to_owned(), "correct%26horse%2Bbattery".to_owned()] {
        let shown = messages(kubeconfig, vec![raw_exchange("GET", ROUTE, page(400, text))]).await;
        assert_redacted(&shown, "correct&horse+battery");
        assert!(!shown.contains(&basic[14..40]), "{shown}");
    }
}

#[tokio::test]
async fn tokens_of_an_exec_plugin_are_not_shown_after_their_renewal_either() {
    let folder = tempfile::tempdir().expect("a folder");
    let counter = folder.path().join("runs").to_string_lossy().into_owned();
    let script = r#"
        n=$(( $(cat "$COUNTER" 2>/dev/null || echo 0) + 1 ))
        echo $n > "$COUNTER"
        printf '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"%s-token-of-a-plugin"}}' $n"#;
    let plugin = |server: &ScriptedServer| {
        let exec = Exec {
            api_version: "client.authentication.k8s.io/v1".to_owned(),
            command: "sh".to_owned(),
            args: vec!["-c".to_owned(), script.to_owned()],
            env: BTreeMap::from([("COUNTER".to_owned(), counter.clone().into())]),
        };
        Connection { host: Some(server.url()), exec: Some(exec), ..Connection::default() }
    };
    let script = vec![
        raw_exchange("GET", ROUTE, page(401, String::new())),
        raw_exchange("GET", ROUTE, page(400, "1-token-of-a-plugin, then 2-token-of-a-plugin".to_owned())),
    ];
    let shown = messages(plugin, script).await;
    assert!(shown.contains("(redacted), then (redacted)") && !shown.contains("-token-of-a-plugin"), "{shown}");
}

#[tokio::test]
async fn continue_token_is_not_shown() {
    let pages = json!({ "metadata": { "continue": TOKEN }, "items": [] });
    let path = "/apis/networking.istio.io/v1/namespaces/pci/virtualservices";
    let script = (0..2).map(|_| exchange("GET", path, 200, pages.clone()));
    let server = ScriptedServer::start(script).await;
    let engine = Engine::connected(with_token(&server));
    let result = engine.cluster.list(route().key.kind, "pci", "a=b", &engine.deadline()).await;
    let error = result.unwrap_err().to_string();
    assert!(error.contains("continue=…") && !error.contains("eyJhbGci"), "{error}");
}
