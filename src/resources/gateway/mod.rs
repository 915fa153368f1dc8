//! `mesh_gateway`

mod config;

pub use config::{Config, Outputs};

use super::{
    ResourceType,
    arguments::{check_annotations, check_labels, check_selector, numbered, output, texts},
    timeouts::OperationTimeouts,
};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::{Known, Unknown},
    mesh::{
        Mesh, Rendered,
        checks::{Findings, LiveQuery},
        gateway::{self, Mode, Server, Tls},
    },
    object::{Key, Stage, Takeover, resource_type},
    query::QueryResults,
};

/// The resource.
#[derive(Clone, Copy, Debug)]
pub struct Gateway;

impl ResourceType for Gateway {
    const NAME: &'static str = resource_type::GATEWAY;
    const IDENTITY: &'static [(&'static str, &'static str)] =
        &[("namespace", "The namespace of the gateway."), ("name", "The name of the gateway.")];
    type Config = Config;
    type Outputs = Outputs;

    fn id(config: &Config, _mesh: Known<&Mesh>) -> Known<String> {
        Ok(format!("{}/{}", config.namespace.required()?, config.name.required()?))
    }

    fn check(config: &Config, out: &mut Diagnostics) {
        check_selector(&config.selector, &Path::root().attribute("selector"), out);
        check_labels(&config.labels, &Path::root().attribute("labels"), out);
        check_annotations(&config.annotations, &Path::root().attribute("annotations"), out);
        intent(config).check(out);
    }

    fn check_in_mesh(_config: &Config, _mesh: &Mesh, _out: &mut Diagnostics) {}

    fn render(config: &Config, mesh: &Mesh) -> Rendered {
        intent(config).render(mesh)
    }

    fn outputs(config: &Config, mesh: &Mesh) -> Outputs {
        Outputs { principal: output(intent(config).principal(mesh)) }
    }

    fn live_queries(config: &Config, _mesh: &Mesh) -> Vec<LiveQuery> {
        intent(config).live_queries()
    }

    fn live_checks(config: &Config, _mesh: &Mesh, found: &QueryResults, out: &mut Findings) {
        intent(config).live_checks(found, out);
    }

    fn could_render(id: &str, _mesh: &Mesh) -> Vec<(Key, Stage)> {
        id.split_once('/').map(|(namespace, name)| gateway::could_render(namespace, name)).unwrap_or_default()
    }

    fn takeover(config: &Config) -> Takeover {
        Takeover { adopt_existing: config.adopt_existing.or(false).unwrap_or(false), ..Takeover::default() }
    }

    fn timeouts(config: &Config) -> OperationTimeouts {
        OperationTimeouts::of(&config.timeouts)
    }
}

/// What the arguments mean: defaults are filled in here, and nowhere else.
fn intent(config: &Config) -> gateway::Gateway {
    gateway::Gateway {
        name: config.name.required(),
        namespace: config.namespace.required(),
        selector: config.selector.elements().and_then(|selector| selector.ok_or(Unknown)),
        service_account: match config.service_account.known() {
            Ok(None) => config.name.required(),
            Ok(Some(written)) => Ok(written.clone()),
            Err(unknown) => Err(unknown),
        },
        servers: config
            .server
            .known()
            .map(|blocks| numbered("server", blocks).map(|(at, block)| server(at, block)).collect()),
        labels: texts(&config.labels),
        annotations: texts(&config.annotations),
    }
}

fn server(at: Path, block: &config::Server) -> Server {
    let port = block.port.required();
    Server {
        at,
        port,
        target_port: block.target_port.known().and_then(|written| written.map_or(port, |written| Ok(*written))),
        protocol: block.protocol.required(),
        hosts: block.hosts.elements().and_then(|hosts| hosts.ok_or(Unknown)),
        namespaces: block.namespaces.elements(),
        https_redirect: block.https_redirect.or(false),
        tls: block.tls.known().map(|tls| tls.map(self::tls)),
    }
}

fn tls(block: &config::Tls) -> Tls {
    Tls {
        mode: block.mode.or(Mode::Simple),
        credential_name: block.credential_name.known().map(Option::<&_>::cloned),
        min_version: block.min_version.known().map(Option::<&_>::copied),
        max_version: block.max_version.known().map(Option::<&_>::copied),
        cipher_suites: block.cipher_suites.elements(),
    }
}
