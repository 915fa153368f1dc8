//! Defaults of the mesh that the objects of a service hide without setting them. A DestinationRule inherits nothing from that of
//! the root namespace, and the EnvoyFilter of the root namespace changes only routes that set neither timeout nor retries.

use serde_json::Value as Json;

use super::{queries::LiveQueries, view::ServiceView};
use crate::{
    json_path::{at, text},
    known::Known,
    mesh::{
        checks::{Code::HiddenDefaults, Findings},
        duration::Duration,
        istio::virtual_service::HttpRoute,
        live_objects::{Visibility, hosts_overlap, items, object_visibility, routes_in_mesh, summarize_names},
        names,
        resiliency::Preset,
    },
    object::{Key, kind},
    schema::Attr,
};

pub(super) fn live_queries(view: &ServiceView, queries: &mut LiveQueries) {
    let root = &view.context.mesh.root_namespace;
    if view.renders(&kind::DESTINATION_RULE) && view.context.resiliency() == Ok(None) {
        queries.list(&kind::DESTINATION_RULE, root, &[HiddenDefaults]);
    }
    if routes(view).next().is_some() {
        queries.get(route_filter(view), &[HiddenDefaults]);
    }
}

pub(super) fn live_checks(view: &ServiceView, out: &mut Findings) {
    // Each check is skipped where it needs an unknown value or a query without a result.
    let _ = check_destination_rule(view, out);
    let _ = check_routes(view, out);
}

fn check_destination_rule(view: &ServiceView, out: &mut Findings) -> Known<()> {
    // A preset, also `none`, is meant to take the place of the mesh's defaults.
    if !view.renders(&kind::DESTINATION_RULE) || view.context.resiliency()?.is_some() {
        return Ok(());
    }
    let host = view.context.host();
    let is_default = |live: &&Json| {
        text(live, &["spec", "host"]).is_some_and(|wildcard| wildcard != host && hosts_overlap(wildcard, &host))
            && at(live, &["spec", "workloadSelector"]).is_null()
            && object_visibility(live) == Visibility::AllNamespaces
    };
    let defaults = view.results.list(&kind::DESTINATION_RULE, &view.context.mesh.root_namespace)?;
    let policies = defaults.into_iter().filter(is_default).map(|live| at(live, &["spec", "trafficPolicy"]));
    let fields: Vec<&str> =
        policies.filter_map(Json::as_object).flat_map(|policy| policy.keys().map(String::as_str)).collect();
    if !fields.is_empty() {
        out.report(
            HiddenDefaults,
            "",
            "The mesh's default DestinationRule no longer applies",
            &format!(
                "Callers of this service use its own DestinationRule instead of the mesh's default in {}, and Istio \
                 doesn't merge the two. The default sets {}: each of these applies to this service only if it is set here. \
                 Write resiliency, or the settings that the service needs in circuit_breaker, connections, \
                 outlier_detection and load_balancing.",
                view.context.mesh.root_namespace,
                summarize_names(fields)
            ),
        );
    }
    Ok(())
}

fn check_routes(view: &ServiceView, out: &mut Findings) -> Known<()> {
    let Some(filter) = view.results.get(&route_filter(view))? else { return Ok(()) };
    let sets = |field: &str| {
        let patches = items(filter, &["spec", "configPatches"]);
        patches.iter().any(|patch| !at(patch, &["patch", "value", "route", field]).is_null())
    };
    let lacks = |field: &str| routes(view).any(|route| at(route, &[field]).is_null());
    let timeout = sets("timeout") && lacks("timeout") && !has_no_timeout(view)?;
    let retries = sets("retry_policy") && lacks("retries");
    let (hidden, arguments) = match (timeout, retries) {
        (true, true) => ("timeout and retries", "request_timeout (\"0s\" for none) and retries"),
        (true, false) => ("timeout", "request_timeout (\"0s\" for none)"),
        (false, true) => ("retries", "retries"),
        (false, false) => return Ok(()),
    };
    out.report(
        HiddenDefaults,
        "",
        "Routes lose the mesh's default timeout or retries",
        &format!(
            "EnvoyFilter {}/{} changes routes that have no name and set neither timeout nor retries. Routes of this service set one \
             of the two, or have a name, and so lose the mesh's {hidden}. Write {arguments} here.",
            view.context.mesh.root_namespace,
            names::DEFAULT_ROUTE_FILTER
        ),
    );
    Ok(())
}

/// Whether the arguments say that requests have no timeout.
fn has_no_timeout(view: &ServiceView) -> Known<bool> {
    let traffic = &view.context.service.traffic;
    Ok(traffic.streaming()?
        || traffic.request_timeout == Attr::Known(Duration::ZERO)
        || view.context.resiliency()? == Some(Preset::None))
}

/// The rendered routes for callers in the mesh that forward requests and don't get the mesh's defaults.
fn routes<'a>(view: &ServiceView<'a>) -> impl Iterator<Item = &'a Json> {
    let in_mesh = view.rendered(&kind::VIRTUAL_SERVICE).filter(|object| routes_in_mesh(&object.body));
    let routes = in_mesh.flat_map(|object| items(&object.body, &["spec", "http"]));
    routes.filter(|route| !at(route, &["route"]).is_null() && text(route, &["name"]) != Some(HttpRoute::GENERATED))
}

fn route_filter(view: &ServiceView) -> Key {
    Key::new(&kind::ENVOY_FILTER, &view.context.mesh.root_namespace, names::DEFAULT_ROUTE_FILTER)
}
