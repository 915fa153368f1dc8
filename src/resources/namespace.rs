//! `mesh_namespace`

use super::ResourceType;
pub use crate::mesh::namespace::Namespace;
use crate::{
    diagnostics::Diagnostics,
    known::Known,
    mesh::{
        Mesh, Rendered, adoption,
        checks::{Findings, LiveQuery},
        namespace,
        timeouts::OperationTimeouts,
    },
    object::{Key, Kind, Stage, Takeover, kind, resource_type},
    query::QueryResults,
};

impl ResourceType for Namespace {
    const NAME: &'static str = resource_type::NAMESPACE;
    const IDENTITY: &'static [(&'static str, &'static str)] = &[("name", "The name of the namespace.")];
    const OTHER_KINDS: &'static [&'static Kind] = &[&kind::ENVOY_FILTER];
    type Outputs = ();

    fn id(&self, _mesh: Known<&Mesh>) -> Known<String> {
        self.name.required().cloned()
    }

    fn validate(&self, out: &mut Diagnostics) {
        self.validate(out);
    }

    fn validate_in_mesh(&self, mesh: &Mesh, _rendered: &Rendered, out: &mut Diagnostics) {
        self.validate_in_mesh(mesh, out);
    }

    fn checks_of_change(prior: Option<&Self>, planned: &Self, mesh: &Mesh, out: &mut Findings) {
        Self::checks_of_change(prior, planned, mesh, out);
    }

    fn render(&self, mesh: &Mesh) -> Rendered {
        self.render(mesh)
    }

    fn outputs(&self, _mesh: &Mesh) {}

    fn live_queries(&self, mesh: &Mesh, _rendered: &Rendered) -> Vec<LiveQuery> {
        self.live_queries(mesh)
    }

    fn live_checks(&self, mesh: &Mesh, rendered: &Rendered, results: &QueryResults, out: &mut Findings) {
        self.live_checks(mesh, rendered, results, out);
    }

    fn possible_objects(id: &str, _mesh: &Mesh) -> Vec<(Key, Stage)> {
        namespace::possible_objects(id)
    }

    fn takeover(&self) -> Takeover {
        Takeover {
            force_destroy: self.force_destroy.or(false).unwrap_or(false),
            ..adoption::takeover(&self.adopt_existing, &self.adopt_from_owner)
        }
    }

    fn timeouts(&self) -> OperationTimeouts {
        OperationTimeouts::of(&self.timeouts)
    }
}
