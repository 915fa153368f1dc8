//! `mesh_global_defaults`

mod config;
mod intent;

pub use config::Config;

use self::intent::intent;
use super::{
    ResourceType,
    arguments::{check_annotations, check_labels, check_selector},
    timeouts::OperationTimeouts,
};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::Known,
    mesh::{
        Mesh, Rendered,
        checks::{Findings, LiveQuery},
        global_defaults,
    },
    object::{Key, Stage, Takeover, resource_type},
    query::QueryResults,
};

/// The resource.
#[derive(Clone, Copy, Debug)]
pub struct GlobalDefaults;

impl ResourceType for GlobalDefaults {
    const NAME: &'static str = resource_type::GLOBAL_DEFAULTS;
    const IDENTITY: &'static [(&'static str, &'static str)] = &[("name", "Always `default`: there is one.")];
    const ONE_PER_MESH: bool = true;
    type Config = Config;
    type Outputs = ();

    fn id(_config: &Config, _mesh: Known<&Mesh>) -> Known<String> {
        Ok("default".to_owned())
    }

    fn check(config: &Config, out: &mut Diagnostics) {
        check_labels(&config.labels, &Path::root().attribute("labels"), out);
        check_annotations(&config.annotations, &Path::root().attribute("annotations"), out);
        check_selectors(config, out);
        intent(config).check(out);
    }

    fn check_in_mesh(config: &Config, mesh: &Mesh, out: &mut Diagnostics) {
        intent(config).check_in_mesh(mesh, out);
    }

    fn check_change(before: &Config, after: &Config, out: &mut Diagnostics) {
        intent(before).check_change(&intent(after), out);
    }

    fn check_destroy(config: &Config, out: &mut Diagnostics) {
        intent(config).check_destroy(out);
    }

    fn is_protected(config: &Config) -> bool {
        config.deletion_protection.or(false).unwrap_or(false)
    }

    fn render(config: &Config, mesh: &Mesh) -> Rendered {
        intent(config).render(mesh)
    }

    fn outputs(_config: &Config, _mesh: &Mesh) {}

    fn live_queries(config: &Config, mesh: &Mesh) -> Vec<LiveQuery> {
        intent(config).live_queries(mesh)
    }

    fn live_checks(config: &Config, mesh: &Mesh, found: &QueryResults, out: &mut Findings) {
        intent(config).live_checks(mesh, found, out);
    }

    fn could_render(_id: &str, mesh: &Mesh) -> Vec<(Key, Stage)> {
        global_defaults::could_render(mesh)
    }

    fn takeover(config: &Config) -> Takeover {
        Takeover { adopt_existing: config.adopt_existing.or(false).unwrap_or(false), ..Takeover::default() }
    }

    fn timeouts(config: &Config) -> OperationTimeouts {
        OperationTimeouts::of(&config.timeouts)
    }
}

fn check_selectors(config: &Config, out: &mut Diagnostics) {
    let root = Path::root();
    for (name, blocks) in [
        ("gateway_access", config.gateway_access.known().map(|all| all.iter().map(|block| &block.selector).collect())),
        ("jwt", config.jwt.known().map(|all| all.iter().map(|block| &block.selector).collect::<Vec<_>>())),
    ] {
        for (n, selector) in blocks.into_iter().flatten().enumerate() {
            check_selector(selector, &root.attribute(name).index(n).attribute("selector"), out);
        }
    }
    if let Ok(Some(block)) = config.external_authorization.known() {
        check_selector(&block.selector, &root.attribute("external_authorization").attribute("selector"), out);
    }
    if let Ok(Some(block)) = config.guardrails.known() {
        check_selector(&block.namespace_selector, &root.attribute("guardrails").attribute("namespace_selector"), out);
    }
}
