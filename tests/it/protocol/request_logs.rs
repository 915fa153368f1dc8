//! The log lines of requests, and that no log has secrets.

use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;

use crate::support::{
    core_client::CoreClient,
    host::binary,
    scripted_server::{ScriptedServer, exchange, status},
};

/// Whatever is secret contains this text.
const PLANTED: &str = "correct-horse-battery";

fn service() -> Json {
    json!({
        "name": "payments", "namespace": "pci", "port": [{ "number": 8080, "protocol": "http" }],
        "annotations": { "example.com/secret": PLANTED },
        "allow": [{ "from": [format!("{PLANTED}/account")], "paths": [format!("/{PLANTED}")] }],
        "route": [{ "match": [{ "headers": { "authorization": PLANTED } }] }],
        "timeouts": { "read": "1s" },
    })
}

fn global_defaults() -> Json {
    let keys = format!(r#"{{"keys":[{{"kty":"oct","k":"{PLANTED}"}}]}}"#);
    json!({ "jwt": [{ "issuer": "https://issuer.example.com", "jwks": keys }] })
}

/// The log at TRACE of validations and plans with a provider block.
async fn log(provider: &Json, environment: &[(&str, &str)]) -> String {
    let mut command = binary();
    command.env("TF_LOG_PROVIDER", "trace").envs(environment.iter().copied());
    let mut core = CoreClient::start(command).await;
    let mut written = json!({ "owner": "a" });
    written.as_object_mut().unwrap().extend(provider.as_object().unwrap().clone());
    core.configure(&written).await;
    for (name, arguments) in [("mesh_service", service()), ("mesh_global_defaults", global_defaults())] {
        core.validate(name, &arguments).await;
    }
    core.plan("mesh_service", None, &service()).await;
    core.plugin.shut_down().await
}

/// The fields of the log lines about requests.
fn request_lines(log: &str) -> Vec<Json> {
    let lines = log.lines().map(|line| serde_json::from_str::<Json>(line).unwrap_or_else(|e| panic!("{e}: {line}")));
    lines.filter(|line| line["@message"] == "request").collect()
}

#[tokio::test]
async fn no_credential_and_no_argument_is_logged() {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["a".to_owned()]).unwrap().self_signed(&key).unwrap();
    let key_line = key.serialize_pem().lines().nth(1).unwrap().to_owned();
    let plugin = format!(
        "printf '{{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":{{\"token\":\"{PLANTED}\"}}}}'"
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config").to_string_lossy().into_owned();
    // Answers 400 to whatever comes.
    let server = ScriptedServer::start([]).await;
    let basic = json!({
        "current-context": "a", "contexts": [{ "name": "a", "context": { "cluster": "a", "user": "a" } }],
        "clusters": [{ "name": "a", "cluster": { "server": server.url() } }],
        "users": [{ "name": "a", "user": { "username": "a", "password": PLANTED } }],
    });
    std::fs::write(&path, basic.to_string()).unwrap();
    let host = server.url();
    for (what, provider, environment) in [
        ("a token", json!({ "host": host, "token": PLANTED }), &[][..]),
        ("KUBE_TOKEN", json!({ "host": host }), &[("KUBE_TOKEN", PLANTED)]),
        ("basic authentication", json!({ "config_path": path }), &[]),
        (
            "a client key",
            json!({ "host": host, "client_certificate": certificate.pem(), "client_key": key.serialize_pem() }),
            &[],
        ),
        (
            "an exec plugin",
            json!({ "host": host, "exec": { "api_version": "client.authentication.k8s.io/v1", "command": "sh",
                "args": ["-c", plugin], "env": { "SECRET": PLANTED } } }),
            &[],
        ),
        (
            "a proxy",
            json!({ "host": host, "token": PLANTED, "proxy_url": format!("http://me:{PLANTED}@127.0.0.1:9") }),
            &[],
        ),
        ("defaults", json!({ "host": host, "annotations": { "example.com/secret": PLANTED } }), &[]),
    ] {
        let log = log(&provider, environment).await;
        assert!(!request_lines(&log).is_empty(), "{what}: {log}");
        for secret in [PLANTED, &key_line, "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5", "ExecCredential", "current-context", "BEGIN"]
        {
            assert!(!log.contains(secret), "{what}: {secret} is in {log}");
        }
    }
}

#[tokio::test]
async fn each_request_is_one_line() {
    let busy = status(503, "ServiceUnavailable", PLANTED);
    let server = ScriptedServer::start([
        exchange("GET", "/api/v1/namespaces/kube-system", 503, busy),
        exchange("GET", "/api/v1/namespaces/kube-system", 200, json!({ "metadata": { "uid": "u" } })),
    ])
    .await;
    let lines = request_lines(&log(&json!({ "host": server.url(), "token": PLANTED }), &[]).await);
    let first: Vec<_> = lines.iter().filter(|line| line["object"] == "Namespace/kube-system").collect();
    let field = |name: &str| first.iter().map(|line| line[name].clone()).collect::<Vec<_>>();
    assert_eq!(field("verb"), ["get", "get"]);
    assert_eq!(field("status"), [503, 200]);
    assert_eq!(field("attempt"), [1, 2]);
    assert_eq!(first[0]["error"], "ServiceUnavailable");
    assert_eq!(first[0]["request_id"], first[1]["request_id"]);
    assert!(first.iter().all(|line| line["duration_ms"].is_u64() && line["tf_req_id"].is_string()), "{first:?}");
    assert!(lines.iter().any(|line| line["object"] == "VirtualService/pci/payments-pci"), "{lines:?}");
}

/// A server that drops packets costs the time of one resource, not of each.
#[tokio::test]
async fn refresh_waits_for_a_silent_server_once() {
    // It accepts connections and answers nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut core = CoreClient::start(binary()).await;
    assert!(core.configure(&json!({ "owner": "a", "host": "http://127.0.0.1:9" })).await.is_empty());
    let planned = core.plan("mesh_service", None, &service()).await.planned;
    let host = format!("http://{}", silent.local_addr().unwrap());
    assert!(core.configure(&json!({ "owner": "a", "host": host })).await.is_empty());
    let first = core.read("mesh_service", &planned).await.diagnostics;
    assert!(first.len() == 1 && first[0].contains("API server is unreachable"), "{first:?}");
    let started = Instant::now();
    let second = core.read("mesh_service", &planned).await;
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!((second.diagnostics.len(), second.instance.state), (0, planned.state));
}
