//! `mesh_namespace`

mod config;

pub use config::Config as Namespace;
use config::Config;

use super::{
    ResourceType,
    arguments::{numbered_in, texts},
};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::Known,
    mesh::{
        Mesh, Rendered,
        checks::{Findings, LiveQuery},
        global_defaults::Mode,
        istio::peer_authentication::MtlsMode,
        labels,
        manifest::Texts,
        namespace::{self, Exception, Mtls, Team},
        timeouts::OperationTimeouts,
    },
    object::{Key, Stage, Takeover, resource_type},
    query::QueryResults,
};

impl ResourceType for Namespace {
    const NAME: &'static str = resource_type::NAMESPACE;
    const IDENTITY: &'static [(&'static str, &'static str)] = &[("name", "The name of the namespace.")];
    type Outputs = ();

    fn id(&self, _mesh: Known<&Mesh>) -> Known<String> {
        self.name.owned()
    }

    fn validate(&self, out: &mut Diagnostics) {
        labels::validate_labels(&self.labels, &Path::root().attribute("labels"), out);
        labels::validate_annotations(&self.annotations, &Path::root().attribute("annotations"), out);
        if let Ok(Some(mtls)) = self.mtls.known()
            && let Ok(exceptions) = mtls.exception.known()
        {
            for (at, exception) in numbered_in(&mtls_path(), "exception", exceptions) {
                labels::validate_selector(&exception.selector, &at.attribute("selector"), out);
            }
        }
        intent(self).check(out);
    }

    fn validate_in_mesh(&self, mesh: &Mesh, _rendered: &Rendered, out: &mut Diagnostics) {
        intent(self).check_in_mesh(mesh, out);
    }

    fn render(&self, mesh: &Mesh) -> Rendered {
        intent(self).render(mesh)
    }

    fn outputs(&self, _mesh: &Mesh) {}

    fn live_queries(&self, _mesh: &Mesh, _rendered: &Rendered) -> Vec<LiveQuery> {
        intent(self).live_queries()
    }

    fn live_checks(&self, _mesh: &Mesh, _rendered: &Rendered, found: &QueryResults, out: &mut Findings) {
        intent(self).live_checks(found, out);
    }

    fn possible_objects(id: &str, _mesh: &Mesh) -> Vec<(Key, Stage)> {
        namespace::could_render(id)
    }

    fn takeover(&self) -> Takeover {
        Takeover {
            adopt_existing: self.adopt_existing.or(false).unwrap_or(false),
            force_destroy: self.force_destroy.or(false).unwrap_or(false),
            ..Takeover::default()
        }
    }

    fn timeouts(&self) -> OperationTimeouts {
        OperationTimeouts::of(&self.timeouts)
    }
}

/// What the arguments mean: defaults are filled in here, and nowhere else.
fn intent(config: &Config) -> namespace::Namespace {
    namespace::Namespace {
        name: config.name.owned(),
        team: config.team.known().map(Option::<&_>::cloned),
        injection: config.injection.known().map(Option::<&_>::copied),
        revision: config.revision.known().map(Option::<&_>::cloned),
        create: config.create.or(true),
        // Whether there is a Sidecar is known before all of its hosts are.
        calls: config
            .calls
            .known()
            .map(|calls| calls.map(|_| config.calls.owned_elements().map(Option::unwrap_or_default))),
        authorization: config.authorization_mode.or(Mode::Off),
        mtls: config.mtls.inner().map(|block| block.map(mtls)),
        team_rights: config.rbac.inner().map(|block| block.map(team)),
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
    let (service, port) = (block.service.owned(), block.port.owned());
    Exception {
        at,
        selector: selector(block, &service),
        service,
        port,
        target_port: block.target_port.known().and_then(|written| written.map_or(port, |written| Ok(*written))),
        mode: block.mode.or(MtlsMode::Permissive),
    }
}

fn selector(block: &config::Exception, service: &Known<String>) -> Known<Texts> {
    match block.selector.owned_elements()? {
        Some(written) => Ok(written),
        None => Ok(Texts::from([("app".to_owned(), service.clone()?)])),
    }
}

fn team(block: &config::Rbac) -> Team {
    Team {
        groups: block.groups.owned_elements().map(Option::unwrap_or_default),
        users: block.users.owned_elements().map(Option::unwrap_or_default),
        service_accounts: block.service_accounts.owned_elements().map(Option::unwrap_or_default),
    }
}
