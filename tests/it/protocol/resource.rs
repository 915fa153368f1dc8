//! Reads, imports, upgrades and moves of resources.

use serde_json::json;
use terraform_provider_mesh::{
    plugin::proto::tfplugin5::{
        DynamicValue, ResourceIdentityData, import_resource_state, move_resource_state, plan_resource_change,
        read_resource, upgrade_resource_identity,
    },
    schema::{Type, Value},
};

use super::plan::with_unknown_cluster;
use crate::support::core_client::{
    CoreClient, RawState, ResourceInstance, decode_value, encode_value, format_diagnostics, raw_state,
};

const THING: &str = "test_thing";

fn identity_kind() -> Type {
    Type::Object([("name".to_owned(), Type::String)].into())
}

fn identity(name: &str) -> ResourceIdentityData {
    let value = Value::Map([("name".to_owned(), Value::string(name))].into());
    ResourceIdentityData { identity_data: Some(encode_value(&value, &identity_kind())) }
}

#[tokio::test]
async fn empty_value_is_null_and_json_is_decoded() {
    let mut core = CoreClient::with_test_provider().await;
    for empty in [None, Some(DynamicValue::default())] {
        let request = read_resource::Request { type_name: THING.into(), current_state: empty, ..Default::default() };
        let response = core.client.read_resource(request).await.unwrap().into_inner();
        assert_eq!(response.new_state.unwrap().msgpack, [0xc0]);
    }
    let json = br#"{"name": "a", "size": 0.30000000000000004, "item": []}"#.to_vec();
    let config = Some(DynamicValue { json, msgpack: Vec::new() });
    let request = plan_resource_change::Request {
        type_name: THING.into(),
        proposed_new_state: config.clone(),
        config,
        ..Default::default()
    };
    let response = core.client.plan_resource_change(request).await.unwrap().into_inner();
    let state = decode_value(response.planned_state.as_ref(), &core.blocks[THING].object_type());
    assert_eq!(state.member("echo"), &Value::string("a/0.30000000000000004"));
}

#[tokio::test]
async fn reads_return_the_live_state() {
    let mut core = CoreClient::with_test_provider().await;
    let instance = core.plan_and_apply(THING, None, &json!({"name": "a"})).await.expect_no_diagnostics();
    assert_eq!(core.read(THING, &instance).await.expect_no_diagnostics(), instance);

    let drifted = core.plan_and_apply(THING, None, &json!({"name": "has drifted"})).await.expect_no_diagnostics();
    let read = core.read(THING, &drifted).await.expect_no_diagnostics();
    assert_eq!(read.state.member("echo"), &Value::string("changed by another client"));
    assert_eq!((read.private, read.identity), (drifted.private, drifted.identity));

    let gone = core.plan_and_apply(THING, None, &json!({"name": "is gone"})).await.expect_no_diagnostics();
    assert_eq!(core.read(THING, &gone).await.expect_no_diagnostics().state, Value::Null);

    let unreachable =
        core.plan_and_apply(THING, None, &json!({"name": "is unreachable"})).await.expect_no_diagnostics();
    let read = core.read(THING, &unreachable).await;
    assert_eq!((read.diagnostics.len(), read.instance), (1, unreachable));
}

#[tokio::test]
async fn imports_by_id_and_by_identity_are_equal() {
    let mut core = CoreClient::with_test_provider().await;
    let by_id =
        import_resource_state::Request { type_name: THING.into(), id: "was imported".into(), ..Default::default() };
    let by_identity = import_resource_state::Request {
        type_name: THING.into(),
        identity: Some(identity("was imported")),
        ..Default::default()
    };
    let found = core.import(by_id).await.unwrap();
    assert_eq!(core.import(by_identity).await.unwrap(), found);
    assert_eq!(found.identity, Some(identity("was imported")));
    // A read fills in the computed attributes, and the next plan is empty.
    let read = core.read(THING, &found).await.expect_no_diagnostics();
    assert_eq!(read.state.member("echo"), &Value::string("was imported"));
    assert_eq!(read.identity, found.identity);
    let plan = core.plan(THING, Some(&read), &json!({"name": "was imported"})).await;
    assert_eq!(plan.planned, read);
}

#[tokio::test]
async fn invalid_import_id_is_an_error_with_the_valid_form() {
    for (mut core, name, id, expected) in [
        (CoreClient::with_test_provider().await, THING, "a/b", "It is the name alone"),
        (CoreClient::with_test_provider().await, THING, "", "Import needs an id or an identity"),
        (with_unknown_cluster().await, "mesh_service", "payments", "namespace/name"),
    ] {
        let request = import_resource_state::Request { type_name: name.into(), id: id.into(), ..Default::default() };
        let diagnostics = core.import(request).await.unwrap_err();
        assert!(diagnostics.len() == 1 && diagnostics[0].contains(expected), "{diagnostics:?}");
    }
}

#[tokio::test]
async fn stored_states_are_upgraded() {
    let mut core = CoreClient::with_test_provider().await;
    for (version, raw, written) in [
        (
            2,
            json!({"name": "a", "id": "a", "echo": "a", "size": 3}),
            json!({"name": "a", "id": "a", "echo": "a", "size": 3}),
        ),
        // A state of another version lacks attributes and blocks, and has one that no longer exists.
        (
            0,
            json!({"name": "a", "colour": "red", "item": [{"key": "k"}]}),
            json!({"name": "a", "item": [{"key": "k"}]}),
        ),
    ] {
        let (state, diagnostics) = core.upgrade(THING, version, raw_state(&raw)).await;
        assert_eq!((state, diagnostics), (core.config(THING, &written), Vec::new()));
    }
    let flatmap = RawState { flatmap: [("name".to_owned(), "a".to_owned())].into(), json: Vec::new() };
    let invalid = [
        (flatmap, "State of an unsupported format"),
        (RawState::default(), "Empty state"),
        (RawState { json: b"{\"name\":".to_vec(), ..Default::default() }, "Unreadable state"),
        (raw_state(&json!({"name": ["a"]})), "Unreadable state"),
        (raw_state(&json!([1, 2])), "Unreadable state"),
    ];
    for (raw, summary) in invalid {
        let (state, diagnostics) = core.upgrade(THING, 2, raw).await;
        assert_eq!((state, diagnostics.len()), (Value::Null, 1));
        assert!(diagnostics[0].contains(summary), "{diagnostics:?}");
    }
}

#[tokio::test]
async fn stored_identities_are_upgraded() {
    let mut core = CoreClient::with_test_provider().await;
    for (raw, upgraded) in [(raw_state(&json!({"name": "a"})), Some(identity("a"))), (RawState::default(), None)] {
        let request =
            upgrade_resource_identity::Request { type_name: THING.into(), version: 0, raw_identity: Some(raw) };
        let response = core.client.upgrade_resource_identity(request).await.unwrap().into_inner();
        assert_eq!((response.upgraded_identity, response.diagnostics.len()), (upgraded, 0));
    }
}

fn move_request(provider: &str, kind: &str, state: &serde_json::Value) -> move_resource_state::Request {
    move_resource_state::Request {
        source_provider_address: provider.into(),
        source_type_name: kind.into(),
        source_schema_version: 3,
        source_state: Some(raw_state(state)),
        target_type_name: THING.into(),
        source_private: b"private".to_vec(),
        source_identity: Some(raw_state(&json!({"name": "a"}))),
        ..Default::default()
    }
}

#[tokio::test]
async fn states_of_other_resource_types_are_moved() {
    let mut core = CoreClient::with_test_provider().await;
    let kind = core.blocks[THING].object_type();
    // The same provider of another registry.
    for registry in ["registry.terraform.io", "registry.opentofu.org"] {
        let request = move_request(&format!("{registry}/example/test"), THING, &json!({"name": "a"}));
        let response = core.client.move_resource_state(request).await.unwrap().into_inner();
        assert_eq!(format_diagnostics(&response.diagnostics), Vec::<String>::new());
        assert_eq!(decode_value(response.target_state.as_ref(), &kind), core.config(THING, &json!({"name": "a"})));
        assert_eq!(
            (response.target_private.as_slice(), response.target_identity),
            (&b"private"[..], Some(identity("a")))
        );
    }
    // A resource of another provider, if the provider supports its type.
    let request = move_request("registry.terraform.io/other/test", "other_thing", &json!({"title": "t"}));
    let response = core.client.move_resource_state(request).await.unwrap().into_inner();
    assert_eq!(decode_value(response.target_state.as_ref(), &kind), core.config(THING, &json!({"name": "t-3"})));
    assert_eq!(response.target_private, b"adopted");
    for type_name in ["other_type", THING] {
        let request = move_request("registry.terraform.io/other/provider", type_name, &json!({"name": "a"}));
        let response = core.client.move_resource_state(request).await.unwrap().into_inner();
        assert!(format_diagnostics(&response.diagnostics)[0].starts_with("ERROR : This move is not supported."));
        assert_eq!(response.target_state, None);
    }
}

/// Each call gets a response with errors, and the plugin keeps running.
#[tokio::test]
async fn random_bytes_are_errors() {
    let mut core = with_unknown_cluster().await;
    let mut random = fastrand::Rng::with_seed(25);
    for round in 0..200 {
        let mut bytes = vec![0; random.usize(1..60)];
        random.fill(&mut bytes);
        let invalid = if round % 2 == 0 {
            DynamicValue { msgpack: bytes, json: Vec::new() }
        } else {
            DynamicValue { msgpack: Vec::new(), json: bytes }
        };
        let raw = RawState { json: [&invalid.msgpack[..], &invalid.json[..]].concat(), flatmap: [].into() };
        let request = read_resource::Request {
            type_name: "mesh_service".into(),
            current_state: Some(invalid.clone()),
            private: invalid.msgpack.clone(),
            current_identity: Some(ResourceIdentityData { identity_data: Some(invalid.clone()) }),
            ..Default::default()
        };
        let read = core.client.read_resource(request).await.unwrap().into_inner();
        let request = plan_resource_change::Request {
            type_name: "mesh_service".into(),
            prior_state: Some(invalid.clone()),
            proposed_new_state: Some(invalid.clone()),
            config: Some(invalid),
            ..Default::default()
        };
        let plan = core.client.plan_resource_change(request).await.unwrap().into_inner();
        let (_, upgrade) = core.upgrade("mesh_service", 0, raw).await;
        for diagnostics in [format_diagnostics(&read.diagnostics), format_diagnostics(&plan.diagnostics), upgrade] {
            assert!(
                diagnostics.iter().any(|diagnostic| diagnostic.starts_with("ERROR : Unreadable")),
                "{diagnostics:?}"
            );
        }
    }
}

#[tokio::test]
async fn private_data_and_identity_are_kept() {
    let mut core = CoreClient::with_test_provider().await;
    let instance = core.plan_and_apply(THING, None, &json!({"name": "a"})).await.expect_no_diagnostics();
    let instance = ResourceInstance { private: b"\0\xff any bytes".to_vec(), ..instance };
    assert_eq!(core.read(THING, &instance).await.expect_no_diagnostics(), instance);
    assert_eq!(core.plan(THING, Some(&instance), &json!({"name": "a"})).await.expect_no_diagnostics(), instance);
}
