//! `ApplyResourceChange`: after every outcome, the state contains what exists.

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use terraform_provider_mesh::{
    plugin::proto::tfplugin5::{apply_resource_change, stop},
    schema::Value,
};
use tokio::{
    net::TcpListener,
    time::{sleep, timeout},
};

use super::plan::{payments, with_unknown_cluster};
use crate::support::core_client::{CoreClient, ResourceInstance, decode_value, format_diagnostics};

const THING: &str = "test_thing";

#[tokio::test]
async fn created_state_is_known_and_has_private_data_and_identity() {
    let mut core = CoreClient::with_test_provider().await;
    let instance = core.plan_and_apply(THING, None, &json!({"name": "a", "size": 2})).await.expect_no_diagnostics();
    assert_eq!((instance.state.member("echo"), instance.private.as_slice()), (&Value::string("a/2"), &b"applied"[..]));
    assert!(instance.identity.is_some());
}

#[tokio::test]
async fn partly_failed_create_is_kept() {
    let mut core = CoreClient::with_test_provider().await;
    let response = core.plan_and_apply(THING, None, &json!({"name": "fails after"})).await;
    assert_eq!(response.diagnostics, ["ERROR .name: Partly created. As requested by the name."]);
    assert_eq!(response.instance.state.member("id"), &Value::string("fails after"));
    assert_eq!((response.instance.private.as_slice(), response.instance.identity.is_some()), (&b"applied"[..], true));
}

#[tokio::test]
async fn failed_create_leaves_no_state() {
    let mut core = CoreClient::with_test_provider().await;
    let response = core.plan_and_apply(THING, None, &json!({"name": "fails before"})).await;
    assert_eq!(response.diagnostics, ["ERROR .name: Nothing was created. As requested by the name."]);
    assert_eq!(response.instance.state, Value::Null);
}

#[tokio::test]
async fn failed_update_keeps_the_returned_state() {
    let mut core = CoreClient::with_test_provider().await;
    let instance = core.plan_and_apply(THING, None, &json!({"name": "a"})).await.expect_no_diagnostics();
    for (name, echo) in [("fails before", "a"), ("fails after", "fails after")] {
        let written = json!({"name": name});
        let planned = core.plan(THING, Some(&instance), &written).await.planned;
        let config = core.config(THING, &written);
        let response = core.apply(THING, Some(&instance), &planned, &config).await;
        assert_eq!((response.diagnostics.len(), response.instance.state.member("echo")), (1, &Value::string(echo)));
    }
}

#[tokio::test]
async fn failed_delete_keeps_the_resource() {
    let mut core = CoreClient::with_test_provider().await;
    let instance = core.plan_and_apply(THING, None, &json!({"name": "a"})).await.expect_no_diagnostics();
    let gone = core.plan_and_apply(THING, Some(&instance), &Json::Null).await.expect_no_diagnostics();
    assert_eq!((gone.state, gone.private), (Value::Null, Vec::new()));

    let instance = core.plan_and_apply(THING, None, &json!({"name": "can't be deleted"})).await.expect_no_diagnostics();
    let response = core.plan_and_apply(THING, Some(&instance), &Json::Null).await;
    assert_eq!(response.diagnostics, ["ERROR .name: Not deleted. As requested by the name."]);
    assert_eq!(response.instance.state, instance.state);
}

#[tokio::test]
async fn result_that_core_would_discard_is_an_error_with_the_planned_state() {
    let mut core = CoreClient::with_test_provider().await;
    let response = core.plan_and_apply(THING, None, &json!({"name": "returns unknowns"})).await;
    assert!(
        response.diagnostics[0]
            .starts_with("ERROR : Invalid value from the provider (bug). echo: the value must be known")
    );
    assert_eq!(response.instance.state.member("id"), &Value::string("returns unknowns"));
}

#[tokio::test]
async fn unreadable_request_is_an_error_and_keeps_the_state() {
    let mut core = CoreClient::with_test_provider().await;
    let request = apply_resource_change::Request { type_name: "test_nothing".into(), ..Default::default() };
    let response = core.client.apply_resource_change(request).await.unwrap().into_inner();
    assert!(format_diagnostics(&response.diagnostics)[0].starts_with("ERROR : Unknown resource type."), "{response:?}");

    // An unreadable apply isn't started: a create leaves no state, and an update keeps the prior state.
    let instance = core.plan_and_apply(THING, None, &json!({"name": "a"})).await.expect_no_diagnostics();
    let config = core.config(THING, &json!({"name": "b"}));
    for prior in [None, Some(&instance)] {
        let mut request = core.apply_request(THING, prior, &instance, &config);
        request.config.as_mut().unwrap().msgpack = vec![0xa3, 1];
        let response = core.client.apply_resource_change(request).await.unwrap().into_inner();
        assert!(format_diagnostics(&response.diagnostics)[0].starts_with("ERROR : Unreadable value."), "{response:?}");
        let state = decode_value(response.new_state.as_ref(), &core.blocks[THING].object_type());
        assert_eq!(state, prior.map_or(Value::Null, |prior| prior.state.clone()));
    }
}

#[tokio::test]
async fn concurrent_calls_are_independent() {
    let core = CoreClient::with_test_provider().await;
    let kind = core.blocks[THING].object_type();
    let calls = (0..64).map(|n| {
        let state = core.config(THING, &json!({"name": format!("thing-{n}"), "size": n}));
        let planned = ResourceInstance { state: state.clone(), private: vec![n], identity: None };
        let request = core.apply_request(THING, None, &planned, &state);
        let (mut client, kind) = (core.client.clone(), kind.clone());
        tokio::spawn(async move {
            let response = client.apply_resource_change(request).await.unwrap().into_inner();
            (n, decode_value(response.new_state.as_ref(), &kind))
        })
    });
    let calls: Vec<_> = calls.collect();
    for call in calls {
        let (n, state) = call.await.unwrap();
        assert_eq!(state.member("echo"), &Value::string(format!("thing-{n}/{n}")));
    }
}

/// The real provider with an API server that accepts connections and never responds.
#[tokio::test]
async fn stop_ends_an_apply_at_a_hanging_api_server() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("http://{}", server.local_addr().unwrap());
    let (connected, mut connections) = tokio::sync::mpsc::channel(8);
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((connection, _)) = server.accept().await {
            open.push(connection);
            let _ = connected.send(()).await;
        }
    });
    let planned = with_unknown_cluster().await.plan("mesh_service", None, &payments()).await.planned;
    let mut core = with_unknown_cluster().await;
    assert_eq!(core.configure(&json!({"owner": "tests", "host": host, "token": "t"})).await, Vec::<String>::new());
    let config = core.config("mesh_service", &payments());
    let request = core.apply_request("mesh_service", None, &planned, &config);
    let mut client = core.client.clone();
    let running = tokio::spawn(async move { client.apply_resource_change(request).await });
    timeout(Duration::from_secs(5), connections.recv()).await.expect("a connection").unwrap();
    sleep(Duration::from_millis(100)).await;

    let stop_sent = Instant::now();
    core.client.stop(stop::Request {}).await.unwrap();
    let response = timeout(Duration::from_secs(5), running).await.expect("an answer").unwrap().unwrap().into_inner();
    assert!(stop_sent.elapsed() < Duration::from_millis(1500), "{:?}", stop_sent.elapsed());
    let diagnostics = format_diagnostics(&response.diagnostics);
    assert!(diagnostics.iter().any(|diagnostic| diagnostic.starts_with("ERROR")), "{diagnostics:?}");
    // Nothing was written, so the state stays empty.
    assert_eq!(decode_value(response.new_state.as_ref(), &core.blocks["mesh_service"].object_type()), Value::Null);
}
