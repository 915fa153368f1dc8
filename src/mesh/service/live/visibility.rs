//! The namespaces that see the live Service today, and that won't see it after the apply.

use std::collections::BTreeSet;

use super::{queries::LiveQueries, view::ServiceView};
use crate::{
    diagnostics::Path,
    known::{Known, Unknown},
    mesh::{
        checks::{Code::NarrowedVisibility, Findings},
        live_objects::{Visibility, service_visibility},
        service::{AuthorizationMode, ServiceManagement},
    },
    object::{Object, kind},
};

pub(super) fn live_queries(view: &ServiceView, queries: &mut LiveQueries) {
    if matches!(view.context.service.management(), Ok(ServiceManagement::Existing | ServiceManagement::Managed)) {
        queries.list(&kind::SERVICE, view.context.namespace, &[NarrowedVisibility]);
    }
}

pub(super) fn live_checks(view: &ServiceView, out: &mut Findings) {
    // The check is skipped where it needs an unknown value or a query without a result.
    let _ = check_narrowing(view, out);
}

fn check_narrowing(view: &ServiceView, out: &mut Findings) -> Known<()> {
    let Some(live) = view.live_service()? else { return Ok(()) };
    let rendered = view.rendered(&kind::SERVICE).next().ok_or(Unknown)?;
    let (before, after) = (service_visibility(live), service_visibility(&rendered.body));
    let Some(excluded) = excluded_namespaces(&before, &after) else { return Ok(()) };
    let advice = if view.context.authorization_mode()? == AuthorizationMode::Enforce {
        "If workloads there should still call, add them to allow, or apply with authorization_mode = \"dry_run\" first: the service \
         stays visible, the proxies count the calls that would be refused, and you enforce when there are none."
    } else {
        "If workloads there should still call, add their namespaces to export_to."
    };
    let consequence = if view.context.mesh.installed.refuses_unknown_hosts() {
        "fail"
    } else {
        "leave the mesh as clear text, without identity,"
    };
    out.report_at(
        NarrowedVisibility,
        argument_of(rendered, "metadata.annotations"),
        "Fewer namespaces see the live service",
        &format!(
            "Service {} is visible to {before} today, and to {after} after this apply. Calls from {excluded} {consequence} from \
             then on. {advice}",
            view.id()
        ),
    );
    Ok(())
}

/// The namespaces that only the visibility `before` includes, as a message lists them. `None`: there are none.
pub(super) fn excluded_namespaces(before: &Visibility, after: &Visibility) -> Option<String> {
    match (before, after) {
        (_, Visibility::AllNamespaces) => None,
        (Visibility::AllNamespaces, Visibility::Namespaces(_)) => Some("all others".to_owned()),
        (Visibility::Namespaces(before), Visibility::Namespaces(after)) => {
            let excluded: BTreeSet<&str> = before.difference(after).map(String::as_str).collect();
            (!excluded.is_empty()).then(|| excluded.into_iter().collect::<Vec<_>>().join(", "))
        }
    }
}

/// The argument that a field of a rendered object comes from.
fn argument_of(object: &Object, field: &str) -> Path {
    let origins = object.origins.iter().filter(|(prefix, _)| field.starts_with(prefix.as_str()));
    origins.max_by_key(|(prefix, _)| prefix.len()).map(|(_, path)| path.clone()).unwrap_or_default()
}
