//! Calls a provider as Terraform core does, with configurations written as JSON. Each plan and apply is checked by the
//! rules of [`core_rules`](super::core_rules).

use std::collections::BTreeMap;

use serde_json::Value as Json;
use terraform_provider_mesh::{
    plugin::proto::tfplugin5::{
        AttributePath, Diagnostic, DynamicValue, ResourceIdentityData, apply_resource_change,
        attribute_path::step::Selector, configure, diagnostic::Severity, get_provider_schema, import_resource_state,
        plan_resource_change, provider_client::ProviderClient, read_resource, upgrade_resource_state,
        validate_resource_type_config,
    },
    schema::{Type, Value, msgpack},
};
use tokio::process::Command;
use tonic::{Status, transport::Channel};

use super::{
    core_rules::{Block, plan_violations, proposed_new_state, result_violations},
    host::Plugin,
};

/// A connection to a running plugin, with the plugin's schemas.
pub struct CoreClient {
    pub plugin: Plugin,
    pub client: ProviderClient<Channel>,
    pub schemas: get_provider_schema::Response,
    /// Schemas of the resource types, by type name.
    pub blocks: BTreeMap<String, Block>,
    /// The provider block of the last `Configure` call.
    pub configured: Option<Json>,
}

/// A resource instance as Terraform core stores it between calls. `state` is null if the instance doesn't exist.
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceInstance {
    pub state: Value,
    pub private: Vec<u8>,
    pub identity: Option<ResourceIdentityData>,
}

/// The response to `PlanResourceChange`.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub planned: ResourceInstance,
    /// The planned state as sent, to compare plans byte by byte.
    pub msgpack: Vec<u8>,
    /// Paths of the attributes whose change requires replacement.
    pub requires_replace: Vec<String>,
    pub diagnostics: Vec<String>,
}

/// The response to `ApplyResourceChange` or `ReadResource`.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationResult {
    pub instance: ResourceInstance,
    pub diagnostics: Vec<String>,
}

impl OperationResult {
    /// The instance; panics if there are diagnostics.
    pub fn expect_no_diagnostics(self) -> ResourceInstance {
        assert_eq!(self.diagnostics, Vec::<String>::new());
        self.instance
    }
}

impl Plan {
    /// The planned instance; panics if there are diagnostics.
    pub fn expect_no_diagnostics(self) -> ResourceInstance {
        assert_eq!(self.diagnostics, Vec::<String>::new());
        self.planned
    }
}

impl CoreClient {
    /// Starts a plugin and gets its schemas.
    pub async fn start(command: Command) -> Self {
        let plugin = Plugin::start(command).await;
        let mut client = plugin.provider().await;
        let schemas = client.get_schema(get_provider_schema::Request {}).await.unwrap().into_inner();
        let blocks = schemas.resource_schemas.iter().map(|(name, schema)| (name.clone(), Block::of(schema))).collect();
        Self { plugin, client, schemas, blocks, configured: None }
    }

    /// Starts the provider of [`test_provider`](super::test_provider) and configures it.
    pub async fn with_test_provider() -> Self {
        let mut core = Self::start(super::host::test_provider()).await;
        assert_eq!(core.configure(&serde_json::json!({})).await, Vec::<String>::new());
        core
    }

    /// A configuration of resource type `name`. It is encoded and decoded once, which sorts the elements of sets as
    /// core does.
    pub fn config(&self, name: &str, written: &Json) -> Value {
        self.with_sorted_sets(name, &self.blocks[name].config(written))
    }

    /// The value of resource type `name`, with the elements of sets in the order in which core sends them.
    pub fn with_sorted_sets(&self, name: &str, value: &Value) -> Value {
        let kind = self.kind(name);
        decode_value(Some(&encode_value(value, &kind)), &kind)
    }

    /// The type of the state of resource type `name`.
    pub fn kind(&self, name: &str) -> Type {
        self.blocks[name].object_type()
    }

    pub async fn configure(&mut self, written: &Json) -> Vec<String> {
        self.configured = Some(written.clone());
        let block = Block::of(self.schemas.provider.as_ref().unwrap());
        let config = Some(encode_value(&block.config(written), &block.object_type()));
        let request = configure::Request { terraform_version: "1.11.4".into(), config, ..Default::default() };
        format_diagnostics(&self.client.configure(request).await.unwrap().into_inner().diagnostics)
    }

    pub async fn validate(&mut self, name: &str, written: &Json) -> Vec<String> {
        self.validate_config(name, &self.config(name, written)).await
    }

    /// [`Self::validate`] of a value.
    pub async fn validate_config(&mut self, name: &str, config: &Value) -> Vec<String> {
        let config = Some(encode_value(config, &self.kind(name)));
        let request = validate_resource_type_config::Request { type_name: name.into(), config, ..Default::default() };
        format_diagnostics(&self.client.validate_resource_type_config(request).await.unwrap().into_inner().diagnostics)
    }

    /// Plans the creation or update to the configuration `written`, or the deletion if that is null. The provider is
    /// configured again before each plan, because core plans a resource only once in a run.
    pub async fn plan(&mut self, name: &str, prior: Option<&ResourceInstance>, written: &Json) -> Plan {
        if let Some(configured) = self.configured.clone() {
            assert_eq!(self.configure(&configured).await, Vec::<String>::new());
        }
        let config = self.config(name, written);
        self.plan_config(name, prior, &config, Vec::new()).await
    }

    /// Plans a change to `config` without configuring the provider again. `replaced` is the private data of the first
    /// plan, in the second plan of a replacement.
    pub async fn plan_config(
        &mut self,
        name: &str,
        prior: Option<&ResourceInstance>,
        config: &Value,
        replaced: Vec<u8>,
    ) -> Plan {
        self.try_plan_config(name, prior, config, replaced).await.unwrap()
    }

    /// [`Self::plan_config`] of a plugin that may end during the call.
    pub async fn try_plan_config(
        &mut self,
        name: &str,
        prior: Option<&ResourceInstance>,
        config: &Value,
        replaced: Vec<u8>,
    ) -> Result<Plan, Status> {
        let (block, kind) = (self.blocks[name].clone(), self.kind(name));
        let before = prior.map_or(Value::Null, |prior| prior.state.clone());
        let request = self.plan_request(name, prior, config, replaced);
        let response = self.client.plan_resource_change(request).await?.into_inner();
        assert!(!response.legacy_type_system && response.deferred.is_none());
        let msgpack = response.planned_state.as_ref().unwrap().msgpack.clone();
        let (state, diagnostics) =
            (decode_value(response.planned_state.as_ref(), &kind), format_diagnostics(&response.diagnostics));
        if !has_errors(&diagnostics) {
            assert_eq!(plan_violations(&block, &before, config, &state), Vec::<String>::new());
        }
        let requires_replace = response.requires_replace.iter().map(format_path).collect();
        let planned =
            ResourceInstance { state, private: response.planned_private, identity: response.planned_identity };
        Ok(Plan { planned, msgpack, requires_replace, diagnostics })
    }

    /// The request of [`Self::plan_config`].
    pub fn plan_request(
        &self,
        name: &str,
        prior: Option<&ResourceInstance>,
        config: &Value,
        replaced: Vec<u8>,
    ) -> plan_resource_change::Request {
        let (block, kind) = (&self.blocks[name], self.kind(name));
        let before = prior.map_or(Value::Null, |prior| prior.state.clone());
        plan_resource_change::Request {
            type_name: name.into(),
            prior_state: Some(encode_value(&before, &kind)),
            proposed_new_state: Some(encode_value(&proposed_new_state(block, &before, config), &kind)),
            config: Some(encode_value(config, &kind)),
            prior_private: prior.map_or(replaced, |prior| prior.private.clone()),
            prior_identity: prior.and_then(|prior| prior.identity.clone()),
            ..Default::default()
        }
    }

    /// Applies a plan, which deletes the resource if `planned.state` is null.
    pub async fn apply(
        &mut self,
        name: &str,
        prior: Option<&ResourceInstance>,
        planned: &ResourceInstance,
        config: &Value,
    ) -> OperationResult {
        self.try_apply(name, prior, planned, config).await.unwrap()
    }

    /// [`Self::apply`] of a plugin that may end during the call.
    pub async fn try_apply(
        &mut self,
        name: &str,
        prior: Option<&ResourceInstance>,
        planned: &ResourceInstance,
        config: &Value,
    ) -> Result<OperationResult, Status> {
        let request = self.apply_request(name, prior, planned, config);
        let (block, kind) = (self.blocks[name].clone(), self.kind(name));
        let response = self.client.apply_resource_change(request).await?.into_inner();
        assert!(!response.legacy_type_system);
        let (state, diagnostics) =
            (decode_value(response.new_state.as_ref(), &kind), format_diagnostics(&response.diagnostics));
        assert!(state.is_wholly_known(), "{state:?}");
        if !has_errors(&diagnostics) {
            assert_eq!(result_violations(&block, &planned.state, &state), Vec::<String>::new());
        }
        let instance = ResourceInstance { state, private: response.private, identity: response.new_identity };
        Ok(OperationResult { instance, diagnostics })
    }

    /// The request of [`Self::apply`].
    pub fn apply_request(
        &self,
        name: &str,
        prior: Option<&ResourceInstance>,
        planned: &ResourceInstance,
        config: &Value,
    ) -> apply_resource_change::Request {
        let kind = self.kind(name);
        let before = prior.map_or(Value::Null, |prior| prior.state.clone());
        let config = if planned.state == Value::Null { &Value::Null } else { config };
        apply_resource_change::Request {
            type_name: name.into(),
            prior_state: Some(encode_value(&before, &kind)),
            planned_state: Some(encode_value(&planned.state, &kind)),
            config: Some(encode_value(config, &kind)),
            planned_private: planned.private.clone(),
            planned_identity: planned.identity.clone(),
            ..Default::default()
        }
    }

    /// Plans and applies; panics if the plan has diagnostics.
    pub async fn plan_and_apply(
        &mut self,
        name: &str,
        prior: Option<&ResourceInstance>,
        written: &Json,
    ) -> OperationResult {
        let planned = self.plan(name, prior, written).await.expect_no_diagnostics();
        self.apply(name, prior, &planned, &self.config(name, written)).await
    }

    pub async fn read(&mut self, name: &str, instance: &ResourceInstance) -> OperationResult {
        self.try_read(name, instance).await.unwrap()
    }

    /// [`Self::read`] of a plugin that may end during the call.
    pub async fn try_read(&mut self, name: &str, instance: &ResourceInstance) -> Result<OperationResult, Status> {
        let kind = self.kind(name);
        let response = self.client.read_resource(self.read_request(name, instance)).await?.into_inner();
        let state = decode_value(response.new_state.as_ref(), &kind);
        assert!(state.is_wholly_known());
        Ok(OperationResult {
            instance: ResourceInstance { state, private: response.private, identity: response.new_identity },
            diagnostics: format_diagnostics(&response.diagnostics),
        })
    }

    /// The request of [`Self::read`].
    pub fn read_request(&self, name: &str, instance: &ResourceInstance) -> read_resource::Request {
        read_resource::Request {
            type_name: name.into(),
            current_state: Some(encode_value(&instance.state, &self.kind(name))),
            private: instance.private.clone(),
            current_identity: instance.identity.clone(),
            ..Default::default()
        }
    }

    /// Imports a resource; the error is the diagnostics.
    pub async fn import(&mut self, request: import_resource_state::Request) -> Result<ResourceInstance, Vec<String>> {
        let name = request.type_name.clone();
        let response = self.client.import_resource_state(request).await.unwrap().into_inner();
        let imported = self.imported(&name, &response)?;
        assert_eq!(format_diagnostics(&response.diagnostics), Vec::<String>::new());
        Ok(imported)
    }

    /// The resource of a response to an import, beside which there may be warnings; the error is the diagnostics.
    pub fn imported(
        &self,
        name: &str,
        response: &import_resource_state::Response,
    ) -> Result<ResourceInstance, Vec<String>> {
        let diagnostics = format_diagnostics(&response.diagnostics);
        let [found] = response.imported_resources.as_slice() else { return Err(diagnostics) };
        assert_eq!(found.type_name, name);
        assert!(diagnostics.iter().all(|line| line.starts_with("WARNING")), "{diagnostics:?}");
        let state = decode_value(found.state.as_ref(), &self.kind(name));
        assert!(state != Value::Null && state.is_wholly_known());
        Ok(ResourceInstance { state, private: found.private.clone(), identity: found.identity.clone() })
    }

    /// Upgrades a stored state of schema version `version`; returns the state and the diagnostics.
    pub async fn upgrade(&mut self, name: &str, version: i64, raw: RawState) -> (Value, Vec<String>) {
        let kind = self.kind(name);
        let request = upgrade_resource_state::Request { type_name: name.into(), version, raw_state: Some(raw) };
        let response = self.client.upgrade_resource_state(request).await.unwrap().into_inner();
        (decode_value(response.upgraded_state.as_ref(), &kind), format_diagnostics(&response.diagnostics))
    }
}

pub use terraform_provider_mesh::plugin::proto::tfplugin5::RawState;

/// A state as core stores it between runs.
pub fn raw_state(json: &Json) -> RawState {
    RawState { json: json.to_string().into_bytes(), flatmap: [].into() }
}

/// Encodes a value as core sends it.
pub fn encode_value(value: &Value, kind: &Type) -> DynamicValue {
    DynamicValue { msgpack: msgpack::encode(value, kind).unwrap(), json: Vec::new() }
}

/// Decodes a value as core does: an absent or empty message is null.
pub fn decode_value(message: Option<&DynamicValue>, kind: &Type) -> Value {
    match message {
        Some(message) if !message.msgpack.is_empty() => msgpack::decode(&message.msgpack, kind).unwrap(),
        _ => Value::Null,
    }
}

/// Each diagnostic as `ERROR .path: summary. detail`, after checks of the rules that hold for all summaries and
/// details.
pub fn format_diagnostics(diagnostics: &[Diagnostic]) -> Vec<String> {
    let text = |d: &Diagnostic| {
        let severity = match d.severity() {
            Severity::Error => "ERROR",
            Severity::Warning => "WARNING",
            Severity::Invalid => panic!("a diagnostic without severity"),
        };
        assert!(!d.summary.ends_with('.') && !d.summary.contains('\n') && !d.detail.is_empty(), "{d:?}");
        assert!((1..=60).contains(&d.summary.chars().count()), "{:?}", d.summary);
        let path = d.attribute.as_ref().map(format_path).unwrap_or_default();
        format!("{severity} {path}: {}. {}", d.summary, d.detail)
    };
    diagnostics.iter().map(text).collect()
}

/// Whether one of these diagnostics of [`format_diagnostics`] is an error.
pub fn has_errors(diagnostics: &[String]) -> bool {
    diagnostics.iter().any(|diagnostic| diagnostic.starts_with("ERROR"))
}

/// An attribute path, for example `.port[0].number`.
fn format_path(path: &AttributePath) -> String {
    let step = |selector: &Selector| match selector {
        Selector::AttributeName(name) => format!(".{name}"),
        Selector::ElementKeyString(key) => format!("[{key:?}]"),
        Selector::ElementKeyInt(index) => format!("[{index}]"),
    };
    path.steps.iter().map(|s| step(s.selector.as_ref().unwrap())).collect()
}
