//! A provider whose behaviour follows from the `name` of a resource, for what the real provider can't be made to do:
//! panics, slow calls, and states that break the rules of core. It is served by this test binary.

use std::{collections::BTreeMap, process::ExitCode, sync::LazyLock, time::Duration};

use async_trait::async_trait;
use terraform_provider_mesh::{
    diagnostics::{Diagnostics, Path, Reported},
    model,
    plugin::{
        ServeMode, Transport,
        interface::{
            Call, DataSource, Function, FunctionError, ImportId, MoveSource, Outcome, Parameter, PlannedChange,
            Provider, Resource, ResourceState,
        },
        serve,
    },
    schema::{
        Attr, Block, Blocks, Schema, Set, Type, Value,
        model::{Model, block, computed, optional, required},
    },
};
use tokio::time::{sleep, timeout};

use super::host::COOKIE;

/// Serves the plugin if a plugin host started this binary. As an ordinary test, it checks that serving without a host
/// fails.
#[test]
fn serves_when_a_host_started_it() {
    let code = serve("example/test", provider(), ServeMode::Plugin, Transport::default());
    if std::env::var(COOKIE.0).is_ok() {
        std::process::exit(i32::from(code != ExitCode::SUCCESS));
    }
    assert_eq!(code, ExitCode::FAILURE);
}

model! {
    /// The provider configuration.
    pub struct Settings {
        /// The start of every `echo`.
        prefix: Attr<String> = optional(),
    }
}

model! {
    /// A test resource.
    pub struct Thing {
        /// The behaviour, for example `panics in plan`.
        name: Attr<String> = required().replaces(),
        /// A number, which `echo` contains.
        size: Attr<i64> = optional(),
        /// A sensitive text.
        secret: Attr<String> = optional().sensitive(),
        /// A set of texts.
        tags: Set<String> = optional(),
        /// A list of nested blocks.
        item: Blocks<Item> = block(),
        /// A nested block that occurs at most once.
        limit: Block<Limit> = block(),
    }
}

model! {
    /// A nested block of the list `item`.
    pub struct Item {
        /// The key of the item.
        key: Attr<String> = required(),
        /// An optional number.
        count_of: Attr<i64> = optional(),
        /// A computed attribute in a nested block.
        counted_by: Attr<String> = computed(),
    }
}

model! {
    /// The nested block `limit`.
    pub struct Limit {
        /// A required number.
        most: Attr<i64> = required(),
    }
}

model! {
    /// The computed attributes of a test resource.
    pub struct Outputs {
        /// The resource's name.
        id: Attr<String> = computed(),
        /// The prefix, the name and the size.
        echo: Attr<String> = computed(),
    }
}

model! {
    /// The identity of a test resource.
    pub struct Identity {
        /// The resource's name.
        name: Attr<String> = required(),
    }
}

fn provider() -> Provider<Settings> {
    let thing: Box<dyn Resource<Settings>> = Box::new(TestThing);
    let lookup: Box<dyn DataSource<Settings>> = Box::new(Lookup);
    Provider {
        schema: Settings::schema(),
        validate: |config, out| drop(Settings::decode(config, &Path::root(), out)),
        configure: |config, out| {
            let settings = Settings::decode(config, &Path::root(), out);
            out.no_errors().map(|()| settings)
        },
        is_unknown: |_| false,
        resources: BTreeMap::from([(thing.name(), thing)]),
        data_sources: BTreeMap::from([(lookup.name(), lookup)]),
        functions: BTreeMap::from([("join", join())]),
    }
}

/// The implementation of the resource type `test_thing`.
struct TestThing;

fn text(value: &Value) -> &str {
    match value {
        Value::String(text) => text,
        _ => "",
    }
}

fn name(state: &Value) -> String {
    text(state.member("name")).to_owned()
}

/// The planned or applied state: the configuration with its computed attributes.
fn with_outputs(call: &Call<Settings>, config: &Value) -> Value {
    let Value::Map(mut members) = config.clone() else { return config.clone() };
    let prefix = call.context.as_ref().and_then(|settings| match &settings.prefix {
        Attr::Known(prefix) => Some(prefix.clone()),
        _ => None,
    });
    let (id, echo) = match (&members["name"], &members["size"]) {
        (Value::Unknown, _) => (Value::Unknown, Value::Unknown),
        (id, Value::Unknown) => (id.clone(), Value::Unknown),
        (id, Value::Number(size)) => {
            (id.clone(), Value::string(format!("{}{}/{size}", prefix.unwrap_or_default(), text(id))))
        }
        (id, _) => (id.clone(), Value::string(format!("{}{}", prefix.unwrap_or_default(), text(id)))),
    };
    members.extend([("id".to_owned(), id), ("echo".to_owned(), echo)]);
    Value::Map(members)
}

fn identity(state: &Value) -> Value {
    Value::Map([("name".to_owned(), state.member("name").clone())].into())
}

/// Waits for `Stop`. Returns false after 15 seconds without it, longer than any test waits.
async fn is_stopped(call: &Call<Settings>) -> bool {
    timeout(Duration::from_secs(15), call.stop.cancelled()).await.is_ok()
}

fn error_on_name(summary: &str) -> Diagnostics {
    let mut out = Diagnostics::default();
    out.error(&Path::root().attribute("name"), summary, "As requested by the name.");
    out
}

#[async_trait]
impl Resource<Settings> for TestThing {
    fn name(&self) -> &'static str {
        "test_thing"
    }

    fn schema(&self) -> &Schema {
        static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Thing::schema().clone().and(Outputs::schema()));
        &SCHEMA
    }

    fn version(&self) -> i64 {
        2
    }

    fn identity(&self) -> Option<&Schema> {
        Some(Identity::schema())
    }

    fn validate(&self, config: &Value, out: &mut Diagnostics) {
        let _ = (Thing::decode(config, &Path::root(), out), Outputs::decode(config, &Path::root(), out));
        assert_ne!(name(config), "panics in validate");
    }

    async fn plan(
        &self,
        call: Call<Settings>,
        prior: Option<ResourceState>,
        config: Value,
        _: &mut Diagnostics,
    ) -> Result<PlannedChange, Reported> {
        match name(&config).as_str() {
            "panics in plan" => panic!("no plan"),
            "is slow" => drop(is_stopped(&call).await),
            "plans null blocks" => {
                let mut state = with_outputs(&call, &config);
                if let Value::Map(members) = &mut state {
                    members.insert("item".to_owned(), Value::Null);
                }
                let after = ResourceState { state, private: Vec::new(), identity: None };
                return Ok(PlannedChange { after, requires_replace: Vec::new() });
            }
            _ => {}
        }
        let state = with_outputs(&call, &config);
        let renamed = prior.as_ref().is_some_and(|prior| prior.state.member("name") != config.member("name"));
        let private = match prior {
            Some(prior) => prior.private,
            // The second plan of a replacement gets the private data of the first.
            None => [b"planned ", call.replaced_private.as_slice()].concat(),
        };
        let requires_replace = if renamed { vec![Path::root().attribute("name")] } else { Vec::new() };
        Ok(PlannedChange {
            after: ResourceState { identity: Some(identity(&state)), state, private },
            requires_replace,
        })
    }

    async fn plan_delete(
        &self,
        _: Call<Settings>,
        prior: ResourceState,
        out: &mut Diagnostics,
    ) -> Result<Vec<u8>, Reported> {
        if name(&prior.state) == "is protected" {
            return Err(out.error(&Path::root(), "Protected", "It stays."));
        }
        Ok(b"to delete".to_vec())
    }

    async fn apply(
        &self,
        call: Call<Settings>,
        prior: Option<ResourceState>,
        planned: ResourceState,
        config: Value,
    ) -> Outcome {
        let state = with_outputs(&call, &config);
        let after = Some(ResourceState { state, private: b"applied".to_vec(), ..planned.clone() });
        match name(&planned.state).as_str() {
            "panics in apply" => panic!("half done"),
            "fails before" => Outcome { after: prior, diagnostics: error_on_name("Nothing was created") },
            "fails after" => Outcome { after, diagnostics: error_on_name("Partly created") },
            "returns unknowns" => {
                let after = after.map(|mut after| {
                    if let Value::Map(members) = &mut after.state {
                        members.insert("echo".to_owned(), Value::Unknown);
                    }
                    after
                });
                Outcome { after, diagnostics: Diagnostics::default() }
            }
            "is slow" => {
                let diagnostics =
                    if is_stopped(&call).await { error_on_name("Stopped") } else { Diagnostics::default() };
                Outcome { after, diagnostics }
            }
            "takes a while" => {
                sleep(Duration::from_secs(2)).await;
                if let Some(done) = std::env::var_os("TEST_PROVIDER_DONE_FILE") {
                    std::fs::write(done, "done").unwrap();
                }
                Outcome { after, diagnostics: Diagnostics::default() }
            }
            _ => Outcome { after, diagnostics: Diagnostics::default() },
        }
    }

    async fn delete(&self, _: Call<Settings>, prior: ResourceState, private: Vec<u8>) -> Outcome {
        match name(&prior.state).as_str() {
            "panics in delete" => panic!("half deleted"),
            "can't be deleted" => Outcome { after: Some(prior), diagnostics: error_on_name("Not deleted") },
            _ => {
                assert_eq!(private, b"to delete");
                Outcome { after: None, diagnostics: Diagnostics::default() }
            }
        }
    }

    async fn read(&self, call: Call<Settings>, stored: ResourceState) -> Outcome {
        let diagnostics = Diagnostics::default();
        match name(&stored.state).as_str() {
            "panics in read" => panic!("no read"),
            "is gone" => Outcome { after: None, diagnostics },
            "is unreachable" => Outcome { after: Some(stored), diagnostics: error_on_name("Unreachable") },
            "has drifted" => {
                let mut stored = stored;
                if let Value::Map(members) = &mut stored.state {
                    members.insert("echo".to_owned(), Value::string("changed by another client"));
                }
                Outcome { after: Some(stored), diagnostics }
            }
            "was imported" => Outcome {
                after: Some(ResourceState { state: with_outputs(&call, &stored.state), ..stored }),
                diagnostics,
            },
            _ => Outcome { after: Some(stored), diagnostics },
        }
    }

    async fn import(&self, _: Call<Settings>, id: ImportId, out: &mut Diagnostics) -> Result<ResourceState, Reported> {
        let name = match id {
            ImportId::Id(id) if id.contains('/') => {
                return Err(out.error(&Path::root(), "Invalid import id", "It is the name alone."));
            }
            ImportId::Id(id) => Value::String(id),
            ImportId::Identity(identity) => identity.member("name").clone(),
        };
        let state = self.schema().complete(&Value::Map([("name".to_owned(), name)].into()));
        Ok(ResourceState { identity: Some(identity(&state)), state, private: b"imported".to_vec() })
    }

    fn move_state(&self, foreign: MoveSource, out: &mut Diagnostics) -> Result<ResourceState, Reported> {
        let MoveSource { provider_address, type_name, schema_version, state } = foreign;
        if type_name != "other_thing" {
            return Err(out.error(
                &Path::root(),
                "This move is not supported",
                format!("{type_name} of {provider_address}."),
            ));
        }
        let name = Value::string(format!("{}-{schema_version}", state["title"].as_str().unwrap_or_default()));
        let state = self.schema().complete(&Value::Map([("name".to_owned(), name)].into()));
        Ok(ResourceState { identity: Some(identity(&state)), state, private: b"adopted".to_vec() })
    }
}

struct Lookup;

model! {
    /// A data source that looks up a name.
    pub struct Query {
        /// The name to look up.
        name: Attr<String> = required(),
        /// The result of the lookup.
        found: Attr<String> = computed(),
    }
}

#[async_trait]
impl DataSource<Settings> for Lookup {
    fn name(&self) -> &'static str {
        "test_lookup"
    }

    fn schema(&self) -> &Schema {
        Query::schema()
    }

    fn validate(&self, config: &Value, out: &mut Diagnostics) {
        drop(Query::decode(config, &Path::root(), out));
    }

    fn needs_context(&self) -> bool {
        true
    }

    async fn read(&self, _: Call<Settings>, config: Value, out: &mut Diagnostics) -> Result<Value, Reported> {
        let Value::Map(mut members) = config else { return Err(out.error(&Path::root(), "No configuration", "")) };
        match text(&members["name"]) {
            "panics" => panic!("no lookup"),
            "missing" => Err(out.error(&Path::root().attribute("name"), "Not found", "Nothing has this name.")),
            name => {
                let found = Value::string(format!("found {name}"));
                members.insert("found".to_owned(), found);
                Ok(Value::Map(members))
            }
        }
    }
}

fn join() -> Function {
    Function {
        name: "join",
        doc: "Joins two words. The first may not be empty. A separator other than `-` may follow.",
        parameters: vec![
            Parameter { name: "first", kind: Type::String, doc: "A word." },
            Parameter { name: "second", kind: Type::String, doc: "Another." },
        ],
        variadic_parameter: Some(Parameter { name: "separator", kind: Type::String, doc: "A separator." }),
        return_type: Type::String,
        call: |arguments| match arguments {
            [Value::String(first), ..] if first.is_empty() => {
                Err(FunctionError { argument: Some(0), text: "it may not be empty".to_owned() })
            }
            [Value::String(first), Value::String(second)] => {
                assert_ne!(first, "panics");
                Ok(Value::string(format!("{first}-{second}")))
            }
            [Value::String(first), Value::String(second), Value::String(separator)] => {
                Ok(Value::string(format!("{first}{separator}{second}")))
            }
            _ => Ok(Value::Null),
        },
    }
}
