//! Istio objects of other tools for the same host or the same pods. Istio uses one of the two, or mixes them, by rules that
//! neither object shows.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::{queries::LiveQueries, view::ServiceView};
use crate::{
    json_path::{at, text},
    known::Known,
    mesh::{
        checks::{
            Code::{SecondDestinationRule, SecondSidecar, SecondVirtualService},
            Findings,
        },
        live_objects::{fully_qualified_host, hosts_overlap, routes_in_mesh, string_map, strings, summarize_objects},
        reference::Caller,
        service::access,
    },
    object::kind,
};

pub(super) fn live_queries(view: &ServiceView, queries: &mut LiveQueries) {
    if view.renders(&kind::DESTINATION_RULE) {
        for namespace in caller_namespaces(view).unwrap_or_default() {
            queries.list(&kind::DESTINATION_RULE, &namespace, &[SecondDestinationRule]);
        }
    }
    for (kind, checks) in [
        (&kind::VIRTUAL_SERVICE, &[SecondVirtualService][..]),
        (&kind::DESTINATION_RULE, &[SecondDestinationRule]),
        (&kind::SIDECAR, &[SecondSidecar]),
    ] {
        if view.renders(kind) {
            queries.list(kind, view.context.namespace, checks);
        }
    }
}

pub(super) fn live_checks(view: &ServiceView, out: &mut Findings) {
    // Each check is skipped where it needs an unknown value or a query without a result.
    let _ = check_virtual_services(view, out);
    let _ = check_destination_rules(view, out);
    let _ = check_destination_rules_of_callers(view, out);
    let _ = check_sidecars(view, out);
}

fn check_virtual_services(view: &ServiceView, out: &mut Findings) -> Known<()> {
    let own_hosts: Vec<&str> = view
        .rendered(&kind::VIRTUAL_SERVICE)
        .filter(|object| routes_in_mesh(&object.body))
        .flat_map(|object| strings(&object.body, &["spec", "hosts"]))
        .collect();
    let routes_own_host =
        |live: &Json| strings(live, &["spec", "hosts"]).any(|host| own_hosts.contains(&qualified(view, host).as_str()));
    let mut found = view.conflict_candidates(&kind::VIRTUAL_SERVICE)?;
    found.retain(|live| routes_in_mesh(live) && routes_own_host(live));
    if !found.is_empty() {
        out.report(
            SecondVirtualService,
            "",
            "Another VirtualService is for the same host",
            &format!(
                "VirtualService {} routes {} as well. Istio doesn't merge the two: the older one applies, the other has no effect. \
                 Remove the other one, or name it in replaces, or leave the routes to them with unmanaged = [\"VirtualService\"].",
                summarize_objects(found),
                view.context.host()
            ),
        );
    }
    Ok(())
}

/// A rule with a workload selector applies only to the clients that it selects, so it is no second rule for all clients.
fn check_destination_rules(view: &ServiceView, out: &mut Findings) -> Known<()> {
    if !view.renders(&kind::DESTINATION_RULE) {
        return Ok(());
    }
    let own_host = view.context.host();
    let mut found = view.conflict_candidates(&kind::DESTINATION_RULE)?;
    found.retain(|live| {
        at(live, &["spec", "workloadSelector"]).is_null()
            && text(live, &["spec", "host"]).is_some_and(|host| qualified(view, host) == own_host)
    });
    if !found.is_empty() {
        out.report(
            SecondDestinationRule,
            "",
            "Another DestinationRule is for the same host",
            &format!(
                "DestinationRule {} is for {own_host} as well: of two traffic policies the older one applies. Remove the other one, or name \
                 it in replaces, or leave it to them with unmanaged = [\"DestinationRule\"].",
                summarize_objects(found)
            ),
        );
    }
    Ok(())
}

/// Istio looks for the rule of a host in the namespace of the caller first, so one there takes precedence, also for a wildcard.
fn check_destination_rules_of_callers(view: &ServiceView, out: &mut Findings) -> Known<()> {
    if !view.renders(&kind::DESTINATION_RULE) {
        return Ok(());
    }
    let (own_host, domain) = (view.context.host(), &view.context.mesh.cluster_domain);
    let mut found = Vec::new();
    for namespace in caller_namespaces(view)? {
        let Ok(live) = view.results.list(&kind::DESTINATION_RULE, &namespace) else { continue };
        let is_for_host = |host: &str| hosts_overlap(&fully_qualified_host(host, &namespace, domain), &own_host);
        found.extend(live.into_iter().filter(|live| {
            at(live, &["spec", "workloadSelector"]).is_null() && text(live, &["spec", "host"]).is_some_and(is_for_host)
        }));
    }
    if !found.is_empty() {
        out.report(
            SecondDestinationRule,
            "",
            "A caller's namespace has a DestinationRule for the host",
            &format!(
                "DestinationRule {} is for {own_host} as well: callers in its namespace use it in place of the rule of this service, \
                 with its subsets, limits and TLS settings. Have it removed, or agree on what it sets.",
                summarize_objects(found)
            ),
        );
    }
    Ok(())
}

/// The namespaces of the callers that arguments name, other than the service's own.
fn caller_namespaces(view: &ServiceView) -> Known<BTreeSet<String>> {
    let namespaces = access::callers(&view.context)?.into_iter().filter_map(|caller| match caller {
        Caller::Namespace(namespace)
        | Caller::Workload { namespace: Some(namespace), .. }
        | Caller::Principal { namespace, .. } => Some(namespace),
        Caller::Anonymous | Caller::Any | Caller::Workload { namespace: None, .. } => None,
    });
    Ok(namespaces.filter(|namespace| namespace != view.context.namespace && !namespace.contains('*')).collect())
}

/// A Sidecar without a workload selector applies only to pods that no other Sidecar selects.
fn check_sidecars(view: &ServiceView, out: &mut Findings) -> Known<()> {
    if !view.renders(&kind::SIDECAR) {
        return Ok(());
    }
    let mut found = Vec::new();
    for live in view.conflict_candidates(&kind::SIDECAR)? {
        let selector = string_map(live, &["spec", "workloadSelector", "labels"]);
        if !selector.is_empty() && view.shares_pods_with(&selector)? {
            found.push(live);
        }
    }
    if !found.is_empty() {
        out.report(
            SecondSidecar,
            "calls",
            "Another Sidecar selects the same pods",
            &format!(
                "Sidecar {} selects pods of this service as well, and it isn't defined which of the two applies. Remove the other one, \
                 or name it in replaces, or leave out calls here.",
                summarize_objects(found)
            ),
        );
    }
    Ok(())
}

/// The fully qualified form of a host in an object of the service's namespace.
fn qualified(view: &ServiceView, host: &str) -> String {
    fully_qualified_host(host, view.context.namespace, &view.context.mesh.cluster_domain)
}
