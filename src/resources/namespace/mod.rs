//! `mesh_namespace`

mod config;

pub use config::Config;

use super::{
    ResourceType,
    arguments::{check_annotations, check_labels, check_selector, numbered_in, texts},
    timeouts::OperationTimeouts,
};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::Known,
    mesh::{
        Mesh, Rendered,
        checks::{Findings, LiveQuery},
        global_defaults::Mode,
        istio::peer_authentication::MtlsMode,
        manifest::StringMap,
        namespace::{self, Exception, Mtls, Team},
    },
    object::{Key, Stage, Takeover},
    query::QueryResults,
};

/// The resource.
#[derive(Clone, Copy, Debug)]
pub struct Namespace;

impl ResourceType for Namespace {
    const NAME: &'static str = "mesh_namespace";
    const IDENTITY: &'static [(&'static str, &'static str)] = &[("name", "The name of the namespace.")];
    type Config = Config;
    type Outputs = ();

    fn id(config: &Config, _mesh: Known<&Mesh>) -> Known<String> {
        config.name.required()
    }

    fn check(config: &Config, out: &mut Diagnostics) {
        check_labels(&config.labels, &Path::root().attribute("labels"), out);
        check_annotations(&config.annotations, &Path::root().attribute("annotations"), out);
        if let Ok(Some(mtls)) = config.mtls.known()
            && let Ok(exceptions) = mtls.exception.known()
        {
            for (at, exception) in numbered_in(&mtls_path(), "exception", exceptions) {
                check_selector(&exception.selector, &at.attribute("selector"), out);
            }
        }
        intent(config).check(out);
    }

    fn check_in_mesh(config: &Config, mesh: &Mesh, out: &mut Diagnostics) {
        intent(config).check_in_mesh(mesh, out);
    }

    fn render(config: &Config, mesh: &Mesh) -> Rendered {
        intent(config).render(mesh)
    }

    fn outputs(_config: &Config, _mesh: &Mesh) {}

    fn live_queries(config: &Config, _mesh: &Mesh) -> Vec<LiveQuery> {
        intent(config).live_queries()
    }

    fn live_checks(config: &Config, _mesh: &Mesh, found: &QueryResults, out: &mut Findings) {
        intent(config).live_checks(found, out);
    }

    fn could_render(id: &str, _mesh: &Mesh) -> Vec<(Key, Stage)> {
        namespace::could_render(id)
    }

    fn takeover(config: &Config) -> Takeover {
        Takeover {
            adopt: config.adopt_existing.or(false).unwrap_or(false),
            empties: config.force_destroy.or(false).unwrap_or(false),
            ..Takeover::default()
        }
    }

    fn timeouts(config: &Config) -> OperationTimeouts {
        OperationTimeouts::of(&config.timeouts)
    }
}

/// What the arguments mean: defaults are filled in here, and nowhere else.
fn intent(config: &Config) -> namespace::Namespace {
    namespace::Namespace {
        name: config.name.required(),
        team: config.team.known().map(Option::<&_>::cloned),
        injection: config.injection.known().map(Option::<&_>::copied),
        revision: config.revision.known().map(Option::<&_>::cloned),
        create: config.create.or(true),
        // Whether there is a Sidecar is known before all of its hosts are.
        calls: config.calls.known().map(|calls| calls.map(|_| config.calls.elements().map(Option::unwrap_or_default))),
        authorization: config.authorization_mode.or(Mode::Off),
        mtls: config.mtls.known().map(|block| block.map(mtls)),
        team_rights: config.rbac.known().map(|block| block.map(team)),
        labels: texts(&config.labels),
        annotations: texts(&config.annotations),
    }
}

fn mtls_path() -> Path {
    Path::root().attribute("mtls")
}

fn mtls(block: &config::Mtls) -> Mtls {
    let exceptions = block.exception.known();
    Mtls {
        mode: block.mode.or(MtlsMode::Strict),
        exceptions: exceptions.map(|blocks| {
            numbered_in(&mtls_path(), "exception", blocks).map(|(at, block)| exception(at, block)).collect()
        }),
    }
}

fn exception(at: Path, block: &config::Exception) -> Exception {
    let (service, port) = (block.service.required(), block.port.required());
    Exception {
        at,
        selector: selector(block, &service),
        service,
        port,
        target_port: block.target_port.known().and_then(|written| written.map_or(port, |written| Ok(*written))),
        mode: block.mode.or(MtlsMode::Permissive),
    }
}

fn selector(block: &config::Exception, service: &Known<String>) -> Known<StringMap> {
    match block.selector.elements()? {
        Some(written) => Ok(written),
        None => Ok(StringMap::from([("app".to_owned(), service.clone()?)])),
    }
}

fn team(block: &config::Rbac) -> Team {
    Team {
        groups: block.groups.elements().map(Option::unwrap_or_default),
        users: block.users.elements().map(Option::unwrap_or_default),
        service_accounts: block.service_accounts.elements().map(Option::unwrap_or_default),
    }
}
