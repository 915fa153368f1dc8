//! The resource types. Each is an implementation of [`ResourceType`] for the struct of its arguments; [`managed`] makes a
//! Terraform resource of it.

pub mod common;
mod context;
pub mod external_service;
pub mod gateway;
pub mod global_defaults;
pub mod managed;
mod move_source;
pub mod namespace;
mod run;
pub mod service;
mod state;
mod write_task;

pub use context::{Context, OnUnreadable, configured_context};
pub use run::RunState;

use crate::{
    diagnostics::Diagnostics,
    known::Known,
    mesh::{
        Mesh, Rendered,
        checks::{Findings, LiveQuery},
        timeouts::OperationTimeouts,
    },
    object::{Key, Kind, Stage, Takeover},
    query::QueryResults,
    schema::model::Model,
};

/// A type of managed resource, implemented by the struct of its arguments. Everything in it is pure: no async, no I/O.
pub trait ResourceType: Model + Clone + 'static {
    /// The name of the type in HCL: `mesh_service`.
    const NAME: &'static str;
    /// The parts of the id with their descriptions. They make the resource identity, and joined by `/` the import id.
    const IDENTITY: &'static [(&'static str, &'static str)];
    /// Whether a mesh has at most one such resource: one of another owner is refused, even where the two have no object in
    /// common.
    const ONE_PER_MESH: bool = false;
    /// The namespaced kinds of which the resource may render objects beside those of [`possible_objects`](Self::possible_objects).
    const OTHER_KINDS: &'static [&'static Kind] = &[];
    /// The computed attributes of this type. All types have `id` and `objects` besides.
    type Outputs: Model;

    /// The id, which is unique among the resources of this type in a cluster, such as `pci/payments`. It does not wait for
    /// provider arguments that it doesn't need: an id that is unknown at plan would replace whatever refers to it.
    fn id(&self, mesh: Known<&Mesh>) -> Known<String>;
    /// Reports violations of rules across arguments. Each rule runs as soon as the values that it needs are known.
    fn validate(&self, out: &mut Diagnostics);
    /// Reports violations of rules that need the provider's arguments or the rendered objects.
    fn validate_in_mesh(&self, _mesh: &Mesh, _rendered: &Rendered, _out: &mut Diagnostics) {}
    /// Warns at plan of consequences of a change. It never refuses one.
    fn warn_of_change(_prior: &Self, _planned: &Self, _out: &mut Diagnostics) {}
    /// Checks a create (without `prior`) or an update by the configuration alone. As those of the live checks, the levels of its
    /// findings are set by the provider's `checks`; it runs without a cluster, too.
    fn checks_of_change(_prior: Option<&Self>, _planned: &Self, _mesh: &Mesh, _out: &mut Findings) {}
    /// Warns at plan of consequences of a destroy.
    fn warn_of_destroy(&self, _out: &mut Diagnostics) {}
    /// Renders the objects. It never fails: an object is unknown where a value that it needs is, and a faulty value counts as
    /// unknown.
    fn render(&self, mesh: &Mesh) -> Rendered;
    /// The computed attributes; each is unknown only where an input is.
    fn outputs(&self, mesh: &Mesh) -> Self::Outputs;
    /// What the live checks ask of the cluster, in plans that change the resource.
    fn live_queries(&self, _mesh: &Mesh, _rendered: &Rendered) -> Vec<LiveQuery> {
        Vec::new()
    }
    /// The live checks. They produce findings and no values; a check whose query has no result is skipped.
    fn live_checks(&self, _mesh: &Mesh, _rendered: &Rendered, _results: &QueryResults, _out: &mut Findings) {}
    /// The objects that some configuration of this id renders, with their stages: those that a killed apply may have left.
    fn possible_objects(id: &str, mesh: &Mesh) -> Vec<(Key, Stage)>;
    /// Whether plans that delete or replace the resource are refused.
    fn is_protected(&self) -> bool {
        false
    }
    /// How the engine treats objects that this resource doesn't own.
    fn takeover(&self) -> Takeover;
    /// The time limits of operations.
    fn timeouts(&self) -> OperationTimeouts;
}
