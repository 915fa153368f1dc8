//! Renewal of credentials after 401 Unauthorized.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use serde_json::Value as Json;
use terraform_provider_mesh::{
    diagnostics::Diagnostics,
    kubernetes::{Connection, Exec},
};

use super::{Engine, ROUTE, RULE, live, not_found, route, rule};
use crate::support::scripted_server::{Received, ScriptedServer, exchange, hanging, status};

fn unauthorized() -> Json {
    status(401, "Unauthorized", "Unauthorized")
}

/// A connection whose exec plugin prints the token `t1` when it first runs, then `t2`, and so on.
fn plugin(server: &ScriptedServer, folder: &Path) -> Connection {
    let script = r#"
        n=$(( $(cat "$COUNTER" 2>/dev/null || echo 0) + 1 ))
        echo $n > "$COUNTER"
        printf '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"t%s"}}' $n"#;
    let counter = folder.join("runs").to_string_lossy().into_owned();
    let exec = Exec {
        api_version: "client.authentication.k8s.io/v1".to_owned(),
        command: "sh".to_owned(),
        args: vec!["-c".to_owned(), script.to_owned()],
        env: BTreeMap::from([("COUNTER".to_owned(), counter.into())]),
    };
    Connection { host: Some(server.url()), exec: Some(exec), ..Connection::default() }
}

fn tokens(requests: &[Received]) -> Vec<&str> {
    requests.iter().map(|request| request.authorization.trim_start_matches("Bearer ")).collect()
}

#[tokio::test]
async fn exec_plugin_runs_again_after_401() {
    let server = ScriptedServer::start([
        exchange("GET", ROUTE, 404, not_found()),
        exchange("PATCH", ROUTE, 401, unauthorized()),
        exchange("PATCH", ROUTE, 200, live(&route(), "1")),
    ])
    .await;
    let folder = tempfile::tempdir().expect("a folder");
    let outcome = Engine::connected(plugin(&server, folder.path())).apply(&[route()]).await;
    assert_eq!((outcome.messages.as_str(), outcome.written()), ("", vec!["VirtualService/pci/payments"]));
    assert_eq!(tokens(&server.finish()), ["t1", "t1", "t2"]);
}

#[tokio::test]
async fn plugin_whose_new_token_is_refused_does_not_run_again() {
    let server = ScriptedServer::start([
        exchange("GET", RULE, 401, unauthorized()),
        exchange("GET", RULE, 401, unauthorized()),
        exchange("GET", ROUTE, 401, unauthorized()),
    ])
    .await;
    let folder = tempfile::tempdir().expect("a folder");
    let engine = Engine::connected(plugin(&server, folder.path()));
    for object in [rule(), route()] {
        let outcome = engine.apply(&[object]).await;
        assert!(outcome.messages.starts_with("error") && outcome.journal.is_empty(), "{}", outcome.messages);
    }
    assert_eq!(tokens(&server.finish()), ["t1", "t2", "t2"]);
}

#[tokio::test]
async fn token_that_expires_again_is_renewed_again() {
    let server = ScriptedServer::start([
        exchange("GET", ROUTE, 401, unauthorized()),
        exchange("GET", ROUTE, 404, not_found()),
        exchange("PATCH", ROUTE, 401, unauthorized()),
        exchange("PATCH", ROUTE, 200, live(&route(), "1")),
    ])
    .await;
    let folder = tempfile::tempdir().expect("a folder");
    let outcome = Engine::connected(plugin(&server, folder.path())).apply(&[route()]).await;
    assert_eq!(outcome.messages, "");
    assert_eq!(tokens(&server.finish()), ["t1", "t2", "t2", "t3"]);
}

/// The checks of a plan have less time than the plugin takes. The plugin's time isn't theirs.
#[tokio::test]
async fn slow_plugin_fails_neither_the_plan_nor_the_apply() {
    let server = ScriptedServer::start([
        exchange("GET", "/api/v1/namespaces/kube-system", 404, not_found()),
        exchange("GET", ROUTE, 404, not_found()),
        exchange("PATCH", ROUTE, 200, live(&route(), "1")),
        exchange("GET", ROUTE, 404, not_found()),
        exchange("PATCH", ROUTE, 200, live(&route(), "1")),
    ])
    .await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut connection = plugin(&server, folder.path());
    let exec = connection.exec.as_mut().expect("the plugin");
    exec.args[1].insert_str(0, "sleep 7; ");
    let mut engine = Engine::connected(connection);
    engine.timeout = Duration::from_millis(500);
    let mut out = Diagnostics::default();
    engine.writer().check_plan(&[route()], &mut out).await;
    assert!(!out.to_string().contains("without a cluster"), "{out}");
    engine.timeout = Duration::from_mins(1);
    let outcome = engine.apply(&[route()]).await;
    assert_eq!((outcome.messages.as_str(), outcome.written()), ("", vec!["VirtualService/pci/payments"]));
    server.finish();
}

/// A plan that got no answer in its time says nothing about the apply that follows, which has more time.
#[tokio::test]
async fn apply_follows_a_plan_that_got_no_answer() {
    let server = ScriptedServer::start([
        hanging("GET", "/api/v1/namespaces/kube-system", || ()),
        exchange("GET", ROUTE, 404, not_found()),
        exchange("PATCH", ROUTE, 200, live(&route(), "1")),
    ])
    .await;
    let mut engine = Engine::new(&server);
    engine.timeout = Duration::from_millis(50);
    let mut out = Diagnostics::default();
    engine.writer().check_plan(&[route()], &mut out).await;
    assert!(out.to_string().contains("without a cluster"), "{out}");
    engine.timeout = Duration::from_mins(1);
    let outcome = engine.apply(&[route()]).await;
    assert_eq!((outcome.messages.as_str(), outcome.written()), ("", vec!["VirtualService/pci/payments"]));
    server.finish();
}

#[tokio::test]
async fn refused_connection_is_remembered_for_later_requests() {
    let engine = Engine::connected(Connection { host: Some("http://127.0.0.1:9".to_owned()), ..Connection::default() });
    let first = engine.apply(&[route()]).await.messages;
    assert!(first.contains("API server is unreachable"), "{first}");
    let started = std::time::Instant::now();
    assert_eq!(engine.apply(&[route()]).await.messages, first);
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
}

#[tokio::test]
async fn token_file_is_read_again_after_401() {
    let server = ScriptedServer::start([
        exchange("GET", "/api/v1/namespaces/kube-system", 404, not_found()),
        exchange("GET", RULE, 401, unauthorized()),
        exchange("GET", RULE, 200, live(&rule(), "1")),
    ])
    .await;
    let folder = tempfile::tempdir().expect("a folder");
    let (token, config) = (folder.path().join("token"), folder.path().join("config"));
    let kubeconfig = format!(
        "current-context: a\ncontexts: [{{name: a, context: {{cluster: a, user: a}}}}]\n\
         clusters: [{{name: a, cluster: {{server: {}}}}}]\nusers: [{{name: a, user: {{tokenFile: {}}}}}]",
        server.url(),
        token.display(),
    );
    fs::write(&config, kubeconfig).expect("it is written");
    fs::write(&token, "t1\n").expect("it is written");
    let connection = Connection { config_paths: vec![config.to_string_lossy().into_owned()], ..Connection::default() };
    let engine = Engine::connected(connection).recording(&[rule()]);
    // The session starts with the token that is there at its first request.
    assert_eq!(engine.cluster.uid(&engine.deadline()).await.ok().flatten(), None);
    fs::write(&token, "t2\n").expect("it is written");
    let outcome = engine.apply(&[rule()]).await;
    assert_eq!((outcome.messages.as_str(), outcome.written()), ("", vec!["DestinationRule/pci/payments"]));
    assert_eq!(tokens(&server.finish()), ["t1", "t1", "t2"]);
}
