//! Who sees the live service today, and won't any more. Its Service is asked for with the others of its kind.

use std::collections::BTreeSet;

use super::{
    View, blamed,
    live_objects::{Visibility, service_visibility},
};
use crate::{
    known::{Known, Unknown},
    mesh::{
        checks::{Code::NarrowedVisibility, Findings},
        service::AuthorizationMode,
    },
    object::kind,
};

pub(super) fn live_checks(view: &View, out: &mut Findings) {
    let _ = narrowed(view, out);
}

fn narrowed(view: &View, out: &mut Findings) -> Known<()> {
    let Some(live) = view.service()? else { return Ok(()) };
    let wanted = view.wanted(&kind::SERVICE).next().ok_or(Unknown)?;
    let (before, after) = (service_visibility(live), service_visibility(&wanted.body));
    let gone = match (&before, &after) {
        (_, Visibility::AllNamespaces) => return Ok(()),
        (Visibility::AllNamespaces, Visibility::Namespaces(_)) => "all others".to_owned(),
        (Visibility::Namespaces(before), Visibility::Namespaces(after)) => {
            let gone: BTreeSet<&str> = before.difference(after).map(String::as_str).collect();
            if gone.is_empty() {
                return Ok(());
            }
            gone.into_iter().collect::<Vec<_>>().join(", ")
        }
    };
    let stage = if view.site.authorization_mode()? == AuthorizationMode::Enforce {
        "If somebody there may still call, add them to allow, or apply with authorization_mode = \"dry_run\" first: the service \
         stays visible, the proxies count who would be refused, and you enforce when nobody is."
    } else {
        "If somebody there may still call, add them to export_to."
    };
    out.report_at(
        NarrowedVisibility,
        blamed(wanted, "metadata.annotations"),
        "Fewer namespaces see the live service",
        &format!(
            "Service {} is visible to {before} today, and to {after} after this apply. Calls from {gone} fail from then on. \
             {stage}",
            view.id()
        ),
    );
    Ok(())
}
