//! Resources: data and pure functions. A resource is a [`ResourceType`]; [`Managed`] makes a Terraform resource of it, the only one
//! that the plugin ever sees.

pub(crate) mod arguments;
pub mod common;
mod context;
pub mod external_service;
mod failures;
mod foreign;
pub mod gateway;
pub mod global_defaults;
pub mod managed;
pub mod namespace;
mod run;
pub mod service;
mod state;
pub mod timeouts;
mod work;

pub use context::{Context, OnUnreadable};
pub use run::Run;

use self::timeouts::OperationTimeouts;
use crate::{
    diagnostics::Diagnostics,
    known::Known,
    mesh::{
        Mesh, Rendered,
        checks::{Findings, LiveQuery},
    },
    object::{Key, Stage, Takeover},
    query::QueryResults,
    schema::model::Model,
};

/// All of a resource. No async, no I/O.
pub trait ResourceType: Send + Sync + 'static {
    /// `mesh_service`
    const NAME: &'static str;
    /// The parts of the id, in order, with their descriptions: import id and identity. An id is its parts joined by `/`.
    const IDENTITY: &'static [(&'static str, &'static str)];
    /// There is one in a mesh: another owner's is refused, even where the two have no object in common.
    const ONE_PER_MESH: bool = false;
    /// The arguments as written; any of them may be unknown.
    type Config: Model;
    /// Computed attributes of this resource; `id` and `objects` are everybody's.
    type Outputs: Model;

    /// `pci/payments`: one resource of this kind in a cluster. Known before the provider's arguments are, where it needs none
    /// of them: an id that comes at apply would replace what refers to it.
    fn id(config: &Self::Config, mesh: Known<&Mesh>) -> Known<String>;
    /// Rules across arguments that need no provider arguments; each runs when what *it* needs is known.
    fn check(config: &Self::Config, out: &mut Diagnostics);
    /// Rules that need the provider's arguments.
    fn check_in_mesh(config: &Self::Config, mesh: &Mesh, out: &mut Diagnostics);
    /// What a plan says of a change. It never refuses one.
    fn check_change(_before: &Self::Config, _after: &Self::Config, _out: &mut Diagnostics) {}
    /// What a plan says of a destroy.
    fn check_destroy(_config: &Self::Config, _out: &mut Diagnostics) {}
    /// The objects. Total: only want of a value can fail, and what is faulty counts as unknown.
    fn render(config: &Self::Config, mesh: &Mesh) -> Rendered;
    /// The computed attributes; unknown only where an input is.
    fn outputs(config: &Self::Config, mesh: &Mesh) -> Self::Outputs;
    /// What the live checks want to know of the cluster. A plan that changes the resource asks.
    fn live_queries(_config: &Self::Config, _mesh: &Mesh) -> Vec<LiveQuery> {
        Vec::new()
    }
    /// The live checks: diagnostics, never values. What couldn't be seen is unknown in `found`.
    fn live_checks(_config: &Self::Config, _mesh: &Mesh, _found: &QueryResults, _out: &mut Findings) {}
    /// Objects that some configuration of this id renders beside the wanted ones: what an apply that was killed may have
    /// left.
    fn could_render(id: &str, mesh: &Mesh) -> Vec<(Key, Stage)>;
    /// Whether plans that delete or replace the resource are refused.
    fn is_protected(_config: &Self::Config) -> bool {
        false
    }
    /// How objects of others are dealt with.
    fn takeover(config: &Self::Config) -> Takeover;
    /// How long operations may take.
    fn timeouts(config: &Self::Config) -> OperationTimeouts;
}
