//! Schemas keep the rules of Terraform core. Most violations crash Terraform or end the run.

use std::collections::BTreeSet;

use serde_json::json;
use terraform_provider_mesh::{
    plugin::proto::tfplugin5::{
        Function, ResourceIdentitySchema, Schema, ServerCapabilities, generate_resource_config, get_functions,
        get_metadata, get_provider_schema, get_resource_identity_schemas, open_ephemeral_resource, schema::Block,
        schema::nested_block::NestingMode, validate_list_resource_config,
    },
    schema::{Type, json::read_type},
};
use tonic::Code;

use crate::support::{
    core_client::CoreClient,
    host::{Plugin, binary, test_provider},
};

/// Names that core reserves at the root of a resource.
const RESERVED: [&str; 7] = ["count", "for_each", "provider", "depends_on", "lifecycle", "connection", "provisioner"];

/// Names that core reserves at the root of the provider block.
const RESERVED_BY_PROVIDERS: [&str; 2] = ["alias", "version"];

fn kind(bytes: &[u8]) -> Type {
    read_type(str::from_utf8(bytes).unwrap()).unwrap()
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn check_block(block: &Block, at: &str, faults: &mut Vec<String>) {
    let mut names = BTreeSet::new();
    let mut fault = |name: &str, what: &str| faults.push(format!("{at}.{name}: {what}"));
    for attribute in &block.attributes {
        let name = attribute.name.as_str();
        kind(&attribute.r#type);
        if [attribute.required, attribute.optional, attribute.computed].iter().filter(|set| **set).count() != 1 {
            fault(name, "must be one of required, optional and computed");
        }
        if attribute.write_only || attribute.deprecated || !attribute.deprecation_message.is_empty() {
            fault(name, "must be neither write-only nor deprecated");
        }
        if attribute.description.is_empty() {
            fault(name, "has no description");
        }
        if !is_name(name) || !names.insert(name.to_owned()) {
            fault(name, "is not a valid name, or is not unique");
        }
    }
    for nested in &block.block_types {
        let name = nested.type_name.as_str();
        if !is_name(name) || !names.insert(name.to_owned()) {
            fault(name, "is not a valid name, or is not unique");
        }
        match (nested.nesting(), nested.min_items, nested.max_items) {
            (NestingMode::Single, min, max) if min == max && (min == 0 || min == 1) => {}
            (NestingMode::List, min, max) if min <= max || max == 0 => {}
            other => fault(name, &format!("invalid nesting {other:?}")),
        }
    }
    for nested in &block.block_types {
        check_block(nested.block.as_ref().unwrap(), &format!("{at}.{}", nested.type_name), faults);
    }
}

fn check_schema(name: &str, schema: &Schema, faults: &mut Vec<String>) {
    let block = schema.block.as_ref().unwrap();
    check_block(block, name, faults);
    let attributes = block.attributes.iter().map(|attribute| attribute.name.as_str());
    let blocks = block.block_types.iter().map(|nested| nested.type_name.as_str());
    let reserved = if name == "provider" { RESERVED_BY_PROVIDERS.as_slice() } else { &RESERVED };
    for reserved in attributes.chain(blocks).filter(|name| reserved.contains(name)) {
        faults.push(format!("{name}.{reserved}: core reserves this name"));
    }
    if schema.version < 0 || block.description.is_empty() {
        faults.push(format!("{name}: a version below 0, or no description"));
    }
}

fn check_identity(name: &str, schema: &ResourceIdentitySchema, faults: &mut Vec<String>) {
    for attribute in &schema.identity_attributes {
        let primitive = matches!(kind(&attribute.r#type), Type::String | Type::Number | Type::Bool);
        if !primitive
            || attribute.required_for_import == attribute.optional_for_import
            || attribute.description.is_empty()
        {
            faults.push(format!("identity of {name}: {attribute:?}"));
        }
    }
    assert!(!schema.identity_attributes.is_empty());
}

fn check_function(name: &str, function: &Function, faults: &mut Vec<String>) {
    kind(&function.r#return.as_ref().unwrap().r#type);
    let mut names = BTreeSet::new();
    for parameter in function.parameters.iter().chain(&function.variadic_parameter) {
        kind(&parameter.r#type);
        if !is_name(&parameter.name) || !names.insert(&parameter.name) || parameter.description.is_empty() {
            faults.push(format!("function {name}: {parameter:?}"));
        }
    }
    if !is_name(name) || function.summary.is_empty() || function.description.is_empty() {
        faults.push(format!("function {name}: no name, or no description"));
    }
}

#[tokio::test]
async fn schemas_keep_the_rules_of_core() {
    for (command, prefix) in [(binary(), "mesh_"), (test_provider(), "test_")] {
        let mut core = CoreClient::start(command).await;
        let schemas = core.schemas.clone();
        let mut faults = Vec::new();
        check_schema("provider", schemas.provider.as_ref().unwrap(), &mut faults);
        for (name, schema) in schemas.resource_schemas.iter().chain(&schemas.data_source_schemas) {
            assert!(name.starts_with(prefix));
            check_schema(name, schema, &mut faults);
        }
        for (name, function) in &schemas.functions {
            check_function(name, function, &mut faults);
        }
        let identities =
            core.client.get_resource_identity_schemas(get_resource_identity_schemas::Request {}).await.unwrap();
        for (name, identity) in &identities.get_ref().identity_schemas {
            assert!(schemas.resource_schemas.contains_key(name));
            check_identity(name, identity, &mut faults);
        }
        assert_eq!(faults, Vec::<String>::new());
        assert!(
            !schemas.resource_schemas.is_empty() && schemas.provider_meta.is_none() && schemas.diagnostics.is_empty()
        );
        let expected = ServerCapabilities {
            plan_destroy: true,
            get_provider_schema_optional: true,
            move_resource_state: true,
            generate_resource_config: false,
        };
        assert_eq!(schemas.server_capabilities, Some(expected));
    }
}

#[tokio::test]
async fn metadata_and_schemas_name_the_same_types() {
    for command in [binary(), test_provider()] {
        let mut core = CoreClient::start(command).await;
        let metadata = core.client.get_metadata(get_metadata::Request {}).await.unwrap().into_inner();
        let names = |names: Vec<String>| names.into_iter().collect::<BTreeSet<_>>();
        assert_eq!(
            names(metadata.resources.into_iter().map(|r| r.type_name).collect()),
            names(core.schemas.resource_schemas.keys().cloned().collect())
        );
        assert_eq!(
            names(metadata.data_sources.into_iter().map(|r| r.type_name).collect()),
            names(core.schemas.data_source_schemas.keys().cloned().collect())
        );
        assert_eq!(
            names(metadata.functions.into_iter().map(|f| f.name).collect()),
            names(core.schemas.functions.keys().cloned().collect())
        );
        assert_eq!(metadata.server_capabilities, core.schemas.server_capabilities);
        let functions = core.client.get_functions(get_functions::Request {}).await.unwrap().into_inner().functions;
        assert_eq!(functions, core.schemas.functions);
    }
}

#[tokio::test]
async fn calls_work_without_a_schema_call() {
    let first = CoreClient::start(test_provider()).await;
    let plugin = Plugin::start(test_provider()).await;
    let client = plugin.provider().await;
    let mut fresh =
        CoreClient { plugin, client, schemas: first.schemas.clone(), blocks: first.blocks.clone(), configured: None };
    assert_eq!(fresh.configure(&json!({})).await, Vec::<String>::new());
    assert_eq!(fresh.validate("test_thing", &json!({"name": "a"})).await, Vec::<String>::new());
    fresh.plan_and_apply("test_thing", None, &json!({"name": "a"})).await.expect_no_diagnostics();
    // Equal requests have equal responses.
    let again = fresh.client.get_schema(get_provider_schema::Request {}).await.unwrap().into_inner();
    assert_eq!(again, first.schemas);
}

#[tokio::test]
async fn calls_of_other_resource_kinds_are_unimplemented() {
    let plugin = Plugin::start(binary()).await;
    let mut client = plugin.provider().await;
    let codes = [
        client.open_ephemeral_resource(open_ephemeral_resource::Request::default()).await.unwrap_err().code(),
        client
            .validate_list_resource_config(validate_list_resource_config::Request::default())
            .await
            .unwrap_err()
            .code(),
        client.generate_resource_config(generate_resource_config::Request::default()).await.unwrap_err().code(),
    ];
    assert_eq!(codes, [Code::Unimplemented; 3]);
}
