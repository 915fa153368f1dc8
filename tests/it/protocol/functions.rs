//! Data sources and functions.

use serde_json::json;
use terraform_provider_mesh::{
    plugin::proto::tfplugin5::{
        DynamicValue, FunctionError, call_function, read_data_source, validate_data_source_config,
    },
    schema::{Type, Value},
};

use crate::support::{
    core_client::{CoreClient, decode_value, encode_value, format_diagnostics},
    core_rules::{Block, UNKNOWN},
    host::test_provider,
};

#[tokio::test]
async fn data_sources_are_validated_and_read() {
    let mut core = CoreClient::with_test_provider().await;
    let block = Block::of(&core.schemas.data_source_schemas["test_lookup"]);
    let config = |name| Some(encode_value(&block.config(&json!({"name": name})), &block.object_type()));
    for (name, faults) in [(json!("a"), 0), (json!(UNKNOWN), 0), (json!(null), 1)] {
        let request = validate_data_source_config::Request { type_name: "test_lookup".into(), config: config(name) };
        let response = core.client.validate_data_source_config(request).await.unwrap().into_inner();
        assert_eq!(response.diagnostics.len(), faults);
    }
    let mut read = async |name| {
        let request =
            read_data_source::Request { type_name: "test_lookup".into(), config: config(name), ..Default::default() };
        let response = core.client.read_data_source(request).await.unwrap().into_inner();
        (decode_value(response.state.as_ref(), &block.object_type()), format_diagnostics(&response.diagnostics))
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
async fn functions_return_values_and_errors() {
    // Functions can be called before Configure.
    let mut core = CoreClient::start(test_provider()).await;
    let mut call = async |name: &str, arguments: &[Option<&str>]| {
        let argument = |text: Option<&str>| {
            text.map_or_else(DynamicValue::default, |text| encode_value(&Value::string(text), &Type::String))
        };
        let request =
            call_function::Request { name: name.into(), arguments: arguments.iter().copied().map(argument).collect() };
        let response = core.client.call_function(request).await.unwrap().into_inner();
        assert_ne!(response.result.is_some(), response.error.is_some());
        response.error.map_or_else(|| Ok(decode_value(response.result.as_ref(), &Type::String)), Err)
    };
    for _ in 0..2 {
        assert_eq!(call("join", &[Some("a"), Some("b")]).await, Ok(Value::string("a-b")));
        assert_eq!(call("join", &[Some("a"), Some("b"), Some("+")]).await, Ok(Value::string("a+b")));
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
    let response = core
        .client
        .call_function(call_function::Request {
            name: "join".into(),
            arguments: vec![
                encode_value(&Value::string("a"), &Type::String),
                DynamicValue { msgpack: vec![1], json: vec![] },
            ],
        })
        .await;
    assert_eq!(response.unwrap().into_inner().error.unwrap().function_argument, Some(1));
}
