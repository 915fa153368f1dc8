//! Calls as core makes them, with values as the tests write them. Every plan and apply is held to core's own rules.

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
use tonic::transport::Channel;

use super::{
    core::{Block, plan_faults, proposed, result_faults},
    host::Plugin,
};

/// A plugin, connected, with its schemas.
pub struct Rig {
    pub plugin: Plugin,
    pub client: ProviderClient<Channel>,
    pub schemas: get_provider_schema::Response,
    /// By type name.
    pub blocks: BTreeMap<String, Block>,
    /// By which provider block.
    pub configured: Option<Json>,
}

/// What core keeps between calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    pub state: Value,
    pub private: Vec<u8>,
    pub identity: Option<ResourceIdentityData>,
}

/// A plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub planned: Kept,
    pub bytes: Vec<u8>,
    pub replaces: Vec<String>,
    pub told: Vec<String>,
}

/// An apply or a read: `after.state` is null where it is gone.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub after: Kept,
    pub told: Vec<String>,
}

impl Answer {
    pub fn sound(self) -> Kept {
        assert_eq!(self.told, Vec::<String>::new());
        self.after
    }
}

impl Plan {
    pub fn sound(self) -> Kept {
        assert_eq!(self.told, Vec::<String>::new());
        self.planned
    }
}

impl Rig {
    /// Starts a plugin and asks for its schemas.
    pub async fn start(command: Command) -> Self {
        let plugin = Plugin::start(command).await;
        let mut client = plugin.provider().await;
        let schemas = client.get_schema(get_provider_schema::Request {}).await.unwrap().into_inner();
        let blocks = schemas.resource_schemas.iter().map(|(name, schema)| (name.clone(), Block::of(schema))).collect();
        Self { plugin, client, schemas, blocks, configured: None }
    }

    /// The stand-in, configured.
    pub async fn stand_in() -> Self {
        let mut rig = Self::start(super::host::stand_in()).await;
        assert_eq!(rig.configure(&serde_json::json!({})).await, Vec::<String>::new());
        rig
    }

    /// A configuration of resource type `name`, as core has it: sets are in order.
    pub fn config(&self, name: &str, written: &Json) -> Value {
        let (value, kind) = (self.blocks[name].config(written), self.kind(name));
        unwired(Some(&wire(&value, &kind)), &kind)
    }

    fn kind(&self, name: &str) -> Type {
        self.blocks[name].kind()
    }

    pub async fn configure(&mut self, written: &Json) -> Vec<String> {
        self.configured = Some(written.clone());
        let block = Block::of(self.schemas.provider.as_ref().unwrap());
        let config = Some(wire(&block.config(written), &block.kind()));
        let request = configure::Request { terraform_version: "1.11.4".into(), config, ..Default::default() };
        told(&self.client.configure(request).await.unwrap().into_inner().diagnostics)
    }

    pub async fn validate(&mut self, name: &str, written: &Json) -> Vec<String> {
        let config = Some(wire(&self.config(name, written), &self.kind(name)));
        let request = validate_resource_type_config::Request { type_name: name.into(), config, ..Default::default() };
        told(&self.client.validate_resource_type_config(request).await.unwrap().into_inner().diagnostics)
    }

    /// Plans a create or an update to `written`, or a delete where that is null. Each plan is a run of its own, as core has
    /// it: within one run, a resource is planned once.
    pub async fn plan(&mut self, name: &str, prior: Option<&Kept>, written: &Json) -> Plan {
        if let Some(configured) = self.configured.clone() {
            assert_eq!(self.configure(&configured).await, Vec::<String>::new());
        }
        let config = self.config(name, written);
        self.plan_value(name, prior, &config, Vec::new()).await
    }

    /// Likewise; `replaced` is the private data of the plan before, in the second plan of a replacement.
    pub async fn plan_value(&mut self, name: &str, prior: Option<&Kept>, config: &Value, replaced: Vec<u8>) -> Plan {
        let (block, kind) = (self.blocks[name].clone(), self.kind(name));
        let before = prior.map_or(Value::Null, |prior| prior.state.clone());
        let request = plan_resource_change::Request {
            type_name: name.into(),
            prior_state: Some(wire(&before, &kind)),
            proposed_new_state: Some(wire(&proposed(&block, &before, config), &kind)),
            config: Some(wire(config, &kind)),
            prior_private: prior.map_or(replaced, |prior| prior.private.clone()),
            prior_identity: prior.and_then(|prior| prior.identity.clone()),
            ..Default::default()
        };
        let answer = self.client.plan_resource_change(request).await.unwrap().into_inner();
        assert!(!answer.legacy_type_system && answer.deferred.is_none());
        let bytes = answer.planned_state.as_ref().unwrap().msgpack.clone();
        let (state, told) = (unwired(answer.planned_state.as_ref(), &kind), told(&answer.diagnostics));
        if !failed(&told) {
            assert_eq!(plan_faults(&block, &before, config, &state), Vec::<String>::new());
        }
        let paths = answer.requires_replace.iter().map(dotted).collect();
        let after = Kept { state, private: answer.planned_private, identity: answer.planned_identity };
        Plan { planned: after, bytes, replaces: paths, told }
    }

    /// Applies a plan. `planned.state` null deletes.
    pub async fn apply(&mut self, name: &str, prior: Option<&Kept>, planned: &Kept, config: &Value) -> Answer {
        let request = self.apply_request(name, prior, planned, config);
        let (block, kind) = (self.blocks[name].clone(), self.kind(name));
        let answer = self.client.apply_resource_change(request).await.unwrap().into_inner();
        assert!(!answer.legacy_type_system);
        let (state, told) = (unwired(answer.new_state.as_ref(), &kind), told(&answer.diagnostics));
        assert!(state.wholly_known(), "{state:?}");
        if !failed(&told) {
            assert_eq!(result_faults(&block, &planned.state, &state), Vec::<String>::new());
        }
        Answer { after: Kept { state, private: answer.private, identity: answer.new_identity }, told }
    }

    pub fn apply_request(
        &self,
        name: &str,
        prior: Option<&Kept>,
        planned: &Kept,
        config: &Value,
    ) -> apply_resource_change::Request {
        let kind = self.kind(name);
        let before = prior.map_or(Value::Null, |prior| prior.state.clone());
        let config = if planned.state == Value::Null { &Value::Null } else { config };
        apply_resource_change::Request {
            type_name: name.into(),
            prior_state: Some(wire(&before, &kind)),
            planned_state: Some(wire(&planned.state, &kind)),
            config: Some(wire(config, &kind)),
            planned_private: planned.private.clone(),
            planned_identity: planned.identity.clone(),
            ..Default::default()
        }
    }

    /// Plans and applies; the plan must be sound.
    pub async fn make(&mut self, name: &str, prior: Option<&Kept>, written: &Json) -> Answer {
        let planned = self.plan(name, prior, written).await.sound();
        self.apply(name, prior, &planned, &self.config(name, written)).await
    }

    pub async fn read(&mut self, name: &str, kept: &Kept) -> Answer {
        let kind = self.kind(name);
        let request = read_resource::Request {
            type_name: name.into(),
            current_state: Some(wire(&kept.state, &kind)),
            private: kept.private.clone(),
            current_identity: kept.identity.clone(),
            ..Default::default()
        };
        let answer = self.client.read_resource(request).await.unwrap().into_inner();
        let state = unwired(answer.new_state.as_ref(), &kind);
        assert!(state.wholly_known());
        Answer {
            after: Kept { state, private: answer.private, identity: answer.new_identity },
            told: told(&answer.diagnostics),
        }
    }

    pub async fn import(&mut self, request: import_resource_state::Request) -> Result<Kept, Vec<String>> {
        let kind = self.kind(&request.type_name);
        let name = request.type_name.clone();
        let answer = self.client.import_resource_state(request).await.unwrap().into_inner();
        let told = told(&answer.diagnostics);
        let [found] = answer.imported_resources.as_slice() else { return Err(told) };
        assert_eq!((&found.type_name, told), (&name, Vec::new()));
        let state = unwired(found.state.as_ref(), &kind);
        assert!(state != Value::Null && state.wholly_known());
        Ok(Kept { state, private: found.private.clone(), identity: found.identity.clone() })
    }

    pub async fn upgrade(&mut self, name: &str, version: i64, raw: RawState) -> (Value, Vec<String>) {
        let kind = self.kind(name);
        let request = upgrade_resource_state::Request { type_name: name.into(), version, raw_state: Some(raw) };
        let answer = self.client.upgrade_resource_state(request).await.unwrap().into_inner();
        (unwired(answer.upgraded_state.as_ref(), &kind), told(&answer.diagnostics))
    }
}

pub use terraform_provider_mesh::plugin::proto::tfplugin5::RawState;

/// A state as stored.
pub fn stored(json: &Json) -> RawState {
    RawState { json: json.to_string().into_bytes(), flatmap: [].into() }
}

pub fn wire(value: &Value, kind: &Type) -> DynamicValue {
    DynamicValue { msgpack: msgpack::encode(value, kind).unwrap(), json: Vec::new() }
}

/// As core reads it: what is absent or empty is null.
pub fn unwired(message: Option<&DynamicValue>, kind: &Type) -> Value {
    match message {
        Some(message) if !message.msgpack.is_empty() => msgpack::decode(&message.msgpack, kind).unwrap(),
        _ => Value::Null,
    }
}

/// `ERROR name: summary. detail`
pub fn told(diagnostics: &[Diagnostic]) -> Vec<String> {
    let text = |d: &Diagnostic| {
        let severity = match d.severity() {
            Severity::Error => "ERROR",
            Severity::Warning => "WARNING",
            Severity::Invalid => panic!("a diagnostic without severity"),
        };
        assert!(!d.summary.ends_with('.') && !d.summary.contains('\n') && !d.detail.is_empty(), "{d:?}");
        assert!((1..=60).contains(&d.summary.chars().count()), "{:?}", d.summary);
        let at = d.attribute.as_ref().map(dotted).unwrap_or_default();
        format!("{severity} {at}: {}. {}", d.summary, d.detail)
    };
    diagnostics.iter().map(text).collect()
}

fn failed(told: &[String]) -> bool {
    told.iter().any(|told| told.starts_with("ERROR"))
}

/// `.port[0].number`
fn dotted(path: &AttributePath) -> String {
    let step = |selector: &Selector| match selector {
        Selector::AttributeName(name) => format!(".{name}"),
        Selector::ElementKeyString(key) => format!("[{key:?}]"),
        Selector::ElementKeyInt(index) => format!("[{index}]"),
    };
    path.steps.iter().map(|s| step(s.selector.as_ref().unwrap())).collect()
}
