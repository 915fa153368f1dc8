//! Reads: the cluster's identity, and objects that can't be read.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use terraform_provider_mesh::diagnostics::Diagnostics;

use super::{Engine, ROUTE, RULE, live, not_found, route, rule};
use crate::support::scripted_server::{ScriptedServer, exchange, status};

const KUBE_SYSTEM: &str = "/api/v1/namespaces/kube-system";

fn kube_system(uid: &str) -> Json {
    json!({ "metadata": { "name": "kube-system", "uid": uid } })
}

#[tokio::test]
async fn state_of_another_cluster_is_refused() {
    for (recorded, is_accepted) in [(None, true), (Some("c1"), true), (Some("c2"), false)] {
        let server = ScriptedServer::start([exchange("GET", KUBE_SYSTEM, 200, kube_system("c1"))]).await;
        let mut engine = Engine::new(&server);
        engine.record.cluster = recorded.map(str::to_owned);
        let mut out = Diagnostics::default();
        let identity = engine.reader().check_cluster_identity(&mut out).await;
        assert_eq!(identity.ok().flatten().as_deref(), is_accepted.then_some("c1"), "{recorded:?}: {out}");
        assert_eq!(out.to_string().contains("Resource belongs to another cluster"), !is_accepted, "{out}");
        server.finish();
    }
}

#[tokio::test]
async fn identity_that_may_not_be_read_is_reported_once_per_run() {
    let refusal = status(403, "Forbidden", "namespaces \"kube-system\" is forbidden: User \"ci\" cannot get resource");
    let server = ScriptedServer::start([exchange("GET", KUBE_SYSTEM, 403, refusal)]).await;
    let mut engine = Engine::new(&server);
    engine.record.cluster = Some("c1".to_owned());
    for expected in [1, 0] {
        let mut out = Diagnostics::default();
        let identity = engine.reader().check_cluster_identity(&mut out).await;
        assert_eq!((identity.ok().flatten().as_deref(), out.iter().count()), (Some("c1"), expected), "{out}");
    }
    server.finish();
}

#[tokio::test]
async fn object_that_cannot_be_read_is_not_reported_as_deleted() {
    let server = ScriptedServer::start([
        exchange("GET", RULE, 404, not_found()),
        exchange(
            "GET",
            ROUTE,
            403,
            status(
                403,
                "Forbidden",
                "virtualservices.networking.istio.io \"payments\" is forbidden: User \"ci\" cannot get resource",
            ),
        ),
    ])
    .await;
    let mut out = Diagnostics::default();
    let written = BTreeMap::from([(rule().key, rule().body), (route().key, route().body)]);
    assert!(Engine::new(&server).reader().read(&written, &mut out).await.is_err());
    assert!(out.to_string().contains("Not allowed to read virtualservices"), "{out}");
    server.finish();
}

#[tokio::test]
async fn read_returns_the_owned_fields_of_existing_objects() {
    let server = ScriptedServer::start([
        exchange("GET", RULE, 404, not_found()),
        exchange("GET", ROUTE, 200, live(&route(), "1")),
    ])
    .await;
    let mut out = Diagnostics::default();
    let written = BTreeMap::from([(rule().key, rule().body), (route().key, route().body)]);
    let found = Engine::new(&server).reader().read(&written, &mut out).await.expect("both are read");
    assert_eq!(found, BTreeMap::from([(route().key, route().body)]));
    server.finish();
}
