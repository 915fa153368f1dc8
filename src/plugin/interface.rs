//! The author's side of the plugin: what a provider offers, in terms of [`Value`]. One dyn-safe trait for resources, one
//! for data sources; functions and the provider itself are data. `C` is what Configure makes; the plugin never looks
//! inside.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    schema::{Schema, Type, Value},
};

/// What core stores for us between calls. The three travel together, so that none can be forgotten: core drops what a
/// response leaves out.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// The resource's value of the schema's type.
    pub state: Value,
    /// Our bookkeeping, opaque to core.
    pub private: Vec<u8>,
    /// The identity, where the resource has one.
    pub identity: Option<Value>,
}

/// A planned create or update.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The planned state, the private data that apply gets, the planned identity.
    pub after: Stored,
    /// Arguments whose change needs a new resource.
    pub requires_replace: Vec<Path>,
}

/// What apply, delete and read answer: the state is told with *and* without errors, so that a half-done apply or a failed
/// delete can't lose it. `None` is "gone".
#[derive(Clone, Debug)]
#[must_use]
pub struct Outcome {
    /// What core stores from now on.
    pub after: Option<Stored>,
    /// What happened.
    pub diagnostics: Diagnostics,
}

/// One call: what Configure made, if it was called, and when to stop.
#[derive(Debug)]
pub struct Call<C> {
    /// What Configure made.
    pub context: Option<Arc<C>>,
    /// Cancelled by Stop: answer soon, with what is known.
    pub stop: CancellationToken,
    /// In the plan of a create: the private data of the plan before it, where the create is the second half of a
    /// replacement; empty everywhere else.
    pub replaced: Vec<u8>,
}

/// How an import names its resource.
#[derive(Clone, Debug)]
pub enum ImportId {
    /// `terraform import ADDRESS ID`
    Id(String),
    /// `import { identity = { … } }`
    Identity(Value),
}

/// A resource of another type whose state is to become one of ours.
#[derive(Clone, Debug)]
pub struct Foreign {
    /// `registry.terraform.io/hashicorp/kubernetes`
    pub provider: String,
    /// `kubernetes_manifest`
    pub kind: String,
    /// Version of that type's schema.
    pub version: i64,
    /// The state as stored.
    pub state: serde_json::Value,
}

/// A managed resource.
#[async_trait]
pub trait Resource<C>: Send + Sync {
    /// `mesh_service`
    fn name(&self) -> &'static str;
    /// Arguments and outputs.
    fn schema(&self) -> &Schema;
    /// Raised with every change of the schema that an older state doesn't fit.
    fn version(&self) -> i64 {
        0
    }
    /// The attributes that name the resource in its cluster; `None`: it has no identity.
    fn identity(&self) -> Option<&Schema>;
    /// Rules that need neither provider arguments nor a cluster; unknown values are admitted everywhere.
    fn validate(&self, config: &Value, out: &mut Diagnostics);
    /// Plans a create (`prior` is none) or an update.
    async fn plan(
        &self,
        call: Call<C>,
        prior: Option<Stored>,
        config: Value,
        out: &mut Diagnostics,
    ) -> Result<Planned, Reported>;
    /// Plans a delete; answers the private data that the delete gets. An error keeps the resource.
    async fn plan_delete(&self, call: Call<C>, prior: Stored, out: &mut Diagnostics) -> Result<Vec<u8>, Reported>;
    /// Creates or updates. `planned.private` is what plan answered; `config` is wholly known.
    async fn apply(&self, call: Call<C>, prior: Option<Stored>, planned: Stored, config: Value) -> Outcome;
    /// Deletes; `private` is what [`Resource::plan_delete`] answered.
    async fn delete(&self, call: Call<C>, prior: Stored, private: Vec<u8>) -> Outcome;
    /// The state as it is now.
    async fn read(&self, call: Call<C>, stored: Stored) -> Outcome;
    /// Enough state for [`Resource::read`] to find the rest.
    async fn import(&self, call: Call<C>, id: ImportId, out: &mut Diagnostics) -> Result<Stored, Reported>;
    /// A state of another provider's type as one of ours.
    fn adopt(&self, foreign: Foreign, out: &mut Diagnostics) -> Result<Stored, Reported>;
}

/// A data source.
#[async_trait]
pub trait DataSource<C>: Send + Sync {
    /// `mesh_cluster`
    fn name(&self) -> &'static str;
    /// Arguments and outputs.
    fn schema(&self) -> &Schema;
    /// Rules that need neither provider arguments nor a cluster.
    fn validate(&self, config: &Value, out: &mut Diagnostics);
    /// The configuration with its outputs.
    async fn read(&self, call: Call<C>, config: Value, out: &mut Diagnostics) -> Result<Value, Reported>;
}

/// A pure function of HCL. `call` gets as many arguments as there are parameters.
#[derive(Clone, Debug)]
pub struct Function {
    /// `object_name`
    pub name: &'static str,
    /// For the reader of a registry page.
    pub doc: &'static str,
    /// Name, type, description.
    pub parameters: &'static [Parameter],
    /// The type of the result.
    pub returns: Type,
    /// The function.
    pub call: fn(&[Value]) -> Result<Value, FunctionError>,
}

/// A parameter of a function.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// An HCL identifier.
    pub name: &'static str,
    /// Its type.
    pub kind: Type,
    /// For the reader of a registry page.
    pub doc: &'static str,
}

/// Why a function has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionError {
    /// Which argument is to blame, from 0.
    pub argument: Option<usize>,
    /// What is wrong with it.
    pub text: String,
}

/// A provider: the one list of everything offered.
pub struct Provider<C> {
    /// The provider block.
    pub schema: &'static Schema,
    /// Rules on the provider block; unknown values are admitted everywhere.
    pub validate: fn(&Value, &mut Diagnostics),
    /// Makes the context; unknown values are admitted, and nothing is asked of a network.
    pub configure: fn(&Value, &mut Diagnostics) -> Result<C, Reported>,
    /// By name.
    pub resources: BTreeMap<&'static str, Box<dyn Resource<C>>>,
    /// By name.
    pub data_sources: BTreeMap<&'static str, Box<dyn DataSource<C>>>,
    /// By name.
    pub functions: BTreeMap<&'static str, Function>,
}
