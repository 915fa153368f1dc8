//! The interface that a provider implements, in terms of [`Value`]: a trait for resource types, a trait for data
//! sources, and plain data for functions and the provider itself. `C` is the context that [`Provider::configure`] makes
//! of the provider block, which is opaque to the plugin layer.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    schema::{Schema, Type, Value},
};

/// What core stores of a resource between calls. The three parts are one struct so that no response can leave one out,
/// since core drops what a response leaves out.
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceState {
    /// The resource as an object of its schema.
    pub state: Value,
    /// Private data of the provider, opaque to core.
    pub private: Vec<u8>,
    /// Identity, if the resource type has an identity schema.
    pub identity: Option<Value>,
}

/// A planned create or update.
#[derive(Clone, Debug)]
pub struct PlannedChange {
    /// Planned state and identity, and the private data that apply receives.
    pub after: ResourceState,
    /// Paths of the changed arguments that force a new resource.
    pub requires_replace: Vec<Path>,
}

/// The result of apply, delete and read. It has a state even if there are errors, so that an apply that fails half-way
/// or a delete that fails doesn't lose the resource.
#[derive(Clone, Debug)]
#[must_use]
pub struct Outcome {
    /// State that core stores from now on. `None`: the resource no longer exists.
    pub after: Option<ResourceState>,
    /// Errors and warnings of the call.
    pub diagnostics: Diagnostics,
}

/// What a call gets besides the values of its request.
#[derive(Debug)]
pub struct Call<C> {
    /// Context that Configure has made. `None`: core hasn't called it, or it has failed.
    pub context: Option<Arc<C>>,
    /// Cancelled by Stop. The call should then return soon, with the state that it has reached.
    pub stop: CancellationToken,
    /// Whether the response defers the resource, since the context is unknown and core allows it. Core asks again in a later
    /// plan, so checks that need the context can wait until then.
    pub deferred: bool,
    /// Private data that core sends with the plan of a create. If the create is the second half of a replacement, it is
    /// the private data of the plan of the first half. Empty in every other call.
    pub replaced_private: Vec<u8>,
}

/// How an import names the resource.
#[derive(Clone, Debug)]
pub enum ImportId {
    /// Id of `terraform import ADDRESS ID`.
    Id(String),
    /// Identity of `import { identity = { … } }`.
    Identity(Value),
}

/// The state of another resource type that a `moved` block moves to a type of this provider.
#[derive(Clone, Debug)]
pub struct MoveSource {
    /// Address of the source provider, like `registry.terraform.io/hashicorp/kubernetes`.
    pub provider_address: String,
    /// Name of the source type, like `kubernetes_manifest`.
    pub type_name: String,
    /// Version of the source type's schema.
    pub schema_version: i64,
    /// State as it is stored.
    pub state: serde_json::Value,
}

/// A type of managed resources.
#[async_trait]
pub trait Resource<C>: Send + Sync {
    /// Name of the resource type, like `mesh_service`.
    fn name(&self) -> &'static str;
    /// Schema of the arguments and outputs.
    fn schema(&self) -> &Schema;
    /// Version of the schema. A change of the schema that states of older versions don't fit must raise it.
    fn version(&self) -> i64 {
        0
    }
    /// Schema of the identity: the attributes that identify the object in its cluster. `None`: the type has no
    /// identity.
    fn identity(&self) -> Option<&Schema>;
    /// Validates a configuration without provider arguments and without a cluster. Every value may be unknown.
    fn validate(&self, config: &Value, out: &mut Diagnostics);
    /// Plans a create (`prior` is `None`) or an update.
    async fn plan(
        &self,
        call: Call<C>,
        prior: Option<ResourceState>,
        config: Value,
        out: &mut Diagnostics,
    ) -> Result<PlannedChange, Reported>;
    /// Plans a delete and returns the private data that [`Resource::delete`] receives. After an error core doesn't
    /// delete.
    async fn plan_delete(
        &self,
        call: Call<C>,
        prior: ResourceState,
        out: &mut Diagnostics,
    ) -> Result<Vec<u8>, Reported>;
    /// Creates or updates the resource. `planned` has the private data that [`Resource::plan`] returned, and `config`
    /// has no unknown values.
    async fn apply(
        &self,
        call: Call<C>,
        prior: Option<ResourceState>,
        planned: ResourceState,
        config: Value,
    ) -> Outcome;
    /// Deletes the resource. `private` is the private data that [`Resource::plan_delete`] returned.
    async fn delete(&self, call: Call<C>, prior: ResourceState, private: Vec<u8>) -> Outcome;
    /// Reads the current state.
    async fn read(&self, call: Call<C>, stored: ResourceState) -> Outcome;
    /// Returns as much state as [`Resource::read`], which core calls next, needs to read the rest.
    async fn import(&self, call: Call<C>, id: ImportId, out: &mut Diagnostics) -> Result<ResourceState, Reported>;
    /// Converts the state of another resource type, for a `moved` block.
    fn move_state(&self, foreign: MoveSource, out: &mut Diagnostics) -> Result<ResourceState, Reported>;
}

/// A data source.
#[async_trait]
pub trait DataSource<C>: Send + Sync {
    /// Name of the data source, like `mesh_cluster`.
    fn name(&self) -> &'static str;
    /// Schema of the arguments and outputs.
    fn schema(&self) -> &Schema;
    /// Validates a configuration without provider arguments and without a cluster. Every value may be unknown.
    fn validate(&self, config: &Value, out: &mut Diagnostics);
    /// Whether a read needs the context. Otherwise it is never deferred.
    fn needs_context(&self) -> bool;
    /// Returns the configuration with the outputs filled in.
    async fn read(&self, call: Call<C>, config: Value, out: &mut Diagnostics) -> Result<Value, Reported>;
}

/// A pure function for HCL expressions.
#[derive(Clone, Debug)]
pub struct Function {
    /// Name of the function, like `object_name`.
    pub name: &'static str,
    /// Description for the registry page.
    pub doc: &'static str,
    /// Required parameters, in order.
    pub parameters: Vec<Parameter>,
    /// The parameter of all further arguments. Terraform has no optional parameters: one is a variadic parameter of which the function
    /// takes one argument at most. `None`: there are no further arguments.
    pub variadic_parameter: Option<Parameter>,
    /// Type of the result.
    pub return_type: Type,
    /// The implementation. It is called with an argument for each parameter and with the further ones, each of the parameter's type.
    pub call: fn(&[Value]) -> Result<Value, FunctionError>,
}

/// A parameter of a function.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Name of the parameter, an HCL identifier.
    pub name: &'static str,
    /// Type of the argument.
    pub kind: Type,
    /// Description for the registry page.
    pub doc: &'static str,
}

/// The error of a function call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionError {
    /// Index of the argument at fault, from 0. `None`: no single argument.
    pub argument: Option<usize>,
    /// Text of the error.
    pub text: String,
}

/// A provider: its configuration, and everything that it offers.
pub struct Provider<C> {
    /// Schema of the provider block.
    pub schema: &'static Schema,
    /// Validates the provider block. Every value may be unknown.
    pub validate: fn(&Value, &mut Diagnostics),
    /// Makes the context of the provider block. Values may be unknown, and no network request is allowed.
    pub configure: fn(&Value, &mut Diagnostics) -> Result<C, Reported>,
    /// Whether a value of the provider block that later calls need is unknown, so that core should ask again when it is known.
    pub is_unknown: fn(&C) -> bool,
    /// Resource types by name.
    pub resources: BTreeMap<&'static str, Box<dyn Resource<C>>>,
    /// Data sources by name.
    pub data_sources: BTreeMap<&'static str, Box<dyn DataSource<C>>>,
    /// Functions by name.
    pub functions: BTreeMap<&'static str, Function>,
}
