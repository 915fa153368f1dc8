//! `mesh_global_defaults`

mod config;

pub use config::Config;

use super::{Kind, timeouts::Limits};
use crate::{
    diagnostics::Diagnostics,
    known::Known,
    mesh::{Mesh, Rendered, global_defaults, istio::peer_authentication::MtlsMode},
    object::{Key, Stage, Takeover},
};

/// The resource.
#[derive(Clone, Copy, Debug)]
pub struct GlobalDefaults;

impl Kind for GlobalDefaults {
    const NAME: &'static str = "mesh_global_defaults";
    const IDENTITY: &'static [(&'static str, &'static str)] = &[("name", "Always `default`: there is one.")];
    const ONE_PER_MESH: bool = true;
    type Config = Config;
    type Outputs = ();

    fn id(_config: &Config, _mesh: Known<&Mesh>) -> Known<String> {
        Ok("default".to_owned())
    }

    fn check(config: &Config, out: &mut Diagnostics) {
        intent(config).check(out);
    }

    fn check_in_mesh(_config: &Config, _mesh: &Mesh, _out: &mut Diagnostics) {}

    fn render(config: &Config, mesh: &Mesh) -> Rendered {
        intent(config).render(mesh)
    }

    fn outputs(_config: &Config, _mesh: &Mesh) {}

    fn could_render(_id: &str, mesh: &Mesh) -> Vec<(Key, Stage)> {
        global_defaults::could_render(mesh)
    }

    fn takeover(config: &Config) -> Takeover {
        Takeover { adopt: config.adopt_existing.or(false).unwrap_or(false), ..Takeover::default() }
    }

    fn timeouts(config: &Config) -> Limits {
        Limits::of(&config.timeouts)
    }
}

/// What the arguments mean: defaults are filled in here, and nowhere else.
fn intent(config: &Config) -> global_defaults::GlobalDefaults {
    global_defaults::GlobalDefaults {
        mtls: config.mtls.known().map(|block| block.map(|mtls| mtls.mode.or(MtlsMode::Strict))),
        authorization: config.authorization.known().and_then(|block| block.map(|a| a.mode.required()).transpose()),
        sidecar: config.sidecar.known().map(|block| block.map(|sidecar| sidecar.egress_hosts.elements())),
        outbound_traffic_policy: config.outbound_traffic_policy.known().map(Option::<&_>::copied),
        resiliency: config.resiliency.known().map(Option::<&_>::copied),
    }
}
