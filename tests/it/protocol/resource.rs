//! Reads, imports, upgrades and moves.

use serde_json::json;
use terraform_provider_mesh::{
    plugin::proto::tfplugin5::{
        DynamicValue, ResourceIdentityData, import_resource_state, move_resource_state, plan_resource_change,
        read_resource, upgrade_resource_identity,
    },
    schema::{Type, Value},
};

use super::plan::offline;
use crate::support::rig::{Kept, RawState, Rig, stored, told, unwired, wire};

const THING: &str = "test_thing";

fn identity_kind() -> Type {
    Type::Object([("name".to_owned(), Type::String)].into())
}

fn identity(name: &str) -> ResourceIdentityData {
    let value = Value::Map([("name".to_owned(), Value::string(name))].into());
    ResourceIdentityData { identity_data: Some(wire(&value, &identity_kind())) }
}

#[tokio::test]
async fn case_23_empty_is_null_and_json_is_read() {
    let mut rig = Rig::stand_in().await;
    for nothing in [None, Some(DynamicValue::default())] {
        let request = read_resource::Request { type_name: THING.into(), current_state: nothing, ..Default::default() };
        let answer = rig.client.read_resource(request).await.unwrap().into_inner();
        assert_eq!(answer.new_state.unwrap().msgpack, [0xc0]);
    }
    let json = br#"{"name": "a", "size": 0.30000000000000004, "item": []}"#.to_vec();
    let config = Some(DynamicValue { json, msgpack: Vec::new() });
    let request = plan_resource_change::Request {
        type_name: THING.into(),
        proposed_new_state: config.clone(),
        config,
        ..Default::default()
    };
    let answer = rig.client.plan_resource_change(request).await.unwrap().into_inner();
    let state = unwired(answer.planned_state.as_ref(), &rig.blocks[THING].kind());
    assert_eq!(state.member("echo"), &Value::string("a/0.30000000000000004"));
}

#[tokio::test]
async fn case_56_reads() {
    let mut rig = Rig::stand_in().await;
    let kept = rig.make(THING, None, &json!({"name": "a"})).await.sound();
    assert_eq!(rig.read(THING, &kept).await.sound(), kept);

    let drifted = rig.make(THING, None, &json!({"name": "has drifted"})).await.sound();
    let read = rig.read(THING, &drifted).await.sound();
    assert_eq!(read.state.member("echo"), &Value::string("somebody was here"));
    assert_eq!((read.private, read.identity), (drifted.private, drifted.identity));

    let gone = rig.make(THING, None, &json!({"name": "is gone"})).await.sound();
    assert_eq!(rig.read(THING, &gone).await.sound().state, Value::Null);

    let unreachable = rig.make(THING, None, &json!({"name": "is unreachable"})).await.sound();
    let read = rig.read(THING, &unreachable).await;
    assert_eq!((read.told.len(), read.after), (1, unreachable));
}

#[tokio::test]
async fn case_57_59_imports_by_id_and_by_identity_are_equal() {
    let mut rig = Rig::stand_in().await;
    let by_id =
        import_resource_state::Request { type_name: THING.into(), id: "was imported".into(), ..Default::default() };
    let by_identity = import_resource_state::Request {
        type_name: THING.into(),
        identity: Some(identity("was imported")),
        ..Default::default()
    };
    let found = rig.import(by_id).await.unwrap();
    assert_eq!(rig.import(by_identity).await.unwrap(), found);
    assert_eq!(found.identity, Some(identity("was imported")));
    // Read fills in the rest, and the plan is empty.
    let read = rig.read(THING, &found).await.sound();
    assert_eq!(read.state.member("echo"), &Value::string("was imported"));
    assert_eq!(read.identity, found.identity);
    let plan = rig.plan(THING, Some(&read), &json!({"name": "was imported"})).await;
    assert_eq!(plan.planned, read);
}

#[tokio::test]
async fn case_58_a_bad_id_says_what_a_good_one_is() {
    for (mut rig, name, id, says) in [
        (Rig::stand_in().await, THING, "a/b", "It is the name alone"),
        (Rig::stand_in().await, THING, "", "Nothing to import by"),
        (offline().await, "mesh_service", "payments", "namespace/name"),
    ] {
        let request = import_resource_state::Request { type_name: name.into(), id: id.into(), ..Default::default() };
        let told = rig.import(request).await.unwrap_err();
        assert!(told.len() == 1 && told[0].contains(says), "{told:?}");
    }
}

#[tokio::test]
async fn case_60_states_are_upgraded() {
    let mut rig = Rig::stand_in().await;
    for (version, raw, written) in [
        (
            2,
            json!({"name": "a", "id": "a", "echo": "a", "size": 3}),
            json!({"name": "a", "id": "a", "echo": "a", "size": 3}),
        ),
        // Written by another version: attributes and blocks are missing, one is gone.
        (
            0,
            json!({"name": "a", "colour": "red", "item": [{"key": "k"}]}),
            json!({"name": "a", "item": [{"key": "k"}]}),
        ),
    ] {
        let (state, told) = rig.upgrade(THING, version, stored(&raw)).await;
        assert_eq!((state, told), (rig.config(THING, &written), Vec::new()));
    }
    let flatmap = RawState { flatmap: [("name".to_owned(), "a".to_owned())].into(), json: Vec::new() };
    let faults = [
        (flatmap, "State of an unsupported format"),
        (RawState::default(), "Empty state"),
        (RawState { json: b"{\"name\":".to_vec(), ..Default::default() }, "Unreadable state"),
        (stored(&json!({"name": ["a"]})), "Unreadable state"),
        (stored(&json!([1, 2])), "Unreadable state"),
    ];
    for (raw, summary) in faults {
        let (state, told) = rig.upgrade(THING, 2, raw).await;
        assert_eq!((state, told.len()), (Value::Null, 1));
        assert!(told[0].contains(summary), "{told:?}");
    }
}

#[tokio::test]
async fn case_60_identities_are_upgraded() {
    let mut rig = Rig::stand_in().await;
    for (raw, upgraded) in [(stored(&json!({"name": "a"})), Some(identity("a"))), (RawState::default(), None)] {
        let request =
            upgrade_resource_identity::Request { type_name: THING.into(), version: 0, raw_identity: Some(raw) };
        let answer = rig.client.upgrade_resource_identity(request).await.unwrap().into_inner();
        assert_eq!((answer.upgraded_identity, answer.diagnostics.len()), (upgraded, 0));
    }
}

fn moved(provider: &str, kind: &str, state: &serde_json::Value) -> move_resource_state::Request {
    move_resource_state::Request {
        source_provider_address: provider.into(),
        source_type_name: kind.into(),
        source_schema_version: 3,
        source_state: Some(stored(state)),
        target_type_name: THING.into(),
        source_private: b"private".to_vec(),
        source_identity: Some(stored(&json!({"name": "a"}))),
        ..Default::default()
    }
}

#[tokio::test]
async fn case_61_states_move() {
    let mut rig = Rig::stand_in().await;
    let kind = rig.blocks[THING].kind();
    // Between registries it is the same provider.
    for registry in ["registry.terraform.io", "registry.opentofu.org"] {
        let request = moved(&format!("{registry}/test/stand-in"), THING, &json!({"name": "a"}));
        let answer = rig.client.move_resource_state(request).await.unwrap().into_inner();
        assert_eq!(told(&answer.diagnostics), Vec::<String>::new());
        assert_eq!(unwired(answer.target_state.as_ref(), &kind), rig.config(THING, &json!({"name": "a"})));
        assert_eq!((answer.target_private.as_slice(), answer.target_identity), (&b"private"[..], Some(identity("a"))));
    }
    // Another provider's type may be adopted, whatever its name.
    let request = moved("registry.terraform.io/other/stand-in", "other_thing", &json!({"title": "t"}));
    let answer = rig.client.move_resource_state(request).await.unwrap().into_inner();
    assert_eq!(unwired(answer.target_state.as_ref(), &kind), rig.config(THING, &json!({"name": "t-3"})));
    assert_eq!(answer.target_private, b"adopted");
    for foreign in ["other_type", THING] {
        let request = moved("registry.terraform.io/other/provider", foreign, &json!({"name": "a"}));
        let answer = rig.client.move_resource_state(request).await.unwrap().into_inner();
        assert!(told(&answer.diagnostics)[0].starts_with("ERROR : This move is not supported."));
        assert_eq!(answer.target_state, None);
    }
}

/// Whatever the bytes, each call has an answer with errors, and the plugin lives.
#[tokio::test]
async fn case_25_hostile_bytes_are_told() {
    let mut rig = offline().await;
    let mut random = fastrand::Rng::with_seed(25);
    for round in 0..200 {
        let mut bytes = vec![0; random.usize(1..60)];
        random.fill(&mut bytes);
        let hostile = if round % 2 == 0 {
            DynamicValue { msgpack: bytes, json: Vec::new() }
        } else {
            DynamicValue { msgpack: Vec::new(), json: bytes }
        };
        let raw = RawState { json: [&hostile.msgpack[..], &hostile.json[..]].concat(), flatmap: [].into() };
        let request = read_resource::Request {
            type_name: "mesh_service".into(),
            current_state: Some(hostile.clone()),
            private: hostile.msgpack.clone(),
            current_identity: Some(ResourceIdentityData { identity_data: Some(hostile.clone()) }),
            ..Default::default()
        };
        let read = rig.client.read_resource(request).await.unwrap().into_inner();
        let request = plan_resource_change::Request {
            type_name: "mesh_service".into(),
            prior_state: Some(hostile.clone()),
            proposed_new_state: Some(hostile.clone()),
            config: Some(hostile),
            ..Default::default()
        };
        let plan = rig.client.plan_resource_change(request).await.unwrap().into_inner();
        let (_, upgrade) = rig.upgrade("mesh_service", 0, raw).await;
        for told in [told(&read.diagnostics), told(&plan.diagnostics), upgrade] {
            assert!(told.iter().any(|told| told.starts_with("ERROR : Unreadable")), "{told:?}");
        }
    }
}

#[tokio::test]
async fn private_data_and_identity_are_echoed() {
    let mut rig = Rig::stand_in().await;
    let kept = rig.make(THING, None, &json!({"name": "a"})).await.sound();
    let kept = Kept { private: b"\0\xff any bytes".to_vec(), ..kept };
    assert_eq!(rig.read(THING, &kept).await.sound(), kept);
    assert_eq!(rig.plan(THING, Some(&kept), &json!({"name": "a"})).await.sound(), kept);
}
