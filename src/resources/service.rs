//! `mesh_service`

use super::ResourceType;
pub use crate::mesh::service::Service;
use crate::{
    diagnostics::Diagnostics,
    known::Known,
    mesh::{
        Mesh, Rendered,
        checks::{Findings, LiveQuery},
        service::{self, Outputs},
        timeouts::OperationTimeouts,
    },
    object::{Key, Kind, Stage, Takeover, kind, resource_type},
    query::QueryResults,
};

impl ResourceType for Service {
    const NAME: &'static str = resource_type::SERVICE;
    const IDENTITY: &'static [(&'static str, &'static str)] =
        &[("namespace", "The namespace of the service."), ("name", "The name of the service.")];
    const OTHER_KINDS: &'static [&'static Kind] = &[&kind::SERVICE, &kind::SERVICE_ACCOUNT];
    type Outputs = Outputs;

    fn id(&self, _mesh: Known<&Mesh>) -> Known<String> {
        Ok(format!("{}/{}", self.namespace.required()?, self.name.required()?))
    }

    fn validate(&self, out: &mut Diagnostics) {
        self.validate(out);
    }

    fn validate_in_mesh(&self, mesh: &Mesh, rendered: &Rendered, out: &mut Diagnostics) {
        self.validate_in_mesh(mesh, rendered, out);
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

    fn live_queries(&self, mesh: &Mesh, rendered: &Rendered) -> Vec<LiveQuery> {
        self.live_queries(mesh, rendered)
    }

    fn live_checks(&self, mesh: &Mesh, rendered: &Rendered, results: &QueryResults, out: &mut Findings) {
        self.live_checks(mesh, rendered, results, out);
    }

    fn possible_objects(id: &str, _mesh: &Mesh) -> Vec<(Key, Stage)> {
        id.split_once('/').map(|(namespace, name)| service::possible_objects(namespace, name)).unwrap_or_default()
    }

    fn takeover(&self) -> Takeover {
        self.takeover()
    }

    fn timeouts(&self) -> OperationTimeouts {
        OperationTimeouts::of(&self.timeouts)
    }
}
