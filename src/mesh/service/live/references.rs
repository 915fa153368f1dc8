//! What the rendered objects name and other tools create: pods of versions, Gateways, token issuers, external authorizers.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::{queries::LiveQueries, view::ServiceView};
use crate::{
    diagnostics::Path,
    json_path::text,
    known::Known,
    mesh::{
        checks::{
            Code::{GatewayHost, MissingIssuer, MissingProvider, MissingReference, NoVersion},
            Findings,
        },
        live_issuers::{self, Workloads},
        live_objects::{
            hosts_overlap, items, labels, name, namespace, selector_matches_labels, string_map, strings,
            summarize_names,
        },
        mesh_config::{self, MeshConfig},
    },
    object::{Object, kind},
};

pub(super) fn live_queries(view: &ServiceView, queries: &mut LiveQueries) {
    let (home, root) = (view.context.namespace, view.context.mesh.root_namespace.as_str());
    if subsets(view).next().is_some() {
        queries.list(&kind::POD, home, &[NoVersion]);
    }
    let gateways = gateway_references(view).filter_map(|(_, gateway)| gateway.split_once('/'));
    for namespace in gateways.map(|(namespace, _)| namespace).collect::<BTreeSet<_>>() {
        queries.list(&kind::GATEWAY, namespace, &[MissingReference, GatewayHost]);
    }
    if live_issuers::are_required(&policies(view)) {
        queries.list(&kind::REQUEST_AUTHENTICATION, home, &[MissingIssuer]);
        queries.list(&kind::REQUEST_AUTHENTICATION, root, &[MissingIssuer]);
    }
    if external_authorizers(view).next().is_some() {
        for key in mesh_config::keys(view.context.mesh) {
            queries.get(key, &[MissingProvider]);
        }
    }
}

pub(super) fn live_checks(view: &ServiceView, out: &mut Findings) {
    // Each check is skipped where it needs an unknown value or a query without a result.
    let _ = check_versions(view, out);
    for (virtual_service, gateway) in gateway_references(view) {
        let _ = check_gateway(view, virtual_service, gateway, out);
    }
    if let Ok(labels) = view.pod_labels() {
        let workloads = Workloads { name: "this service", namespace: view.context.namespace, labels: &labels };
        let _ = live_issuers::check(&policies(view), &workloads, view.context.mesh, view.results, out);
    }
    let _ = check_external_authorizers(view, out);
}

// === versions ===

/// The subsets of the rendered DestinationRule, one for each version.
fn subsets<'a>(view: &ServiceView<'a>) -> impl Iterator<Item = &'a Json> {
    view.rendered(&kind::DESTINATION_RULE).flat_map(|object| items(&object.body, &["spec", "subsets"]))
}

fn check_versions(view: &ServiceView, out: &mut Findings) -> Known<()> {
    let pods = view.pods()?;
    if pods.is_empty() {
        // The checks of the workload report it.
        return Ok(());
    }
    let has_pods = |subset: &Json| {
        let subset_labels = string_map(subset, &["labels"]);
        pods.iter().any(|pod| selector_matches_labels(&subset_labels, &labels(pod)))
    };
    let without_pods: Vec<&str> =
        subsets(view).filter(|subset| !has_pods(subset)).filter_map(|subset| text(subset, &["name"])).collect();
    if !without_pods.is_empty() {
        out.report(
            NoVersion,
            "version",
            "No pod matches the version",
            &format!(
                "No pod of this service carries the labels of version {}: requests that are sent there fail with 503. Roll the \
                 version out before it gets any, or correct its labels.",
                summarize_names(without_pods)
            ),
        );
    }
    Ok(())
}

// === Gateways ===

/// The rendered VirtualServices of gateways, each with every gateway that it names.
fn gateway_references<'a>(view: &ServiceView<'a>) -> impl Iterator<Item = (&'a Object, &'a str)> {
    let references =
        |object: &'a Object| strings(&object.body, &["spec", "gateways"]).map(move |gateway| (object, gateway));
    view.rendered(&kind::VIRTUAL_SERVICE).flat_map(references).filter(|(_, gateway)| *gateway != "mesh")
}

fn check_gateway(view: &ServiceView, virtual_service: &Object, gateway: &str, out: &mut Findings) -> Known<()> {
    let Some((gateway_namespace, gateway_name)) = gateway.split_once('/') else { return Ok(()) };
    let gateways = view.results.list(&kind::GATEWAY, gateway_namespace)?;
    let Some(live) = gateways.into_iter().find(|live| name(live) == gateway_name) else {
        out.report(
            MissingReference,
            "ingress",
            "Gateway doesn't exist",
            &format!(
                "There is no Gateway {gateway_name} in {gateway_namespace}, so requests for its hosts don't reach the service. If this run creates it, ignore this; otherwise correct gateway: namespace/name of Istio's Gateway, not of its Deployment."
            ),
        );
        return Ok(());
    };
    let entries: Vec<&str> =
        items(live, &["spec", "servers"]).iter().flat_map(|server| strings(server, &["hosts"])).collect();
    let is_served =
        |host: &&str| entries.iter().any(|entry| serves(entry, namespace(live), host, view.context.namespace));
    let unserved: Vec<&str> =
        strings(&virtual_service.body, &["spec", "hosts"]).filter(|host| !is_served(host)).collect();
    if !unserved.is_empty() {
        out.report(
            GatewayHost,
            "ingress",
            "The Gateway doesn't serve a host",
            &format!(
                "Gateway {gateway} serves {}, not {} for namespace {}: requests for it get 404. Add the host to the Gateway, or \
                 correct hosts.",
                if entries.is_empty() { "no host".to_owned() } else { summarize_names(entries.iter().copied()) },
                summarize_names(unserved.iter().copied()),
                view.context.namespace
            ),
        );
    }
    Ok(())
}

/// Whether an entry of a server's `hosts`, `host` or `namespace/host`, admits routes of `route_namespace` for `host`.
fn serves(entry: &str, gateway_namespace: &str, host: &str, route_namespace: &str) -> bool {
    let (admitted, entry) = entry.split_once('/').unwrap_or(("*", entry));
    let is_admitted =
        admitted == "*" || admitted == route_namespace || admitted == "." && route_namespace == gateway_namespace;
    is_admitted && hosts_overlap(entry, host)
}

/// The bodies of the rendered AuthorizationPolicies.
fn policies<'a>(view: &ServiceView<'a>) -> Vec<&'a Json> {
    view.rendered(&kind::AUTHORIZATION_POLICY).map(|object| &object.body).collect()
}

// === external authorizers ===

/// The extension providers that the rendered policies name.
fn external_authorizers<'a>(view: &ServiceView<'a>) -> impl Iterator<Item = &'a str> {
    view.rendered(&kind::AUTHORIZATION_POLICY).filter_map(|object| text(&object.body, &["spec", "provider", "name"]))
}

fn check_external_authorizers(view: &ServiceView, out: &mut Findings) -> Known<()> {
    for key in mesh_config::keys(view.context.mesh) {
        // A revision that can't be read may define the authorizer.
        view.results.get(&key)?;
    }
    let root = &view.context.mesh.root_namespace;
    let meshes = mesh_config::read(view.context.mesh, view.results);
    if meshes.is_empty() {
        // istiod gets the mesh configuration from another place, which the check can't read.
        return Ok(());
    }
    let defined: BTreeSet<&str> = meshes.iter().flat_map(MeshConfig::external_authorizers).collect();
    for provider in external_authorizers(view).filter(|provider| !defined.contains(provider)) {
        out.report_at(
            MissingProvider,
            Path::root().attribute("external_authorization"),
            "Unknown extension provider",
            &format!(
                "The mesh's configuration in {root} doesn't define {provider} as an authorizer{}: every request that it would be \
                 asked about is refused. Correct provider, or have it added to extensionProviders.",
                if defined.is_empty() { String::new() } else { format!(", but {}", summarize_names(defined.iter().copied())) }
            ),
        );
    }
    Ok(())
}
