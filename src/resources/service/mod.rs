//! `mesh_service`

mod config;
mod intent;

use config::Config;
pub use config::{Config as Service, Outputs};

use self::intent::intent;
use super::{
    ResourceType,
    arguments::{numbered, output, output_if_any, output_set},
};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::Known,
    mesh::{
        Mesh, Rendered,
        checks::{Findings, LiveQuery},
        labels, service,
        timeouts::OperationTimeouts,
    },
    object::{Key, Stage, Takeover, resource_type},
    query::QueryResults,
};

impl ResourceType for Service {
    const NAME: &'static str = resource_type::SERVICE;
    const IDENTITY: &'static [(&'static str, &'static str)] =
        &[("namespace", "The namespace of the service."), ("name", "The name of the service.")];
    type Outputs = Outputs;

    fn id(&self, _mesh: Known<&Mesh>) -> Known<String> {
        Ok(format!("{}/{}", self.namespace.owned()?, self.name.owned()?))
    }

    fn validate(&self, out: &mut Diagnostics) {
        labels::validate_selector(&self.selector, &Path::root().attribute("selector"), out);
        labels::validate_labels(&self.labels, &Path::root().attribute("labels"), out);
        labels::validate_annotations(&self.annotations, &Path::root().attribute("annotations"), out);
        if let Ok(versions) = self.version.known() {
            for (at, version) in numbered("version", versions) {
                labels::validate_selector(&version.labels, &at.attribute("labels"), out);
            }
        }
        check_drain(self, out);
        intent(self).check(out);
    }

    fn validate_in_mesh(&self, mesh: &Mesh, _rendered: &Rendered, out: &mut Diagnostics) {
        intent(self).check_in_mesh(mesh, out);
    }

    fn render(&self, mesh: &Mesh) -> Rendered {
        intent(self).render(mesh)
    }

    fn outputs(&self, mesh: &Mesh) -> Outputs {
        let service = intent(self);
        Outputs {
            host: output_if_any(service.host(mesh)),
            global_host: output_if_any(service.global_host(mesh)),
            principal: output(service.principal(mesh)),
            effective_resiliency: output(service.effective_resiliency(mesh)),
            effective_callers: output_set(service.callers(mesh)),
        }
    }

    fn live_queries(&self, mesh: &Mesh, _rendered: &Rendered) -> Vec<LiveQuery> {
        intent(self).live_queries(mesh)
    }

    fn live_checks(&self, mesh: &Mesh, _rendered: &Rendered, found: &QueryResults, out: &mut Findings) {
        intent(self).live_checks(mesh, found, out);
    }

    fn possible_objects(id: &str, _mesh: &Mesh) -> Vec<(Key, Stage)> {
        id.split_once('/').map(|(namespace, name)| service::could_render(namespace, name)).unwrap_or_default()
    }

    fn takeover(&self) -> Takeover {
        intent::takeover(self)
    }

    fn timeouts(&self) -> OperationTimeouts {
        OperationTimeouts::of(&self.timeouts)
    }
}

/// A wait that outlasts the operation would never end well.
fn check_drain(config: &Config, out: &mut Diagnostics) {
    let Ok(Some(seconds)) = config.drain_seconds.known() else { return };
    let limits = OperationTimeouts::of(&config.timeouts);
    for (name, limit) in [("create", limits.create), ("update", limits.update), ("delete", limits.delete)] {
        if u64::from(*seconds) >= limit.as_secs() {
            out.error(
                &Path::root().attribute("drain_seconds"),
                format!("drain_seconds outlasts timeouts.{name}"),
                format!(
                    "The wait is part of the operation, which may take {} s. Write a shorter one, or a longer timeouts.{name}.",
                    limit.as_secs()
                ),
            );
        }
    }
}
