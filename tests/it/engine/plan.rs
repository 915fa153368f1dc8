//! The checks of a plan: dry runs, and what they report.

use serde_json::{Value as Json, json};
use terraform_provider_mesh::{diagnostics::Diagnostics, object::Object};

use super::{Engine, ROUTE, RULE, drifted, live, not_found, route, rule};
use crate::support::scripted_server::{ScriptedServer, exchange, status};

const KUBE_SYSTEM: &str = "/api/v1/namespaces/kube-system";

fn kube_system() -> Json {
    json!({ "metadata": { "name": "kube-system", "uid": "c1" } })
}

async fn check(engine: &Engine, desired: &[Object]) -> String {
    let mut out = Diagnostics::default();
    engine.writer().check_plan(desired, &mut out).await;
    out.to_string()
}

#[tokio::test]
async fn accepted_objects_give_no_message() {
    let server = ScriptedServer::start([
        exchange("GET", KUBE_SYSTEM, 200, kube_system()),
        exchange("GET", ROUTE, 404, not_found()),
        exchange("GET", RULE, 200, live(&rule(), "1")),
        exchange("PATCH", ROUTE, 200, live(&route(), "0")),
        exchange("PATCH", RULE, 200, live(&rule(), "1")),
    ])
    .await;
    assert_eq!(check(&Engine::new(&server), &[route(), rule()]).await, "");
    for request in server.finish().iter().filter(|request| request.method == "PATCH") {
        assert!(request.query.contains("dryRun=All"), "a plan writes nothing: {request:?}");
    }
}

#[tokio::test]
async fn missing_right_to_patch_is_reported_once_per_run() {
    let forbidden = || {
        let message = r#"virtualservices.networking.istio.io "payments" is forbidden: User "ci" cannot patch resource"#;
        status(403, "Forbidden", message)
    };
    let server = ScriptedServer::start([
        exchange("GET", KUBE_SYSTEM, 200, kube_system()),
        exchange("GET", ROUTE, 404, not_found()),
        exchange("GET", RULE, 404, not_found()),
        exchange("PATCH", ROUTE, 403, forbidden()),
        exchange("PATCH", RULE, 403, forbidden()),
    ])
    .await;
    let messages = check(&Engine::new(&server), &[route(), rule()]).await;
    assert_eq!(messages.matches("Planned without the server's validation").count(), 1, "{messages}");
    assert!(messages.starts_with("warning") && !messages.contains("error"), "{messages}");
    server.finish();
}

#[tokio::test]
async fn refused_object_is_an_error_at_its_argument() {
    let mut refusal = status(422, "Invalid", "VirtualService is invalid");
    refusal["details"]["causes"] = json!([{ "field": "spec.hosts", "message": "must not be empty" }]);
    let server = ScriptedServer::start([
        exchange("GET", KUBE_SYSTEM, 200, kube_system()),
        exchange("GET", ROUTE, 404, not_found()),
        exchange("PATCH", ROUTE, 422, refusal),
    ])
    .await;
    let name = terraform_provider_mesh::diagnostics::Path::root().attribute("name");
    let messages = check(&Engine::new(&server), &[route().with_origins([("spec.hosts", name)])]).await;
    assert!(messages.starts_with("error at name: "), "{messages}");
    server.finish();
}

/// What admission says when it refuses an object, with words and codes that other errors have, too.
#[tokio::test]
async fn refusal_by_admission_is_an_error_whatever_its_words_and_its_code() {
    let policy = "virtualservices.networking.istio.io \"payments\" is forbidden: ValidatingAdmissionPolicy 'limits' with \
                  binding 'limits' denied request: ";
    let webhook = "admission webhook \"validation.gatekeeper.sh\" denied the request: ";
    for (code, refusal) in [
        (403, format!("{policy}timeout cannot exceed 15s")),
        (401, format!("{policy}timeout cannot exceed 15s")),
        (422, format!("{policy}failed calling webhook \"x\"")),
        (403, format!("{webhook}pods is forbidden: User \"ci\" cannot exceed 15s")),
        (403, format!("{webhook}Internal error occurred: failed calling webhook \"x\"")),
        (404, format!("{webhook}there is no such team")),
        (409, format!("{webhook}another team has the host")),
        (429, format!("{webhook}too many routes")),
        (503, format!("{webhook}not during the freeze")),
    ] {
        let mut body = status(code, "Forbidden", &refusal);
        if code == 422 {
            body["details"]["causes"] = json!([{ "message": refusal }]);
        }
        let server = ScriptedServer::start([
            exchange("GET", KUBE_SYSTEM, 200, kube_system()),
            exchange("GET", ROUTE, 404, not_found()),
            exchange("PATCH", ROUTE, code, body),
        ])
        .await;
        let messages = check(&Engine::new(&server), &[route()]).await;
        assert!(
            messages.starts_with("error: Kubernetes doesn't accept VirtualService"),
            "{code} {refusal}: {messages}"
        );
        assert!(messages.contains(&refusal), "{messages}");
        server.finish();
    }
}

#[tokio::test]
async fn webhook_that_does_not_answer_is_asked_once_per_kind() {
    let unavailable =
        status(400, "BadRequest", "Internal error occurred: failed calling webhook \"validation.istio.io\"");
    let server = ScriptedServer::start([
        exchange("GET", KUBE_SYSTEM, 200, kube_system()),
        exchange("GET", ROUTE, 404, not_found()),
        exchange("PATCH", ROUTE, 400, unavailable),
        exchange("GET", ROUTE, 404, not_found()),
    ])
    .await;
    let engine = Engine::new(&server);
    let messages = check(&engine, &[route()]).await;
    assert!(messages.contains("Some checks wait until apply"), "{messages}");
    assert_eq!(check(&engine, &[route()]).await, "", "the second resource neither asks nor reports");
    server.finish();
}

#[tokio::test]
async fn drift_names_the_manager_that_changed_the_object() {
    let mut changed = drifted(&route(), "2");
    let entries = changed["metadata"]["managedFields"].as_array_mut().expect("a list");
    entries
        .push(json!({ "manager": "kubectl-edit", "operation": "Update", "fieldsV1": { "f:spec": { "f:hosts": {} } } }));
    let server = ScriptedServer::start([
        exchange("GET", KUBE_SYSTEM, 200, kube_system()),
        exchange("GET", ROUTE, 200, changed),
        exchange("PATCH", ROUTE, 200, live(&route(), "2")),
    ])
    .await;
    let messages = check(&Engine::new(&server).recording(&[route()]), &[route()]).await;
    assert!(messages.contains("VirtualService was changed by kubectl-edit"), "{messages}");
    assert!(messages.contains("spec.hosts"), "{messages}");
    server.finish();
}

#[tokio::test]
async fn unreachable_cluster_is_reported_once_and_not_asked_again() {
    let server = ScriptedServer::start([]).await;
    let mut engine = Engine::connected(terraform_provider_mesh::kubernetes::Connection {
        // No server listens on the discard port of the loopback interface.
        host: Some("http://127.0.0.1:9".to_owned()),
        ..Default::default()
    });
    engine.timeout = std::time::Duration::from_millis(50);
    let messages = check(&engine, &[route()]).await;
    assert!(messages.starts_with("warning: Planned without a cluster"), "{messages}");
    assert_eq!(check(&engine, &[route()]).await, "");
    server.finish();
}
