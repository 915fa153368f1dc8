//! Other `mesh_service` resources of the namespace with the same pods or the same service account, by the arguments that
//! their objects record.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::{queries::LiveQueries, view::ServiceView};
use crate::{
    known::Known,
    mesh::{
        checks::{
            Code::{SharedAccount, SharedWorkload},
            Findings,
        },
        live_objects::{annotation_value, format_labels, selector_matches_object, summarize_names},
        service::Service,
    },
    object::{Kind, annotation, kind, resource_id, resource_type},
    schema::recorded::recorded_arguments,
};

/// The kinds of the objects of a `mesh_service` that may record its arguments. Only one of them does.
const RECORDING_KINDS: [&Kind; 5] = [
    &kind::SERVICE_ENTRY,
    &kind::DESTINATION_RULE,
    &kind::VIRTUAL_SERVICE,
    &kind::AUTHORIZATION_POLICY,
    &kind::SIDECAR,
];

pub(super) fn live_queries(view: &ServiceView, queries: &mut LiveQueries) {
    for kind in RECORDING_KINDS {
        queries.list(kind, view.context.namespace, &[SharedAccount, SharedWorkload]);
    }
}

pub(super) fn live_checks(view: &ServiceView, out: &mut Findings) {
    let others = other_resources(view);
    check_recording(view, out);
    // Each check is skipped where it needs an unknown value.
    let _ = check_workloads(view, &others, out);
    let _ = check_accounts(view, &others, out);
}

/// The arguments of the other `mesh_service` resources in the namespace, by the id of the resource. Resources whose recorded
/// arguments can't be decoded are left out.
fn other_resources(view: &ServiceView) -> BTreeMap<String, Service> {
    let live = RECORDING_KINDS.into_iter().filter_map(|kind| view.live_objects(kind).ok()).flatten();
    live.filter_map(|live| {
        let annotation = |key: &str| annotation_value(live, key);
        let id = resource_id(resource_type::SERVICE, annotation(annotation::RESOURCE)?)?;
        let arguments = annotation(annotation::ARGUMENTS).filter(|_| id != view.id())?;
        Some((id.to_owned(), recorded_arguments(arguments)?))
    })
    .collect()
}

/// Reports resources without recorded arguments, which the other checks can't compare.
fn check_recording(view: &ServiceView, out: &mut Findings) {
    let live = || RECORDING_KINDS.into_iter().filter_map(|kind| view.live_objects(kind).ok()).flatten();
    let id = |live: &Json| {
        let resource = annotation_value(live, annotation::RESOURCE)?;
        resource_id(resource_type::SERVICE, resource).filter(|id| *id != view.id()).map(str::to_owned)
    };
    let records = |live: &Json| annotation_value(live, annotation::ARGUMENTS).is_some();
    let all: BTreeSet<String> = live().filter_map(id).collect();
    let recorded: BTreeSet<String> = live().filter(|live| records(live)).filter_map(id).collect();
    let unrecorded: Vec<&str> = all.difference(&recorded).map(String::as_str).collect();
    if !unrecorded.is_empty() {
        out.report(
            SharedWorkload,
            "selector",
            "Other services don't record their arguments",
            &format!(
                "The mesh_service {} was written with record_arguments = false, so whether it selects the same pods or has the \
                 same service account isn't known.",
                summarize_names(unrecorded.into_iter())
            ),
        );
    }
}

/// The resources that satisfy a condition, as messages list them. `None`: there are none.
fn resources_where(others: &BTreeMap<String, Service>, condition: impl Fn(&Service) -> bool) -> Option<String> {
    let found = others.iter().filter(|(_, arguments)| condition(arguments));
    let found: Vec<String> = found.map(|(id, _)| format!("{} {id}", resource_type::SERVICE)).collect();
    (!found.is_empty()).then(|| summarize_names(found.iter().map(String::as_str)))
}

fn check_workloads(view: &ServiceView, others: &BTreeMap<String, Service>, out: &mut Findings) -> Known<()> {
    let selector = view.context.selector()?;
    let pods = view.pods().unwrap_or_default();
    let shares_pods = |other: &Service| {
        other
            .selector()
            .is_ok_and(|other| other == selector || pods.iter().any(|pod| selector_matches_object(&other, pod)))
    };
    if let Some(found) = resources_where(others, shares_pods) {
        out.report(
            SharedWorkload,
            "selector",
            "Another mesh_service selects the same pods",
            &format!(
                "{found} selects pods that {} selects here, so each admits the callers of the other. Select by labels that only one \
                 of the workloads carries.",
                format_labels(&selector)
            ),
        );
    }
    Ok(())
}

fn check_accounts(view: &ServiceView, others: &BTreeMap<String, Service>, out: &mut Findings) -> Known<()> {
    let account = view.context.service.service_account()?;
    if let Some(found) = resources_where(others, |other| other.service_account() == Ok(account)) {
        out.report(
            SharedAccount,
            "service_account",
            "Another mesh_service has the same identity",
            &format!(
                "{found} runs as {account} as well, so a rule that admits one of them admits both. Give each workload a service \
                 account of its own.",
            ),
        );
    }
    Ok(())
}
