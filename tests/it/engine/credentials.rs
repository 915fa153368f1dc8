//! Renewal of credentials after 401 Unauthorized.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value as Json;
use terraform_provider_mesh::kubernetes::{Connection, Exec};

use super::{Engine, ROUTE, RULE, live, not_found, route, rule};
use crate::support::scripted_server::{Received, ScriptedServer, exchange, status};

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
