//! Objects of other tools for the global name of the service, in any namespace.

use serde_json::Value as Json;

use super::{queries::LiveQueries, view::ServiceView};
use crate::{
    mesh::{
        checks::{
            Code::{SecondServiceEntry, SecondVirtualService},
            Findings,
        },
        live_objects::{namespace, routes_in_mesh, strings, summarize_objects},
    },
    object::{Kind, kind},
};

pub(super) fn live_queries(view: &ServiceView, queries: &mut LiveQueries) {
    if view.renders(&kind::SERVICE_ENTRY) {
        queries.list_all_namespaces(&kind::SERVICE_ENTRY, &[SecondServiceEntry]);
        queries.list_all_namespaces(&kind::VIRTUAL_SERVICE, &[SecondVirtualService]);
    }
}

pub(super) fn live_checks(view: &ServiceView, out: &mut Findings) {
    let entries = view.rendered(&kind::SERVICE_ENTRY);
    let global_names: Vec<&str> = entries.flat_map(|object| strings(&object.body, &["spec", "hosts"])).collect();
    if !global_names.is_empty() {
        check_service_entries(view, &global_names, out);
        check_virtual_services(view, &global_names, out);
    }
}

/// The live objects of a kind that list the global name in `spec.hosts`. There are none where the query has no result.
fn conflict_candidates<'a>(view: &ServiceView<'a>, kind: &'static Kind, global_names: &[&str]) -> Vec<&'a Json> {
    let mut live = view.results.list_all_namespaces(kind).unwrap_or_default();
    live.retain(|live| {
        view.may_conflict(kind, live) && strings(live, &["spec", "hosts"]).any(|host| global_names.contains(&host))
    });
    live
}

fn check_service_entries(view: &ServiceView, global_names: &[&str], out: &mut Findings) {
    let found = conflict_candidates(view, &kind::SERVICE_ENTRY, global_names);
    if !found.is_empty() {
        out.report(
            SecondServiceEntry,
            "global_name",
            "Global name is defined by two objects",
            &format!(
                "ServiceEntry {} defines {} as well: callers of that name reach one of the two, usually the older one. Remove the other one, or choose another global_name.",
                summarize_objects(found),
                global_names.join(", ")
            ),
        );
    }
}

fn check_virtual_services(view: &ServiceView, global_names: &[&str], out: &mut Findings) {
    let mut found = conflict_candidates(view, &kind::VIRTUAL_SERVICE, global_names);
    // The checks of conflicts report those of the own namespace.
    found.retain(|live| routes_in_mesh(live) && namespace(live) != view.context.namespace);
    if !found.is_empty() {
        out.report(
            SecondVirtualService,
            "global_name",
            "The global name is routed elsewhere",
            &format!(
                "VirtualService {} routes {} as well. Istio doesn't merge the two: one applies, the other has no effect. Remove the other one, or choose another global_name.",
                summarize_objects(found),
                global_names.join(", ")
            ),
        );
    }
}
