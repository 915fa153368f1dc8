//! `mesh_gateway`

mod config;

use config::Config;
pub use config::{Config as Gateway, Outputs};

use super::{
    ResourceType,
    arguments::{numbered, output, texts},
};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::{Known, Unknown},
    mesh::{
        Mesh, Rendered,
        checks::{Findings, LiveQuery},
        gateway::{self, Mode, Server, Tls},
        labels,
        timeouts::OperationTimeouts,
    },
    object::{Key, Stage, Takeover},
    query::QueryResults,
};

impl ResourceType for Gateway {
    const NAME: &'static str = "mesh_gateway";
    const IDENTITY: &'static [(&'static str, &'static str)] =
        &[("namespace", "The namespace of the gateway."), ("name", "The name of the gateway.")];
    type Outputs = Outputs;

    fn id(&self, _mesh: Known<&Mesh>) -> Known<String> {
        Ok(format!("{}/{}", self.namespace.owned()?, self.name.owned()?))
    }

    fn validate(&self, out: &mut Diagnostics) {
        labels::validate_selector(&self.selector, &Path::root().attribute("selector"), out);
        labels::validate_labels(&self.labels, &Path::root().attribute("labels"), out);
        labels::validate_annotations(&self.annotations, &Path::root().attribute("annotations"), out);
        intent(self).check(out);
    }

    fn render(&self, mesh: &Mesh) -> Rendered {
        intent(self).render(mesh)
    }

    fn outputs(&self, mesh: &Mesh) -> Outputs {
        Outputs { principal: output(intent(self).principal(mesh)) }
    }

    fn live_queries(&self, _mesh: &Mesh, _rendered: &Rendered) -> Vec<LiveQuery> {
        intent(self).live_queries()
    }

    fn live_checks(&self, _mesh: &Mesh, _rendered: &Rendered, found: &QueryResults, out: &mut Findings) {
        intent(self).live_checks(found, out);
    }

    fn possible_objects(id: &str, _mesh: &Mesh) -> Vec<(Key, Stage)> {
        id.split_once('/').map(|(namespace, name)| gateway::could_render(namespace, name)).unwrap_or_default()
    }

    fn takeover(&self) -> Takeover {
        Takeover { adopt: self.adopt_existing.or(false).unwrap_or(false), ..Takeover::default() }
    }

    fn timeouts(&self) -> OperationTimeouts {
        OperationTimeouts::of(&self.timeouts)
    }
}

/// What the arguments mean: defaults are filled in here, and nowhere else.
fn intent(config: &Config) -> gateway::Gateway {
    gateway::Gateway {
        name: config.name.owned(),
        namespace: config.namespace.owned(),
        selector: config.selector.owned_elements().and_then(|selector| selector.ok_or(Unknown)),
        service_account: match config.service_account.known() {
            Ok(None) => config.name.owned(),
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
    let port = block.port.owned();
    Server {
        at,
        port,
        target_port: block.target_port.known().and_then(|written| written.map_or(port, |written| Ok(*written))),
        protocol: block.protocol.owned(),
        hosts: block.hosts.owned_elements().and_then(|hosts| hosts.ok_or(Unknown)),
        namespaces: block.namespaces.owned_elements(),
        https_redirect: block.https_redirect.or(false),
        tls: block.tls.inner().map(|tls| tls.map(self::tls)),
    }
}

fn tls(block: &config::Tls) -> Tls {
    Tls {
        mode: block.mode.or(Mode::Simple),
        credential_name: block.credential_name.known().map(Option::<&_>::cloned),
        min_version: block.min_version.known().map(Option::<&_>::copied),
        max_version: block.max_version.known().map(Option::<&_>::copied),
        cipher_suites: block.cipher_suites.owned_elements(),
    }
}
