//! `mesh_service`

mod config;
mod intent;

pub use config::{Config, Outputs};

use self::intent::intent;
use super::{
    ResourceType,
    arguments::{check_annotations, check_labels, check_selector, numbered, output, output_if_any, output_set},
    timeouts::OperationTimeouts,
};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::Known,
    mesh::{
        Mesh, Rendered,
        checks::{Findings, LiveQuery},
        service,
    },
    object::{Key, Stage, Takeover, resource_type},
    query::QueryResults,
};

/// The resource.
#[derive(Clone, Copy, Debug)]
pub struct Service;

impl ResourceType for Service {
    const NAME: &'static str = resource_type::SERVICE;
    const IDENTITY: &'static [(&'static str, &'static str)] =
        &[("namespace", "The namespace of the service."), ("name", "The name of the service.")];
    type Config = Config;
    type Outputs = Outputs;

    fn id(config: &Config, _mesh: Known<&Mesh>) -> Known<String> {
        Ok(format!("{}/{}", config.namespace.required()?, config.name.required()?))
    }

    fn check(config: &Config, out: &mut Diagnostics) {
        check_selector(&config.selector, &Path::root().attribute("selector"), out);
        check_labels(&config.labels, &Path::root().attribute("labels"), out);
        check_annotations(&config.annotations, &Path::root().attribute("annotations"), out);
        if let Ok(versions) = config.version.known() {
            for (at, version) in numbered("version", versions) {
                check_selector(&version.labels, &at.attribute("labels"), out);
            }
        }
        check_drain(config, out);
        intent(config).check(out);
    }

    fn check_in_mesh(config: &Config, mesh: &Mesh, out: &mut Diagnostics) {
        intent(config).check_in_mesh(mesh, out);
    }

    fn render(config: &Config, mesh: &Mesh) -> Rendered {
        intent(config).render(mesh)
    }

    fn outputs(config: &Config, mesh: &Mesh) -> Outputs {
        let service = intent(config);
        Outputs {
            host: output_if_any(service.host(mesh)),
            global_host: output_if_any(service.global_host(mesh)),
            principal: output(service.principal(mesh)),
            effective_resiliency: output(service.effective_resiliency(mesh)),
            effective_callers: output_set(service.callers(mesh)),
        }
    }

    fn live_queries(config: &Config, mesh: &Mesh) -> Vec<LiveQuery> {
        intent(config).live_queries(mesh)
    }

    fn live_checks(config: &Config, mesh: &Mesh, found: &QueryResults, out: &mut Findings) {
        intent(config).live_checks(mesh, found, out);
    }

    fn could_render(id: &str, _mesh: &Mesh) -> Vec<(Key, Stage)> {
        id.split_once('/').map(|(namespace, name)| service::could_render(namespace, name)).unwrap_or_default()
    }

    fn takeover(config: &Config) -> Takeover {
        intent::takeover(config)
    }

    fn timeouts(config: &Config) -> OperationTimeouts {
        OperationTimeouts::of(&config.timeouts)
    }
}

/// A wait that outlasts the operation would never end well.
fn check_drain(config: &Config, out: &mut Diagnostics) {
    let Ok(Some(seconds)) = config.drain_seconds.known() else { return };
    let limits = OperationTimeouts::of(&config.timeouts);
    for (name, limit) in [("create", limits.create), ("update", limits.update), ("delete", limits.delete)] {
        if u64::try_from(*seconds).is_ok_and(|seconds| seconds >= limit.as_secs()) {
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
