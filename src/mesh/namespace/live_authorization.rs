//! Live checks of the policies of a namespace: rules for callers without an identity under strict mutual TLS, gateways that
//! nothing lets clients in at, and authorizers that the Sidecar doesn't list.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::{Namespace, authorization::DENY_ALL};
use crate::{
    diagnostics::Path,
    known::Known,
    mesh::{
        Mesh, Rendered,
        checks::{
            Code::{self, ClosedGateway, StrictAnonymous, UnlistedAuthorizer},
            Findings, Level, LiveQuery,
        },
        global_defaults::DenyAllMode,
        istio::peer_authentication::MtlsMode,
        live_objects::{name, namespaced_name, selector_matches_labels, string_map, summarize_names},
        live_policies::{
            anonymous_rules, applies, authorizers, check_authorizer_is_listed, check_gateways_are_open, is_enforced,
            rendered_bodies, rule_ports,
        },
        manifest::StringMap,
        mesh_config,
        recorded_gateway::workload_namespace,
    },
    object::kind,
    query::{Query, QueryResults},
};

pub(super) fn live_queries(of: &Namespace, mesh: &Mesh, home: &str) -> Vec<LiveQuery> {
    let namespaces = BTreeSet::from([home, mesh.root_namespace.as_str()]);
    let policies = || namespaces.iter().map(|namespace| Query::list(&kind::AUTHORIZATION_POLICY, namespace));
    let query = |checks: &'static [Code]| move |query: Query| LiveQuery { query, checks };
    let mut queries = Vec::new();
    if denies(of) || is_strict(of) {
        let gateways = Query::list(&kind::GATEWAY, home);
        queries.extend(policies().chain([gateways]).map(query(&[ClosedGateway, StrictAnonymous])));
    }
    if of.calls.is_set() {
        queries.extend(policies().chain(mesh_config::keys(mesh).map(Query::Get)).map(query(&[UnlistedAuthorizer])));
    }
    queries
}

pub(super) fn live_checks(
    of: &Namespace,
    (mesh, home): (&Mesh, &str),
    rendered: &Rendered,
    results: &QueryResults,
    out: &mut Findings,
) {
    for sidecar in rendered_bodies(rendered, &kind::SIDECAR) {
        check_listed_authorizers(sidecar, (mesh, home), results, out);
    }
    // Each check is skipped where it needs an unknown value or a query without a result.
    let _ = check_gateways(of, mesh, home, results, out);
    let _ = check_anonymous_callers(of, mesh, home, results, out);
}

fn denies(of: &Namespace) -> bool {
    of.authorization_mode() == Ok(DenyAllMode::Enforce)
}

fn is_strict(of: &Namespace) -> bool {
    matches!(of.mtls.known(), Ok(Some(mtls)) if mtls.mode() == Ok(MtlsMode::Strict))
}

/// Reports authorizers of all workloads of the namespace that the Sidecar doesn't list. A policy with a selector is for some of
/// them, which may have Sidecars of their own.
fn check_listed_authorizers(sidecar: &Json, (mesh, home): (&Mesh, &str), results: &QueryResults, out: &mut Findings) {
    let installed = mesh_config::read(mesh, results);
    let lists = BTreeSet::from([home, mesh.root_namespace.as_str()])
        .into_iter()
        .filter_map(|namespace| results.list(&kind::AUTHORIZATION_POLICY, namespace).ok());
    let policies = lists.flatten().filter(|policy| applies(policy, home, &StringMap::new(), &mesh.root_namespace));
    for provider in authorizers(policies) {
        check_authorizer_is_listed(sidecar, home, provider, &installed, &Path::root().attribute("calls"), out);
    }
}

fn check_gateways(of: &Namespace, mesh: &Mesh, home: &str, results: &QueryResults, out: &mut Findings) -> Known<()> {
    if !denies(of) {
        return Ok(());
    }
    let (root, at) = (mesh.root_namespace.as_str(), Path::root().attribute("authorization_mode"));
    let mut policies = results.list(&kind::AUTHORIZATION_POLICY, home)?;
    policies.retain(|policy| name(policy) != DENY_ALL);
    policies.extend(results.list(&kind::AUTHORIZATION_POLICY, root).unwrap_or_default());
    check_gateways_are_open(&gateways_here(results, home)?, &policies, root, at, out);
    Ok(())
}

/// The Gateways of the namespace that have their workloads there.
fn gateways_here<'a>(results: &'a QueryResults, home: &str) -> Known<Vec<&'a Json>> {
    let mut gateways = results.list(&kind::GATEWAY, home)?;
    gateways.retain(|gateway| workload_namespace(gateway) == home);
    Ok(gateways)
}

/// Reports live policies with rules for callers without an identity, on ports that have no exception. Gateways accept clear text
/// in any case.
fn check_anonymous_callers(
    of: &Namespace,
    mesh: &Mesh,
    home: &str,
    results: &QueryResults,
    out: &mut Findings,
) -> Known<()> {
    let runs_gateways =
        mesh.gateway_namespaces.contains(home) || !gateways_here(results, home).unwrap_or_default().is_empty();
    if !is_strict(of) || runs_gateways {
        return Ok(());
    }
    let mut affected = BTreeSet::new();
    for policy in results.list(&kind::AUTHORIZATION_POLICY, home)? {
        if is_enforced(policy, "ALLOW") && admits_in_clear_text(of, policy)? {
            affected.insert(namespaced_name(policy));
        }
    }
    if !affected.is_empty() {
        out.report_with_level(
            Level::Error,
            StrictAnonymous,
            Path::root().attribute("mtls"),
            "Strict mutual TLS refuses clients without identity",
            &format!(
                "AuthorizationPolicy {} admits callers without an identity, and with mode = \"strict\" a connection in clear text is \
                 reset before any rule is asked. Write an exception block for each such port, or let these callers have \
                 sidecars.",
                summarize_names(affected.iter().map(String::as_str))
            ),
        );
    }
    Ok(())
}

/// Whether a policy has a rule for callers without an identity that isn't only about ports with an exception.
fn admits_in_clear_text(of: &Namespace, policy: &Json) -> Known<bool> {
    let labels = string_map(policy, &["spec", "selector", "matchLabels"]);
    let mut excepted = BTreeSet::new();
    for exception in of.mtls_exceptions() {
        if exception.mode()? != MtlsMode::Strict && selector_matches_labels(&exception.selector()?, &labels) {
            excepted.insert(i64::from(exception.target_port()?));
        }
    }
    Ok(anonymous_rules(policy).any(|rule| rule_ports(rule).is_none_or(|ports| !ports.is_subset(&excepted))))
}
