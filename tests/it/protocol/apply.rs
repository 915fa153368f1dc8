//! Applies: whatever happens, what exists is in the state.

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

use super::plan::{offline, payments};
use crate::support::rig::{Kept, Rig, told, unwired};

const THING: &str = "test_thing";

#[tokio::test]
async fn case_49_a_create_is_wholly_known_with_private_data_and_identity() {
    let mut rig = Rig::stand_in().await;
    let kept = rig.make(THING, None, &json!({"name": "a", "size": 2})).await.sound();
    assert_eq!((kept.state.member("echo"), kept.private.as_slice()), (&Value::string("a/2"), &b"applied"[..]));
    assert!(kept.identity.is_some());
}

#[tokio::test]
async fn case_50_a_create_that_fails_half_way_is_kept() {
    let mut rig = Rig::stand_in().await;
    let answer = rig.make(THING, None, &json!({"name": "fails after"})).await;
    assert_eq!(answer.told, ["ERROR .name: Half was made. As told."]);
    assert_eq!(answer.after.state.member("id"), &Value::string("fails after"));
    assert_eq!((answer.after.private.as_slice(), answer.after.identity.is_some()), (&b"applied"[..], true));
}

#[tokio::test]
async fn case_51_a_create_that_made_nothing_leaves_nothing() {
    let mut rig = Rig::stand_in().await;
    let answer = rig.make(THING, None, &json!({"name": "fails before"})).await;
    assert_eq!(answer.told, ["ERROR .name: Nothing was made. As told."]);
    assert_eq!(answer.after.state, Value::Null);
}

#[tokio::test]
async fn case_52_an_update_that_fails_keeps_what_it_says() {
    let mut rig = Rig::stand_in().await;
    let kept = rig.make(THING, None, &json!({"name": "a"})).await.sound();
    for (name, echo) in [("fails before", "a"), ("fails after", "fails after")] {
        let written = json!({"name": name});
        let planned = rig.plan(THING, Some(&kept), &written).await.planned;
        let config = rig.config(THING, &written);
        let answer = rig.apply(THING, Some(&kept), &planned, &config).await;
        assert_eq!((answer.told.len(), answer.after.state.member("echo")), (1, &Value::string(echo)));
    }
}

#[tokio::test]
async fn case_53_a_delete_that_fails_keeps_the_resource() {
    let mut rig = Rig::stand_in().await;
    let kept = rig.make(THING, None, &json!({"name": "a"})).await.sound();
    let gone = rig.make(THING, Some(&kept), &Json::Null).await.sound();
    assert_eq!((gone.state, gone.private), (Value::Null, Vec::new()));

    let kept = rig.make(THING, None, &json!({"name": "can't be deleted"})).await.sound();
    let answer = rig.make(THING, Some(&kept), &Json::Null).await;
    assert_eq!(answer.told, ["ERROR .name: Not deleted. As told."]);
    assert_eq!(answer.after.state, kept.state);
}

#[tokio::test]
async fn a_result_that_core_would_drop_is_an_error_with_the_plan_as_state() {
    let mut rig = Rig::stand_in().await;
    let answer = rig.make(THING, None, &json!({"name": "returns unknowns"})).await;
    assert!(answer.told[0].starts_with("ERROR : The provider made an invalid value. echo: the value must be known"));
    assert_eq!(answer.after.state.member("id"), &Value::string("returns unknowns"));
}

#[tokio::test]
async fn a_request_that_makes_no_sense_is_told() {
    let mut rig = Rig::stand_in().await;
    let request = apply_resource_change::Request { type_name: "test_nothing".into(), ..Default::default() };
    let answer = rig.client.apply_resource_change(request).await.unwrap().into_inner();
    assert!(told(&answer.diagnostics)[0].starts_with("ERROR : Unknown resource type."), "{answer:?}");

    // What can't be read isn't begun: of a create nothing stays, of an update what was.
    let kept = rig.make(THING, None, &json!({"name": "a"})).await.sound();
    let config = rig.config(THING, &json!({"name": "b"}));
    for prior in [None, Some(&kept)] {
        let mut request = rig.apply_request(THING, prior, &kept, &config);
        request.config.as_mut().unwrap().msgpack = vec![0xa3, 1];
        let answer = rig.client.apply_resource_change(request).await.unwrap().into_inner();
        assert!(told(&answer.diagnostics)[0].starts_with("ERROR : Unreadable value."), "{answer:?}");
        let state = unwired(answer.new_state.as_ref(), &rig.blocks[THING].kind());
        assert_eq!(state, prior.map_or(Value::Null, |prior| prior.state.clone()));
    }
}

#[tokio::test]
async fn case_62_many_calls_at_a_time_are_independent() {
    let rig = Rig::stand_in().await;
    let kind = rig.blocks[THING].kind();
    let calls = (0..64).map(|n| {
        let state = rig.config(THING, &json!({"name": format!("thing-{n}"), "size": n}));
        let planned = Kept { state: state.clone(), private: vec![n], identity: None };
        let request = rig.apply_request(THING, None, &planned, &state);
        let (mut client, kind) = (rig.client.clone(), kind.clone());
        tokio::spawn(async move {
            let answer = client.apply_resource_change(request).await.unwrap().into_inner();
            (n, unwired(answer.new_state.as_ref(), &kind))
        })
    });
    let calls: Vec<_> = calls.collect();
    for call in calls {
        let (n, state) = call.await.unwrap();
        assert_eq!(state.member("echo"), &Value::string(format!("thing-{n}/{n}")));
    }
}

/// The real provider before an API server that takes requests and never answers.
#[tokio::test]
async fn case_54_an_api_server_that_hangs_does_not_hang_stop() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("http://{}", server.local_addr().unwrap());
    let (asked, mut asking) = tokio::sync::mpsc::channel(8);
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((connection, _)) = server.accept().await {
            open.push(connection);
            let _ = asked.send(()).await;
        }
    });
    let planned = offline().await.plan("mesh_service", None, &payments()).await.planned;
    let mut rig = offline().await;
    assert_eq!(rig.configure(&json!({"owner": "tests", "host": host, "token": "t"})).await, Vec::<String>::new());
    let config = rig.config("mesh_service", &payments());
    let request = rig.apply_request("mesh_service", None, &planned, &config);
    let mut client = rig.client.clone();
    let running = tokio::spawn(async move { client.apply_resource_change(request).await });
    timeout(Duration::from_secs(5), asking.recv()).await.expect("a request").unwrap();
    sleep(Duration::from_millis(100)).await;

    let stopped = Instant::now();
    rig.client.stop(stop::Request {}).await.unwrap();
    let answer = timeout(Duration::from_secs(5), running).await.expect("an answer").unwrap().unwrap().into_inner();
    assert!(stopped.elapsed() < Duration::from_millis(1500), "{:?}", stopped.elapsed());
    let told = told(&answer.diagnostics);
    assert!(told.iter().any(|told| told.starts_with("ERROR")), "{told:?}");
    // Nothing was written, so nothing is kept.
    assert_eq!(unwired(answer.new_state.as_ref(), &rig.blocks["mesh_service"].kind()), Value::Null);
}
