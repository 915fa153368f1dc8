//! Others' objects for the same host or the same pods: Istio takes one of them, or both, and nobody asked which.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{
    LiveQueries, View,
    live_objects::{
        format_labels, fully_qualified_host, items, name, namespace, namespaced_name, port_number, port_protocol,
        string_map, strings, summarize_names, tcp_ports,
    },
    service::{leads_to, speaks},
};
use crate::{
    json_path::{at, text},
    known::Known,
    mesh::{
        checks::{
            Code::{
                SecondDestinationRule, SecondServiceEntry, SecondSidecar, SecondVirtualService, SharedAccount,
                SharedWorkload, TwoPorts, TwoProtocols,
            },
            Findings,
        },
        manifest::StringMap,
        service::Management,
    },
    object::{Kind, annotation, kind, resource_id, resource_type},
};

/// Kinds of which one object of each resource records its arguments.
const RECORDING: [&Kind; 5] = [
    &kind::SERVICE_ENTRY,
    &kind::DESTINATION_RULE,
    &kind::VIRTUAL_SERVICE,
    &kind::AUTHORIZATION_POLICY,
    &kind::SIDECAR,
];

pub(super) fn live_queries(view: &View, wants: &mut LiveQueries) {
    let home = view.site.namespace;
    for kind in RECORDING {
        wants.all(kind, home, &[SharedAccount, SharedWorkload]);
    }
    for (kind, by) in [
        (&kind::VIRTUAL_SERVICE, &[SecondVirtualService][..]),
        (&kind::DESTINATION_RULE, &[SecondDestinationRule]),
        (&kind::SIDECAR, &[SecondSidecar]),
    ] {
        if view.writes(kind) {
            wants.all(kind, home, by);
        }
    }
    if view.writes(&kind::SERVICE_ENTRY) {
        wants.everywhere(&kind::SERVICE_ENTRY, &[SecondServiceEntry]);
        wants.everywhere(&kind::VIRTUAL_SERVICE, &[SecondVirtualService]);
    }
}

pub(super) fn live_checks(view: &View, out: &mut Findings) {
    // A check that needs what nobody knows says nothing.
    let _ = virtual_services(view, out);
    let _ = destination_rules(view, out);
    let _ = sidecars(view, out);
    let _ = services(view, out);
    let _ = resources(view, out);
    global_name(view, out);
}

/// Others of a kind in the namespace.
fn others<'a>(view: &'a View, kind: &'static Kind) -> Known<impl Iterator<Item = &'a Json>> {
    Ok(view.here(kind)?.into_iter().filter(move |live| !view.belongs_to_resource(kind, live)))
}

fn names<'a>(found: impl IntoIterator<Item = &'a Json>) -> String {
    let names: Vec<String> = found.into_iter().map(namespaced_name).collect();
    summarize_names(names.iter().map(String::as_str))
}

/// Routes of proxies, not of gateways alone.
fn is_in_mesh(route: &Json) -> bool {
    let gateways = items(route, &["spec", "gateways"]);
    gateways.is_empty() || gateways.iter().any(|gateway| gateway == "mesh")
}

fn virtual_services(view: &View, out: &mut Findings) -> Known<()> {
    let ours: Vec<&str> = view
        .wanted(&kind::VIRTUAL_SERVICE)
        .filter(|object| is_in_mesh(&object.body))
        .flat_map(|object| strings(&object.body, &["spec", "hosts"]))
        .collect();
    let domain = &view.site.mesh.cluster_domain;
    let is_same = |live: &&Json| {
        is_in_mesh(live)
            && strings(live, &["spec", "hosts"])
                .any(|host| ours.contains(&fully_qualified_host(host, view.site.namespace, domain).as_str()))
    };
    let found: Vec<&Json> = others(view, &kind::VIRTUAL_SERVICE)?.filter(is_same).collect();
    if !found.is_empty() {
        out.report(
            SecondVirtualService,
            "",
            "Another VirtualService is for the same host",
            &format!(
                "VirtualService {} routes {} as well. Istio doesn't merge the two: the older one works, the other does nothing. \
                 Remove theirs, or name it in replaces, or leave the routes to them with unmanaged = [\"VirtualService\"].",
                names(found),
                view.site.host()
            ),
        );
    }
    Ok(())
}

fn destination_rules(view: &View, out: &mut Findings) -> Known<()> {
    if !view.writes(&kind::DESTINATION_RULE) {
        return Ok(());
    }
    let (host, domain) = (view.site.host(), &view.site.mesh.cluster_domain);
    let is_same = |live: &&Json| {
        at(live, &["spec", "workloadSelector"]).is_null()
            && text(live, &["spec", "host"])
                .is_some_and(|own| fully_qualified_host(own, view.site.namespace, domain) == host)
    };
    let found: Vec<&Json> = others(view, &kind::DESTINATION_RULE)?.filter(is_same).collect();
    if !found.is_empty() {
        out.report(
            SecondDestinationRule,
            "",
            "Another DestinationRule is for the same host",
            &format!(
                "DestinationRule {} is for {host} as well: of two traffic policies the older one holds. Remove theirs, or name \
                 it in replaces, or leave it to them with unmanaged = [\"DestinationRule\"].",
                names(found)
            ),
        );
    }
    Ok(())
}

fn sidecars(view: &View, out: &mut Findings) -> Known<()> {
    if !view.writes(&kind::SIDECAR) {
        return Ok(());
    }
    let mut found = Vec::new();
    for live in others(view, &kind::SIDECAR)? {
        let labels = string_map(live, &["spec", "workloadSelector", "labels"]);
        if !labels.is_empty() && view.overlaps(&labels)? {
            found.push(live);
        }
    }
    if !found.is_empty() {
        out.report(
            SecondSidecar,
            "calls",
            "Another Sidecar selects the same pods",
            &format!(
                "Sidecar {} selects pods of this service as well, and which of the two holds there is by chance. Remove theirs, \
                 or name it in replaces, or leave out calls here.",
                names(found)
            ),
        );
    }
    Ok(())
}

/// Other Services of the same pods.
fn services(view: &View, out: &mut Findings) -> Known<()> {
    if view.site.service.management()? == Management::None {
        return Ok(());
    }
    let (mut protocols, mut numbers) = (Vec::new(), Vec::new());
    for live in view.here(&kind::SERVICE)? {
        let selector = string_map(live, &["spec", "selector"]);
        if name(live) == view.site.name || selector.is_empty() || !view.overlaps(&selector)? {
            continue;
        }
        for port in tcp_ports(live) {
            let Some(ours) = leads_to(view, port).and_then(|target| speaks(view, target)) else { continue };
            let (declared, target) = (i64::from(ours.number()?), ours.target_port()?);
            if let (Some(theirs), protocol) = (port_protocol(port), ours.protocol()?)
                && theirs.is_http() != protocol.is_http()
            {
                protocols.push(format!("{} ({theirs} on {target}, {protocol} here)", namespaced_name(live)));
            } else if let Some(theirs) = port_number(port)
                && theirs != declared
            {
                numbers.push(format!("{} ({theirs} for {target}, {declared} here)", namespaced_name(live)));
            }
        }
    }
    if !protocols.is_empty() {
        out.report(
            TwoProtocols,
            "port",
            "Another Service speaks another protocol there",
            &format!(
                "On the same port of the same pods, two Services say different protocols: {}. The sidecar there takes one of \
                 them for all. Let them agree, or give each a port of its own.",
                protocols.join(", ")
            ),
        );
    }
    if !numbers.is_empty() {
        out.report(
            TwoPorts,
            "port",
            "Another Service has another port for the pods",
            &format!(
                "The same port of the same pods has two numbers in two Services: {}. The sidecar there knows it by one of them, \
                 so metrics and routes of the other are off. Let them agree.",
                numbers.join(", ")
            ),
        );
    }
    Ok(())
}

/// Other services of this provider, whoever has them.
fn resources(view: &View, out: &mut Findings) -> Known<()> {
    let selector = view.site.selector()?;
    let account = view.site.service.service_account()?;
    let (mut workloads, mut accounts) = (Vec::new(), Vec::new());
    for (id, arguments) in recorded(view) {
        let name = text(&arguments, &["name"]).unwrap_or_default();
        let mut theirs = string_map(&arguments, &["selector"]);
        if theirs.is_empty() {
            theirs = StringMap::from([("app".to_owned(), name.to_owned())]);
        }
        let both = |pod: &&Json| super::selector_matches_object(&theirs, pod);
        if theirs == selector || view.pods().is_ok_and(|pods| pods.iter().any(both)) {
            workloads.push(id.clone());
        }
        if text(&arguments, &["service_account"]).unwrap_or(name) == account {
            accounts.push(id);
        }
    }
    if !workloads.is_empty() {
        out.report(
            SharedWorkload,
            "selector",
            "Another mesh_service selects the same pods",
            &format!(
                "{} selects pods that {} selects here, so each lets in whom the other allows. Select by labels that only one of \
                 the workloads carries.",
                summarize_names(workloads.iter().map(String::as_str)),
                format_labels(&selector)
            ),
        );
    }
    if !accounts.is_empty() {
        out.report(
            SharedAccount,
            "service_account",
            "Another mesh_service has the same identity",
            &format!(
                "{} runs as {account} as well, so whoever allows one of them allows both. Give each workload a service account \
                 of its own.",
                summarize_names(accounts.iter().map(String::as_str))
            ),
        );
    }
    Ok(())
}

/// The arguments that other services of the namespace were written with, by resource.
fn recorded(view: &View) -> BTreeMap<String, Json> {
    let mut found = BTreeMap::new();
    for live in RECORDING.into_iter().filter_map(|kind| view.here(kind).ok()).flatten() {
        let said = |key: &str| text(live, &["metadata", "annotations", key]);
        if let (Some(resource), Some(arguments)) = (said(annotation::RESOURCE), said(annotation::ARGUMENTS))
            && let Some(id) = resource_id(resource_type::SERVICE, resource)
            && id != view.id()
            && let Ok(arguments) = serde_json::from_str(arguments)
        {
            found.insert(format!("mesh_service {id}"), arguments);
        }
    }
    found
}

/// Whoever else defines the global name.
fn global_name(view: &View, out: &mut Findings) {
    let ours: Vec<&str> =
        view.wanted(&kind::SERVICE_ENTRY).flat_map(|object| strings(&object.body, &["spec", "hosts"])).collect();
    if ours.is_empty() {
        return;
    }
    let defined = |kind: &'static Kind| -> Vec<&Json> {
        let all = view.found.list_all_namespaces(kind).unwrap_or_default().into_iter();
        all.filter(|live| {
            !view.belongs_to_resource(kind, live) && strings(live, &["spec", "hosts"]).any(|host| ours.contains(&host))
        })
        .collect()
    };
    let entries = defined(&kind::SERVICE_ENTRY);
    if !entries.is_empty() {
        out.report(
            SecondServiceEntry,
            "global_name",
            "The global name is defined twice",
            &format!(
                "ServiceEntry {} defines {} as well: who calls that name reaches one of the two, the older one most often. Remove \
                 theirs, or choose another global_name.",
                names(entries),
                ours.join(", ")
            ),
        );
    }
    // Those of the namespace are told with the routes.
    let routes = defined(&kind::VIRTUAL_SERVICE).into_iter();
    let routes: Vec<&Json> = routes.filter(|live| is_in_mesh(live) && namespace(live) != view.site.namespace).collect();
    if !routes.is_empty() {
        out.report(
            SecondVirtualService,
            "global_name",
            "The global name is routed elsewhere",
            &format!(
                "VirtualService {} routes {} as well. Istio doesn't merge the two: one works, the other does nothing. Remove \
                 theirs, or choose another global_name.",
                names(routes),
                ours.join(", ")
            ),
        );
    }
}
