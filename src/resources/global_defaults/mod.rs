//! `mesh_global_defaults`

mod config;
mod intent;

pub use config::Config as GlobalDefaults;
use config::Config;

use self::intent::intent;
use super::ResourceType;
use crate::{
    diagnostics::{Diagnostics, Path},
    known::Known,
    mesh::{
        Mesh, Rendered,
        checks::{Findings, LiveQuery},
        global_defaults, labels,
        timeouts::OperationTimeouts,
    },
    object::{Key, Stage, Takeover, resource_type},
    query::QueryResults,
};

impl ResourceType for GlobalDefaults {
    const NAME: &'static str = resource_type::GLOBAL_DEFAULTS;
    const IDENTITY: &'static [(&'static str, &'static str)] = &[("name", "Always `default`: there is one.")];
    const ONE_PER_MESH: bool = true;
    type Outputs = ();

    fn id(&self, _mesh: Known<&Mesh>) -> Known<String> {
        Ok("default".to_owned())
    }

    fn validate(&self, out: &mut Diagnostics) {
        labels::validate_labels(&self.labels, &Path::root().attribute("labels"), out);
        labels::validate_annotations(&self.annotations, &Path::root().attribute("annotations"), out);
        check_selectors(self, out);
        intent(self).check(out);
    }

    fn validate_in_mesh(&self, mesh: &Mesh, _rendered: &Rendered, out: &mut Diagnostics) {
        intent(self).check_in_mesh(mesh, out);
    }

    fn warn_of_change(before: &Self, after: &Self, out: &mut Diagnostics) {
        intent(before).check_change(&intent(after), out);
    }

    fn warn_of_destroy(&self, out: &mut Diagnostics) {
        intent(self).check_destroy(out);
    }

    fn is_protected(&self) -> bool {
        self.deletion_protection.or(false).unwrap_or(false)
    }

    fn render(&self, mesh: &Mesh) -> Rendered {
        intent(self).render(mesh)
    }

    fn outputs(&self, _mesh: &Mesh) {}

    fn live_queries(&self, mesh: &Mesh, _rendered: &Rendered) -> Vec<LiveQuery> {
        intent(self).live_queries(mesh)
    }

    fn live_checks(&self, mesh: &Mesh, _rendered: &Rendered, found: &QueryResults, out: &mut Findings) {
        intent(self).live_checks(mesh, found, out);
    }

    fn possible_objects(_id: &str, mesh: &Mesh) -> Vec<(Key, Stage)> {
        global_defaults::could_render(mesh)
    }

    fn takeover(&self) -> Takeover {
        Takeover { adopt_existing: self.adopt_existing.or(false).unwrap_or(false), ..Takeover::default() }
    }

    fn timeouts(&self) -> OperationTimeouts {
        OperationTimeouts::of(&self.timeouts)
    }
}

fn check_selectors(config: &Config, out: &mut Diagnostics) {
    let root = Path::root();
    for (name, blocks) in [
        ("gateway_access", config.gateway_access.known().map(|all| all.iter().map(|block| &block.selector).collect())),
        ("jwt", config.jwt.known().map(|all| all.iter().map(|block| &block.selector).collect::<Vec<_>>())),
    ] {
        for (n, selector) in blocks.into_iter().flatten().enumerate() {
            labels::validate_selector(selector, &root.attribute(name).index(n).attribute("selector"), out);
        }
    }
    if let Ok(Some(block)) = config.external_authorization.known() {
        labels::validate_selector(
            &block.selector,
            &root.attribute("external_authorization").attribute("selector"),
            out,
        );
    }
    if let Ok(Some(block)) = config.guardrails.known() {
        labels::validate_selector(
            &block.namespace_selector,
            &root.attribute("guardrails").attribute("namespace_selector"),
            out,
        );
    }
}
