//! The callees in `calls`: whether they exist, and whether they are visible in the namespace of the service.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::{queries::LiveQueries, view::ServiceView};
use crate::{
    known::Known,
    mesh::{
        checks::{
            Code::{HiddenCallee, MissingReference},
            Findings,
        },
        live_objects::{Visibility, hosts_overlap, namespaced_name, object_visibility, service_visibility, strings},
        reference::Destination,
    },
    object::{Key, kind},
};

/// The callees that `calls` names one by one. A whole namespace isn't checked.
struct Callees<'a> {
    /// The Services.
    services: Vec<Key>,
    /// The hosts outside the mesh.
    hosts: Vec<ExternalHost<'a>>,
}

/// A host outside the mesh, and the namespace of its ServiceEntry.
struct ExternalHost<'a> {
    namespace: &'a str,
    host: &'a str,
}

fn callees<'a>(view: &ServiceView<'a>) -> Known<Callees<'a>> {
    let mut callees = Callees { services: Vec::new(), hosts: Vec::new() };
    let site = view.context;
    for destination in site.service.calls.elements()?.into_iter().flatten() {
        match destination {
            Destination::Namespace(_) => {}
            Destination::Service { namespace, name } => {
                let namespace = namespace.as_deref().unwrap_or(site.namespace);
                callees.services.push(Key::new(&kind::SERVICE, namespace, name));
            }
            Destination::Host { namespace, host } => {
                let namespace = namespace.as_deref().unwrap_or(&site.mesh.root_namespace);
                callees.hosts.push(ExternalHost { namespace, host });
            }
        }
    }
    Ok(callees)
}

/// The Services that `calls` names.
pub(super) fn called_services(view: &ServiceView) -> Known<Vec<Key>> {
    Ok(callees(view)?.services)
}

pub(super) fn live_queries(view: &ServiceView, queries: &mut LiveQueries) {
    let Ok(callees) = callees(view) else { return };
    for service in callees.services {
        queries.get(service, &[MissingReference, HiddenCallee]);
    }
    for namespace in callees.hosts.iter().map(|callee| callee.namespace).collect::<BTreeSet<_>>() {
        queries.list(&kind::SERVICE_ENTRY, namespace, &[MissingReference, HiddenCallee]);
    }
}

pub(super) fn live_checks(view: &ServiceView, out: &mut Findings) {
    let Ok(callees) = callees(view) else { return };
    check_existence(view, &callees, out);
    check_visibility(view, &callees, out);
}

/// The ServiceEntries for an external host.
fn service_entries<'a>(view: &ServiceView<'a>, callee: &ExternalHost) -> Known<Vec<&'a Json>> {
    let mut entries = view.results.list(&kind::SERVICE_ENTRY, callee.namespace)?;
    entries.retain(|entry| strings(entry, &["spec", "hosts"]).any(|host| hosts_overlap(host, callee.host)));
    Ok(entries)
}

fn check_existence(view: &ServiceView, callees: &Callees, out: &mut Findings) {
    let services = callees.services.iter().filter(|key| matches!(view.results.get(key), Ok(None)));
    let services = services.map(|key| format!("Service {}/{}", key.namespace.as_deref().unwrap_or_default(), key.name));
    let hosts = callees.hosts.iter().filter(|callee| matches!(service_entries(view, callee).as_deref(), Ok([])));
    let hosts = hosts.map(|callee| format!("a ServiceEntry for {} in {}", callee.host, callee.namespace));
    let missing: Vec<String> = services.chain(hosts).collect();
    if !missing.is_empty() {
        out.report(
            MissingReference,
            "calls",
            "Callee doesn't exist",
            &format!(
                "calls needs objects that the cluster doesn't have: {}. Calls of these destinations fail until the objects \
                 exist. If this run creates them, ignore this; otherwise correct the names or namespaces in calls.",
                missing.join(", ")
            ),
        );
    }
}

fn check_visibility(view: &ServiceView, callees: &Callees, out: &mut Findings) {
    let home = view.context.namespace;
    let mut hidden: BTreeMap<String, Visibility> = BTreeMap::new();
    for service in callees.services.iter().filter_map(|key| view.results.get(key).ok().flatten()) {
        let visibility = service_visibility(service);
        if !visibility.includes(home) {
            hidden.insert(format!("Service {}", namespaced_name(service)), visibility);
        }
    }
    for callee in &callees.hosts {
        // One visible ServiceEntry for the host is enough.
        let entries = service_entries(view, callee).unwrap_or_default();
        if let Some(first) = entries.first()
            && !entries.iter().any(|entry| object_visibility(entry).includes(home))
        {
            hidden.insert(format!("ServiceEntry {}", namespaced_name(first)), object_visibility(first));
        }
    }
    if !hidden.is_empty() {
        let hidden: Vec<String> =
            hidden.iter().map(|(callee, visibility)| format!("{callee} (visible to {visibility})")).collect();
        out.report(
            HiddenCallee,
            "calls",
            "Callee isn't visible in the namespace",
            &format!(
                "{home} doesn't see {}: its calls fail. Ask the owner to allow this service, or to export to {home}.",
                hidden.join(", ")
            ),
        );
    }
}
