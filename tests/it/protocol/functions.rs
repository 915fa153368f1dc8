//! Data sources and functions.

use serde_json::json;
use terraform_provider_mesh::{
    plugin::proto::tfplugin5::{
        DynamicValue, FunctionError, call_function, read_data_source, validate_data_source_config,
    },
    schema::{Type, Value},
};

use crate::support::{
    core::{Block, UNKNOWN},
    host::stand_in,
    rig::{Rig, told, unwired, wire},
};

#[tokio::test]
async fn case_64_data_sources() {
    let mut rig = Rig::stand_in().await;
    let block = Block::of(&rig.schemas.data_source_schemas["test_lookup"]);
    let config = |name| Some(wire(&block.config(&json!({"name": name})), &block.kind()));
    for (name, faults) in [(json!("a"), 0), (json!(UNKNOWN), 0), (json!(null), 1)] {
        let request = validate_data_source_config::Request { type_name: "test_lookup".into(), config: config(name) };
        let answer = rig.client.validate_data_source_config(request).await.unwrap().into_inner();
        assert_eq!(answer.diagnostics.len(), faults);
    }
    let mut read = async |name| {
        let request =
            read_data_source::Request { type_name: "test_lookup".into(), config: config(name), ..Default::default() };
        let answer = rig.client.read_data_source(request).await.unwrap().into_inner();
        (unwired(answer.state.as_ref(), &block.kind()), told(&answer.diagnostics))
    };
    assert_eq!(read(json!("a")).await, (block.config(&json!({"name": "a", "found": "found a"})), Vec::new()));
    let (state, faults) = read(json!("missing")).await;
    assert_eq!(
        (state, faults.as_slice()),
        (Value::Null, &["ERROR .name: Not found. Nothing has this name.".to_owned()][..])
    );
    assert!(read(json!("panics")).await.1[0].contains("The provider crashed"));
}

#[tokio::test]
async fn case_65_functions() {
    // Callable before Configure.
    let mut rig = Rig::start(stand_in()).await;
    let mut call = async |name: &str, arguments: &[Option<&str>]| {
        let argument = |text: Option<&str>| {
            text.map_or_else(DynamicValue::default, |text| wire(&Value::string(text), &Type::String))
        };
        let request =
            call_function::Request { name: name.into(), arguments: arguments.iter().copied().map(argument).collect() };
        let answer = rig.client.call_function(request).await.unwrap().into_inner();
        assert_ne!(answer.result.is_some(), answer.error.is_some());
        answer.error.map_or_else(|| Ok(unwired(answer.result.as_ref(), &Type::String)), Err)
    };
    for _ in 0..2 {
        assert_eq!(call("join", &[Some("a"), Some("b")]).await, Ok(Value::string("a-b")));
    }
    // OpenTofu sends an empty value for null.
    assert_eq!(call("join", &[Some("a"), None]).await, Ok(Value::Null));
    let fault = FunctionError { text: "it may not be empty".into(), function_argument: Some(0) };
    assert_eq!(call("join", &[Some(""), Some("b")]).await, Err(fault));
    for (name, arguments, text) in [
        ("join", &[Some("a")][..], "2 arguments are needed, not 1"),
        ("other", &[], "has no function \"other\""),
        ("join", &[Some("panics"), Some("b")], "The provider crashed"),
    ] {
        let fault = call(name, arguments).await.unwrap_err();
        assert!(fault.text.contains(text) && fault.function_argument.is_none(), "{fault:?}");
    }
    let answer = rig
        .client
        .call_function(call_function::Request {
            name: "join".into(),
            arguments: vec![wire(&Value::string("a"), &Type::String), DynamicValue { msgpack: vec![1], json: vec![] }],
        })
        .await;
    assert_eq!(answer.unwrap().into_inner().error.unwrap().function_argument, Some(1));
}
