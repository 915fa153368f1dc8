//! `mesh_gateway`

use super::ResourceType;
pub use crate::mesh::gateway::Gateway;
use crate::{
    diagnostics::Diagnostics,
    known::Known,
    mesh::{
        Mesh, Rendered, adoption,
        checks::{Findings, LiveQuery},
        gateway::{self, Outputs},
        timeouts::OperationTimeouts,
    },
    object::{Key, Stage, Takeover, resource_type},
    query::QueryResults,
};

impl ResourceType for Gateway {
    const NAME: &'static str = resource_type::GATEWAY;
    const IDENTITY: &'static [(&'static str, &'static str)] =
        &[("namespace", "The namespace of the gateway."), ("name", "The name of the gateway.")];
    type Outputs = Outputs;

    fn id(&self, _mesh: Known<&Mesh>) -> Known<String> {
        Ok(format!("{}/{}", self.namespace.required()?, self.name.required()?))
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

    fn outputs(&self, mesh: &Mesh) -> Outputs {
        self.outputs(mesh)
    }

    fn live_queries(&self, mesh: &Mesh, _rendered: &Rendered) -> Vec<LiveQuery> {
        self.live_queries(mesh)
    }

    fn live_checks(&self, mesh: &Mesh, rendered: &Rendered, results: &QueryResults, out: &mut Findings) {
        self.live_checks(mesh, rendered, results, out);
    }

    fn possible_objects(id: &str, _mesh: &Mesh) -> Vec<(Key, Stage)> {
        id.split_once('/').map(|(namespace, name)| gateway::possible_objects(namespace, name)).unwrap_or_default()
    }

    fn takeover(&self) -> Takeover {
        adoption::takeover(&self.adopt_existing, &self.adopt_from_owner)
    }

    fn timeouts(&self) -> OperationTimeouts {
        OperationTimeouts::of(&self.timeouts)
    }
}
