//! Live checks of the policies of the mesh: gateways that nothing lets clients in at, other external authorizers, an authorizer
//! that the Sidecar doesn't list, and paths that the mesh doesn't normalize.

use serde_json::Value as Json;

use super::{Authorization, DenyAllMode, GlobalDefaults};
use crate::{
    diagnostics::Path,
    known::Known,
    mesh::{
        Mesh, Rendered,
        checks::{
            Code::{ClosedGateway, SecondAuthorizer},
            Findings, LiveQuery,
        },
        live_objects::{annotation_value, summarize_names},
        live_policies::{
            check_authorizer_is_listed, check_gateways_are_open, check_path_normalization, other_authorizers,
            rendered_bodies,
        },
        mesh_config,
    },
    object::{annotation, kind, resource_id, resource_type},
    query::{Query, QueryResults},
    schema::At,
};

/// The namespace that `.` means in the Sidecar of the mesh: that of each workload, so none in particular.
const NO_NAMESPACE: &str = "";

pub(super) fn live_queries(defaults: &GlobalDefaults) -> Vec<LiveQuery> {
    let mut queries = Vec::new();
    if is_enforced(defaults) {
        queries.push(LiveQuery { query: Query::list_all_namespaces(&kind::GATEWAY), checks: &[ClosedGateway] });
    }
    if is_enforced(defaults) || provider(defaults).is_some() {
        let query = Query::list_all_namespaces(&kind::AUTHORIZATION_POLICY);
        queries.push(LiveQuery { query, checks: &[ClosedGateway, SecondAuthorizer] });
    }
    queries
}

pub(super) fn live_checks(
    defaults: &GlobalDefaults,
    mesh: &Mesh,
    rendered: &Rendered,
    results: &QueryResults,
    out: &mut Findings,
) {
    let installed = mesh_config::read(mesh, results);
    check_path_normalization(rendered_bodies(rendered, &kind::AUTHORIZATION_POLICY), &installed, out);
    if let Some(provider) = provider(defaults) {
        let at = Path::root().attribute("external_authorization");
        for sidecar in rendered_bodies(rendered, &kind::SIDECAR) {
            check_authorizer_is_listed(sidecar, NO_NAMESPACE, provider, &installed, &at, out);
        }
    }
    // Each check is skipped where it needs an unknown value or a query without a result.
    let _ = check_gateways(defaults, mesh, rendered, results, out);
    let _ = check_second_authorizer(defaults, results, out);
}

fn authorization(defaults: &GlobalDefaults) -> Option<&At<Authorization>> {
    defaults.authorization.known().ok().flatten()
}

fn is_enforced(defaults: &GlobalDefaults) -> bool {
    authorization(defaults).is_some_and(|block| block.mode.required() == Ok(&DenyAllMode::Enforce))
}

fn provider(defaults: &GlobalDefaults) -> Option<&str> {
    let block = defaults.external_authorization.known().ok().flatten()?;
    block.provider.required().ok().map(String::as_str)
}

/// Whether the provider made the object for `mesh_global_defaults`.
fn is_own(live: &Json) -> bool {
    let resource = annotation_value(live, annotation::RESOURCE).unwrap_or_default();
    resource_id(resource_type::GLOBAL_DEFAULTS, resource).is_some()
}

fn check_gateways(
    defaults: &GlobalDefaults,
    mesh: &Mesh,
    rendered: &Rendered,
    results: &QueryResults,
    out: &mut Findings,
) -> Known<()> {
    let Some(block) = authorization(defaults).filter(|_| is_enforced(defaults)) else { return Ok(()) };
    let gateways = results.list_all_namespaces(&kind::GATEWAY)?;
    let live = results.list_all_namespaces(&kind::AUTHORIZATION_POLICY)?;
    let planned = rendered_bodies(rendered, &kind::AUTHORIZATION_POLICY);
    let policies: Vec<&Json> = live.into_iter().filter(|live| !is_own(live)).chain(planned).collect();
    check_gateways_are_open(&gateways, &policies, &mesh.root_namespace, block.at.attribute("mode"), out);
    Ok(())
}

fn check_second_authorizer(defaults: &GlobalDefaults, results: &QueryResults, out: &mut Findings) -> Known<()> {
    let Some(provider) = provider(defaults) else { return Ok(()) };
    let live = results.list_all_namespaces(&kind::AUTHORIZATION_POLICY)?;
    let others = other_authorizers(live.into_iter().filter(|live| !is_own(live)), provider);
    if !others.is_empty() {
        out.report(
            SecondAuthorizer,
            "external_authorization",
            "Two external authorizers for the same pods",
            &format!(
                "AuthorizationPolicy {} uses another external authorizer than {provider}. Where both policies apply to the \
                 same pods, Istio refuses every request that one of the authorizers would check. Remove one of the two, or \
                 exclude these pods by selector here, and then set checks = {{ \"second-authorizer\" = \"off\" }} in the \
                 provider block.",
                summarize_names(others.iter().map(String::as_str))
            ),
        );
    }
    Ok(())
}
