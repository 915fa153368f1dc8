//! `mesh_external_service`

mod config;

pub use config::{Config, Outputs};

use super::{
    Kind,
    arguments::{numbered, output_if_any},
    timeouts::Limits,
};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::{Known, Unknown},
    mesh::{
        Mesh, Rendered,
        external_service::{self, Tls},
        resiliency::Preset,
    },
    object::{Key, Stage, Takeover},
};

/// The resource.
#[derive(Clone, Copy, Debug)]
pub struct ExternalService;

impl Kind for ExternalService {
    const NAME: &'static str = "mesh_external_service";
    const IDENTITY: &'static [(&'static str, &'static str)] =
        &[("namespace", "The namespace of its objects."), ("name", "The host, with dashes for dots.")];
    type Config = Config;
    type Outputs = Outputs;

    fn id(config: &Config, mesh: Known<&Mesh>) -> Known<String> {
        intent(config).id(mesh?)
    }

    fn check(config: &Config, out: &mut Diagnostics) {
        intent(config).check(out);
    }

    fn check_in_mesh(config: &Config, mesh: &Mesh, out: &mut Diagnostics) {
        intent(config).check_in_mesh(mesh, out);
    }

    fn render(config: &Config, mesh: &Mesh) -> Rendered {
        intent(config).render(mesh)
    }

    fn outputs(config: &Config, _mesh: &Mesh) -> Outputs {
        Outputs { url: output_if_any(intent(config).url()) }
    }

    fn could_render(id: &str, _mesh: &Mesh) -> Vec<(Key, Stage)> {
        id.split_once('/').map(|(namespace, name)| external_service::could_render(namespace, name)).unwrap_or_default()
    }

    fn takeover(config: &Config) -> Takeover {
        Takeover { adopt: config.adopt_existing.or(false).unwrap_or(false), ..Takeover::default() }
    }

    fn timeouts(config: &Config) -> Limits {
        Limits::of(&config.timeouts)
    }
}

/// What the arguments mean: defaults are filled in here, and nowhere else.
fn intent(config: &Config) -> external_service::ExternalService {
    external_service::ExternalService {
        host: config.host.required(),
        tls: config.tls.or(Tls::Passthrough),
        ports: config.port.known().map(|blocks| numbered("port", blocks).map(|(at, block)| port(at, block)).collect()),
        export_to: config.export_to.elements().and_then(|namespaces| namespaces.ok_or(Unknown)),
        resiliency: config.resiliency.or(Preset::Medium),
        namespace: config.namespace.known().map(Option::<&_>::cloned),
    }
}

fn port(at: Path, block: &config::ServicePort) -> external_service::Port {
    external_service::Port {
        at,
        number: block.number.required(),
        protocol: block.protocol.required(),
        target_port: block.target_port.known().map(Option::<&_>::copied),
        tls: block.tls.known().map(Option::<&_>::copied),
    }
}
