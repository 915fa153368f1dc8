//! `mesh_external_service`

use super::ResourceType;
pub use crate::mesh::external_service::ExternalService;
use crate::{
    diagnostics::Diagnostics,
    known::Known,
    mesh::{
        Mesh, Rendered, adoption,
        checks::{Findings, LiveQuery},
        external_service::{self, Outputs},
        timeouts::OperationTimeouts,
    },
    object::{Key, Stage, Takeover, resource_type},
    query::QueryResults,
};

impl ResourceType for ExternalService {
    const NAME: &'static str = resource_type::EXTERNAL_SERVICE;
    const IDENTITY: &'static [(&'static str, &'static str)] = &[
        ("namespace", "The namespace of its objects."),
        ("name", "The host with dashes for dots, or `name` where that is written."),
    ];
    type Outputs = Outputs;

    fn id(&self, mesh: Known<&Mesh>) -> Known<String> {
        self.id(mesh?)
    }

    fn validate(&self, out: &mut Diagnostics) {
        self.validate(out);
    }

    fn validate_in_mesh(&self, mesh: &Mesh, _rendered: &Rendered, out: &mut Diagnostics) {
        self.validate_in_mesh(mesh, out);
    }

    fn render(&self, mesh: &Mesh) -> Rendered {
        self.render(mesh)
    }

    fn outputs(&self, _mesh: &Mesh) -> Outputs {
        self.outputs()
    }

    fn live_queries(&self, mesh: &Mesh, rendered: &Rendered) -> Vec<LiveQuery> {
        external_service::live_queries(self, mesh, rendered)
    }

    fn live_checks(&self, mesh: &Mesh, rendered: &Rendered, results: &QueryResults, out: &mut Findings) {
        self.live_checks(mesh, rendered, results, out);
    }

    fn possible_objects(id: &str, _mesh: &Mesh) -> Vec<(Key, Stage)> {
        id.split_once('/')
            .map(|(namespace, name)| external_service::possible_objects(namespace, name))
            .unwrap_or_default()
    }

    fn is_protected(&self) -> bool {
        self.deletion_protection.or(false).unwrap_or(false)
    }

    fn takeover(&self) -> Takeover {
        adoption::takeover(&self.adopt_existing, &self.adopt_from_owner)
    }

    fn timeouts(&self) -> OperationTimeouts {
        OperationTimeouts::of(&self.timeouts)
    }
}
