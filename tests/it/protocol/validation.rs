//! Validation: what core doesn't look at, on its path; what is unknown passes.

use serde_json::{Value as Json, json};
use terraform_provider_mesh::plugin::proto::tfplugin5::prepare_provider_config;

use super::plan::offline;
use crate::support::{
    core::{Block, UNKNOWN},
    host::binary,
    rig::{Rig, told, wire},
};

const SERVICE: &str = "mesh_service";

fn service(change: impl Fn(&mut Json)) -> Json {
    let mut written = json!({"name": "payments", "namespace": "pci", "port": [{"number": 8080, "protocol": "http"}]});
    change(&mut written);
    written
}

#[tokio::test]
async fn case_30_required_and_read_only_arguments() {
    let mut rig = Rig::start(binary()).await;
    for (written, at) in [
        (service(|s| s["name"] = Json::Null), ".name: Missing required argument"),
        (service(|s| s["port"][0]["number"] = Json::Null), ".port[0].number: Missing required argument"),
        (service(|s| s["host"] = json!("x")), ".host: Read-only attribute set"),
        (service(|s| s["id"] = json!("x")), ".id: Read-only attribute set"),
    ] {
        let told = rig.validate(SERVICE, &written).await;
        assert!(told.len() == 1 && told[0].starts_with(&format!("ERROR {at}")), "{told:?}");
    }
    // All at once.
    let told = rig.validate(SERVICE, &json!({"port": [{}], "host": "x"})).await;
    assert_eq!(told.len(), 5, "{told:#?}");

    let mut rig = Rig::stand_in().await;
    let told = rig.validate("test_thing", &json!({"name": "a", "item": [{"key": "k", "counted_by": "me"}]})).await;
    assert!(told.len() == 1 && told[0].starts_with("ERROR .item[0].counted_by: Read-only attribute set"), "{told:?}");
}

#[tokio::test]
async fn case_31_unknowns_pass_at_every_place() {
    let mut rig = Rig::start(binary()).await;
    for written in [
        service(|_| {}),
        service(|s| s["name"] = json!(UNKNOWN)),
        service(|s| s["port"] = json!(UNKNOWN)),
        service(|s| s["port"][0]["number"] = json!(UNKNOWN)),
        service(|s| s["calls"] = json!(["shop/catalog", UNKNOWN])),
        service(|s| s["labels"] = json!({"team": UNKNOWN})),
        service(|s| s["allow"] = json!([{"from": UNKNOWN}])),
        service(|s| s["allow"] = json!(UNKNOWN)),
    ] {
        assert_eq!(rig.validate(SERVICE, &written).await, Vec::<String>::new(), "{written}");
    }
}

#[tokio::test]
async fn case_32_a_provider_block_may_be_unknown() {
    let mut rig = Rig::start(binary()).await;
    let block = Block::of(rig.schemas.provider.as_ref().unwrap());
    let unknown: Json = block.attributes.keys().map(|name| (name.clone(), json!(UNKNOWN))).collect();
    let config = Some(wire(&block.config(&unknown), &block.kind()));
    let request = prepare_provider_config::Request { config: config.clone() };
    let answer = rig.client.prepare_provider_config(request).await.unwrap().into_inner();
    assert_eq!((told(&answer.diagnostics), answer.prepared_config), (Vec::new(), config));
    assert_eq!(rig.configure(&unknown).await, Vec::<String>::new());

    // A plan is made of what is known; a read can't be made and says why, once, and keeps the state.
    let plan = rig.plan(SERVICE, None, &service(|_| {})).await;
    assert!(plan.told.iter().all(|told| told.starts_with("WARNING")), "{:?}", plan.told);
    let kept = offline().await.plan(SERVICE, None, &service(|_| {})).await.planned;
    let read = rig.read(SERVICE, &kept).await;
    assert!(read.told.len() == 1 && read.told[0].starts_with("ERROR"), "{:?}", read.told);
    assert_eq!(read.after, kept);
}

#[tokio::test]
async fn case_34_the_last_configuration_counts() {
    let mut rig = Rig::stand_in().await;
    for prefix in ["one-", "two-"] {
        assert_eq!(rig.configure(&json!({"prefix": prefix})).await, Vec::<String>::new());
        let kept = rig.make("test_thing", None, &json!({"name": "a"})).await.sound();
        assert_eq!(kept.state.member("echo"), &terraform_provider_mesh::schema::Value::string(format!("{prefix}a")));
    }
}

#[tokio::test]
async fn without_configuration_a_resource_says_so() {
    let mut rig = Rig::start(binary()).await;
    let plan = rig.plan(SERVICE, None, &service(|_| {})).await;
    assert!(
        plan.told.len() == 1 && plan.told[0].starts_with("ERROR : The provider isn't configured"),
        "{:?}",
        plan.told
    );
}
