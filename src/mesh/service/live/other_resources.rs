//! Other `mesh_service` resources of the namespace with the same pods or the same service account, by the arguments that
//! their objects record.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;

use super::{queries::LiveQueries, view::ServiceView};
use crate::{
    known::{Known, as_known},
    mesh::{
        checks::{
            Code::{SharedAccount, SharedWorkload},
            Findings,
        },
        labels::default_selector,
        live_objects::{annotation_value, format_labels, selector_matches_object, summarize_names},
        manifest::StringMap,
        service::Service,
    },
    object::{Kind, annotation, kind, resource_id, resource_type},
    schema::recorded::recorded_arguments,
};

/// The kinds of the objects of a `mesh_service` that may record its arguments. Only one of them does.
const RECORDING_KINDS: [&Kind; 7] = [
    &kind::SERVICE_ENTRY,
    &kind::DESTINATION_RULE,
    &kind::VIRTUAL_SERVICE,
    &kind::AUTHORIZATION_POLICY,
    &kind::SIDECAR,
    &kind::SERVICE,
    &kind::SERVICE_ACCOUNT,
];

pub(super) fn live_queries(view: &ServiceView, queries: &mut LiveQueries) {
    for kind in RECORDING_KINDS {
        queries.list(kind, view.context.namespace, &[SharedAccount, SharedWorkload]);
    }
}

pub(super) fn live_checks(view: &ServiceView, out: &mut Findings) {
    let lists = RECORDING_KINDS.map(|kind| view.live_objects(kind));
    // A list that can't be read may have the records of services whose other objects have none.
    let is_complete = lists.iter().all(Result::is_ok);
    let records = records(&view.id(), lists.into_iter().flatten().flatten());
    if is_complete {
        check_recording(&records, out);
    }
    let own = OwnWorkload::of(view);
    let others: BTreeMap<&str, Service> =
        records.iter().filter_map(|(id, texts)| Some((*id, own.arguments_of_other(texts)?))).collect();
    // Each check is skipped where it needs an unknown value.
    let _ = check_workloads(&own, &others, out);
    let _ = check_accounts(&own, &others, out);
}

/// The texts of the arguments that each other `mesh_service` of the namespace records, by the id of the resource. An apply that
/// ended early may leave several of a resource.
fn records<'a>(own_id: &str, objects: impl Iterator<Item = &'a Json>) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut records: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for live in objects {
        let resource = annotation_value(live, annotation::RESOURCE);
        let id = resource.and_then(|resource| resource_id(resource_type::SERVICE, resource));
        if let Some(id) = id.filter(|id| *id != own_id) {
            records.entry(id).or_default().extend(annotation_value(live, annotation::ARGUMENTS));
        }
    }
    records
}

/// The pods and the identity of the service.
struct OwnWorkload<'a> {
    selector: Known<StringMap>,
    pods: Vec<&'a Json>,
    account: Known<&'a String>,
}

/// The arguments of [`Service`] that say which pods and which identity another service has.
#[derive(Deserialize)]
struct OtherWorkload {
    name: String,
    selector: Option<StringMap>,
    service_account: Option<String>,
}

impl<'a> OwnWorkload<'a> {
    fn of(view: &ServiceView<'a>) -> Self {
        Self {
            selector: view.context.selector(),
            pods: view.pods().unwrap_or_default(),
            account: view.context.service.service_account(),
        }
    }

    fn shares_pods(&self, other: &StringMap) -> bool {
        as_known(&self.selector) == Ok(other) || self.pods.iter().any(|pod| selector_matches_object(other, pod))
    }

    /// Decodes the first of the records of another service by which it may have the same pods or the same identity. A namespace
    /// may have hundreds of services, nearly all of which have neither, and to decode all arguments takes many times as long as
    /// to read these. `None`, too, for arguments that can't be decoded.
    fn arguments_of_other(&self, texts: &[&str]) -> Option<Service> {
        let is_apart = |other: OtherWorkload| {
            let OtherWorkload { name, selector, service_account } = other;
            !self.shares_pods(&selector.unwrap_or_else(|| default_selector(&name)))
                && self.account != Ok(&service_account.unwrap_or(name))
        };
        let mut candidates = texts.iter().filter(|text| !serde_json::from_str(text).is_ok_and(is_apart));
        candidates.find_map(|text| recorded_arguments(text))
    }
}

/// Reports resources without recorded arguments, which the other checks can't compare.
fn check_recording(records: &BTreeMap<&str, Vec<&str>>, out: &mut Findings) {
    let unrecorded: Vec<&str> = records.iter().filter(|(_, texts)| texts.is_empty()).map(|(id, _)| *id).collect();
    if !unrecorded.is_empty() {
        out.report(
            SharedWorkload,
            "selector",
            "Other services don't record their arguments",
            &format!(
                "The mesh_service {} was written with record_arguments = false, so whether it selects the same pods or has the \
                 same service account isn't known.",
                summarize_names(unrecorded)
            ),
        );
    }
}

/// The resources that satisfy a condition, as messages list them. `None`: there are none.
fn resources_where(others: &BTreeMap<&str, Service>, condition: impl Fn(&Service) -> bool) -> Option<String> {
    let found = others.iter().filter(|(_, arguments)| condition(arguments));
    let found: Vec<String> = found.map(|(id, _)| format!("{} {id}", resource_type::SERVICE)).collect();
    (!found.is_empty()).then(|| summarize_names(found.iter().map(String::as_str)))
}

fn check_workloads(own: &OwnWorkload, others: &BTreeMap<&str, Service>, out: &mut Findings) -> Known<()> {
    let selector = as_known(&own.selector)?;
    let shares_pods = |other: &Service| other.selector().is_ok_and(|selector| own.shares_pods(&selector));
    if let Some(found) = resources_where(others, shares_pods) {
        out.report(
            SharedWorkload,
            "selector",
            "Another mesh_service selects the same pods",
            &format!(
                "{found} selects pods that {} selects here, so each admits the callers of the other. Select by labels that only one \
                 of the workloads carries.",
                format_labels(selector)
            ),
        );
    }
    Ok(())
}

fn check_accounts(own: &OwnWorkload, others: &BTreeMap<&str, Service>, out: &mut Findings) -> Known<()> {
    let account = own.account?;
    let has_account = |other: &Service| other.service_account() == Ok(account);
    if let Some(found) = resources_where(others, has_account) {
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
