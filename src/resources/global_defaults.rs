//! `mesh_global_defaults`

use super::ResourceType;
pub use crate::mesh::global_defaults::GlobalDefaults;
use crate::{
    diagnostics::Diagnostics,
    known::Known,
    mesh::{
        Mesh, Rendered, adoption,
        checks::{Findings, LiveQuery},
        global_defaults,
        timeouts::OperationTimeouts,
    },
    object::{Key, Stage, Takeover, resource_type},
    query::QueryResults,
};

impl ResourceType for GlobalDefaults {
    const NAME: &'static str = resource_type::GLOBAL_DEFAULTS;
    const IDENTITY: &'static [(&'static str, &'static str)] = &[("name", "Always `default`: there is one.")];
    const ONE_PER_MESH: bool = true;
    type Outputs = ();

    fn id(&self, _mesh: Known<&Mesh>) -> Known<String> {
        Ok("default".to_owned())
    }

    fn validate(&self, out: &mut Diagnostics) {
        self.validate(out);
    }

    fn validate_in_mesh(&self, mesh: &Mesh, _rendered: &Rendered, out: &mut Diagnostics) {
        self.validate_in_mesh(mesh, out);
    }

    fn warn_of_change(prior: &Self, planned: &Self, out: &mut Diagnostics) {
        Self::warn_of_change(prior, planned, out);
    }

    fn warn_of_destroy(&self, out: &mut Diagnostics) {
        self.warn_of_destroy(out);
    }

    fn checks_of_change(prior: Option<&Self>, planned: &Self, mesh: &Mesh, out: &mut Findings) {
        Self::checks_of_change(prior, planned, mesh, out);
    }

    fn is_protected(&self) -> bool {
        self.deletion_protection.or(false).unwrap_or(false)
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

    fn possible_objects(_id: &str, mesh: &Mesh) -> Vec<(Key, Stage)> {
        global_defaults::possible_objects(mesh)
    }

    fn takeover(&self) -> Takeover {
        adoption::takeover(&self.adopt_existing, &self.adopt_from_owner)
    }

    fn timeouts(&self) -> OperationTimeouts {
        OperationTimeouts::of(&self.timeouts)
    }
}
