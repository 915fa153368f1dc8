//! What the cluster says about the policies of the service: whether the mesh normalizes paths, whether clients without an identity
//! get as far as the policies, and whether the proxies can ask the external authorizer.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::{queries::LiveQueries, view::ServiceView};
use crate::{
    diagnostics::Path,
    json_path::text,
    known::Known,
    mesh::{
        checks::{
            Code::{PathNormalization, SecondAuthorizer, StrictAnonymous, UnlistedAuthorizer},
            Findings,
        },
        live_objects::{string_map, summarize_names},
        live_policies::{
            anonymous_rules, applies, authorizers, check_authorizer_is_listed, check_path_normalization, is_enforced,
            is_strict, names_paths, other_authorizers, rule_ports,
        },
        mesh_config,
    },
    object::kind,
};

pub(super) fn live_queries(view: &ServiceView, queries: &mut LiveQueries) {
    let namespaces = BTreeSet::from([view.context.namespace, view.context.mesh.root_namespace.as_str()]);
    let has_authorizer = provider(view).is_some();
    let has_sidecar = view.renders(&kind::SIDECAR);
    for key in mesh_config::keys(view.context.mesh) {
        if names_paths(policies(view)) {
            queries.get(key.clone(), &[PathNormalization]);
        }
        if has_authorizer || has_sidecar {
            queries.get(key, &[UnlistedAuthorizer]);
        }
    }
    for namespace in namespaces {
        if has_sidecar {
            queries.list(&kind::AUTHORIZATION_POLICY, namespace, &[UnlistedAuthorizer]);
        }
        if has_authorizer {
            queries.list(&kind::AUTHORIZATION_POLICY, namespace, &[SecondAuthorizer]);
        }
        if view.allow_policies().any(|policy| anonymous_rules(policy).next().is_some()) {
            queries.list(&kind::PEER_AUTHENTICATION, namespace, &[StrictAnonymous]);
        }
    }
}

pub(super) fn live_checks(view: &ServiceView, out: &mut Findings) {
    check_path_normalization(policies(view), &mesh_config::read(view.context.mesh, view.results), out);
    // Each check is skipped where it needs an unknown value or a query without a result.
    let _ = check_anonymous_callers(view, out);
    let _ = check_listed_authorizers(view, out);
    let _ = check_second_authorizer(view, out);
}

/// The rendered AuthorizationPolicies.
fn policies<'a>(view: &ServiceView<'a>) -> impl Iterator<Item = &'a Json> {
    view.rendered(&kind::AUTHORIZATION_POLICY).map(|object| &object.body)
}

/// The extension provider of the rendered CUSTOM policy.
fn provider<'a>(view: &ServiceView<'a>) -> Option<&'a str> {
    policies(view).find_map(|policy| text(policy, &["spec", "provider", "name"]))
}

/// Reports rules for `anonymous` on ports where strict mutual TLS refuses clear text.
fn check_anonymous_callers(view: &ServiceView, out: &mut Findings) -> Known<()> {
    let (home, root) = (view.context.namespace, view.context.mesh.root_namespace.as_str());
    let mut live = view.live_objects(&kind::PEER_AUTHENTICATION)?;
    if home != root {
        // Teams often have no right to read the root namespace.
        live.extend(view.results.list(&kind::PEER_AUTHENTICATION, root).unwrap_or_default());
    }
    let labels = view.pod_labels()?;
    let mut strict = BTreeSet::new();
    for rule in view.allow_policies().flat_map(anonymous_rules) {
        let ports = rule_ports(rule).map_or(vec![None], |ports| ports.into_iter().map(Some).collect());
        strict.extend(ports.into_iter().filter(|port| is_strict(&live, home, &labels, root, *port)));
    }
    if !strict.is_empty() {
        let ports: Vec<String> = strict.iter().flatten().map(i64::to_string).collect();
        out.report(
            StrictAnonymous,
            "allow",
            "Strict mutual TLS refuses clients without identity",
            &format!(
                "Rules admit anonymous callers{}, but mutual TLS is strict for these connections, so one in clear text is \
                 reset before any rule applies. Write an exception for the port (mtls {{ exception {{}} }} of \
                 mesh_namespace), or name callers with an identity in from.",
                if ports.is_empty() { String::new() } else { format!(" on port {} of the workload", ports.join(", ")) }
            ),
        );
    }
    Ok(())
}

/// Reports authorizers that the proxies can't ask, the service's own or that of another policy for its pods.
fn check_listed_authorizers(view: &ServiceView, out: &mut Findings) -> Known<()> {
    let installed = mesh_config::read(view.context.mesh, view.results);
    let own = provider(view).map(|provider| (provider, "external_authorization"));
    let others = external_authorization_of_others(view)?;
    let others = authorizers(others.into_iter()).into_iter().map(|provider| (provider, "calls"));
    for (provider, argument) in others.filter(|(name, _)| own.is_none_or(|(own, _)| own != *name)).chain(own) {
        let at = Path::root().attribute(argument);
        for sidecar in view.rendered(&kind::SIDECAR) {
            check_authorizer_is_listed(&sidecar.body, view.context.namespace, provider, &installed, &at, out);
        }
    }
    Ok(())
}

/// The live policies of others that ask an external authorizer about requests to the pods of the service.
fn external_authorization_of_others<'a>(view: &ServiceView<'a>) -> Known<Vec<&'a Json>> {
    let (home, root) = (view.context.namespace, view.context.mesh.root_namespace.as_str());
    let labels = view.pod_labels()?;
    let lists = BTreeSet::from([home, root])
        .into_iter()
        .filter_map(|namespace| view.results.list(&kind::AUTHORIZATION_POLICY, namespace).ok());
    let others = lists.flatten().filter(|policy| {
        is_enforced(policy, "CUSTOM")
            && view.may_conflict(&kind::AUTHORIZATION_POLICY, policy)
            && (applies(policy, home, &labels, root)
                || view.shares_pods_with(&string_map(policy, &["spec", "selector", "matchLabels"])) == Ok(true))
    });
    Ok(others.collect())
}

/// Reports an authorizer beside that of the service.
fn check_second_authorizer(view: &ServiceView, out: &mut Findings) -> Known<()> {
    let Some(provider) = provider(view) else { return Ok(()) };
    let others = other_authorizers(external_authorization_of_others(view)?.into_iter(), provider);
    if !others.is_empty() {
        out.report_at(
            SecondAuthorizer,
            Path::root().attribute("external_authorization"),
            "Two external authorizers for the same pods",
            &format!(
                "AuthorizationPolicy {} asks another authorizer than {provider} about requests to these pods. Istio can't ask two, \
                 and refuses every request that one of them would be asked about. Leave one of them out.",
                summarize_names(others.iter().map(String::as_str))
            ),
        );
    }
    Ok(())
}
