//! Whether the mesh refuses calls of unknown hosts, on which a service relies that is hidden from namespaces or whose Sidecar
//! inherits that policy.

use super::{queries::LiveQueries, view::ServiceView};
use crate::{
    mesh::{
        checks::Findings,
        istio::sidecar::UnlistedCalls,
        live_objects::{Visibility, object_visibility, service_visibility},
        outbound_policy,
    },
    object::kind,
};

pub(super) fn live_queries(view: &ServiceView, queries: &mut LiveQueries) {
    if is_hidden(view) || inherits(view) {
        queries.0.extend(outbound_policy::live_queries(view.context.mesh));
    }
}

pub(super) fn live_checks(view: &ServiceView, out: &mut Findings) {
    let consequence = if is_hidden(view) {
        format!(
            "{} is hidden from namespaces: a call from a proxy there leaves as clear text, without identity, with the credentials \
             in its headers, whatever mtls is.",
            view.id()
        )
    } else if inherits(view) {
        format!("Calls of {} to services of the mesh that calls doesn't list leave as clear text.", view.id())
    } else {
        return;
    };
    outbound_policy::live_checks(view.context.mesh, view.results, &consequence, out);
}

/// Whether a rendered object is exported to some namespaces only. The ServiceEntry of a global name doesn't count: where it is
/// hidden, the name doesn't exist.
fn is_hidden(view: &ServiceView) -> bool {
    let is_narrow = |visibility: Visibility| visibility != Visibility::AllNamespaces;
    view.rendered(&kind::SERVICE).any(|object| is_narrow(service_visibility(&object.body)))
        || view.rendered(&kind::DESTINATION_RULE).any(|object| is_narrow(object_visibility(&object.body)))
}

fn inherits(view: &ServiceView) -> bool {
    view.renders(&kind::SIDECAR) && view.context.service.outbound_traffic_policy() == Ok(UnlistedCalls::Inherit)
}
