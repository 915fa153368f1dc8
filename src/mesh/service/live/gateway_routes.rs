//! VirtualServices of other resources and tools that match the same at a gateway as those of this service.

use serde_json::Value as Json;

use super::{queries::LiveQueries, view::ServiceView};
use crate::{
    mesh::{
        checks::{Code::OverlappingIngress, Findings},
        gateway_matches::{GatewayMatch, gateway_matches},
        live_objects::namespaced_name,
    },
    object::kind,
};

pub(super) fn live_queries(view: &ServiceView, queries: &mut LiveQueries) {
    if !own_matches(view).is_empty() {
        queries.list_all_namespaces(&kind::VIRTUAL_SERVICE, &[OverlappingIngress]);
        queries.list(&kind::VIRTUAL_SERVICE, view.context.namespace, &[OverlappingIngress]);
    }
}

pub(super) fn live_checks(view: &ServiceView, out: &mut Findings) {
    let own = own_matches(view);
    // Teams often may read only their own namespace.
    let all = view.results.list_all_namespaces(&kind::VIRTUAL_SERVICE);
    let Ok(live) = all.or_else(|_| view.live_objects(&kind::VIRTUAL_SERVICE)) else { return };
    for other in live.into_iter().filter(|live| view.may_conflict(&kind::VIRTUAL_SERVICE, live)) {
        if let Some((own, their)) = overlap(&own, other) {
            out.report(
                OverlappingIngress,
                "ingress",
                "Another VirtualService overlaps at a gateway",
                &format!(
                    "VirtualService {} routes {their}, and this service routes {own}. Which of the two gets requests that \
                     match both depends on their exportTo and their ages. Write hosts or paths that don't overlap. If this \
                     run changes the other VirtualService, ignore this.",
                    namespaced_name(other)
                ),
            );
        }
    }
}

fn own_matches(view: &ServiceView) -> Vec<GatewayMatch> {
    view.rendered(&kind::VIRTUAL_SERVICE).flat_map(|object| gateway_matches(&object.body)).collect()
}

fn overlap<'a>(own: &'a [GatewayMatch], other: &Json) -> Option<(&'a GatewayMatch, GatewayMatch)> {
    gateway_matches(other).into_iter().find_map(|their| Some((own.iter().find(|own| own.overlaps(&their))?, their)))
}
