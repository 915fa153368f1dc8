//! The other Services and the external hosts that routes send requests to. A caller's proxy connects to them itself, so they must be
//! visible to it, and admit it.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::{
    callee_policies::allow_policies, caller_identity::CallerIdentity, queries::LiveQueries, view::ServiceView,
    visibility::excluded_namespaces,
};
use crate::{
    diagnostics::Path,
    known::{Known, Unknown},
    mesh::{
        checks::{
            Code::{HiddenCallee, MissingPort, MissingReference, RefusedByCallee},
            Findings,
        },
        live_objects::{
            Visibility, hosts_overlap, namespaced_name, object_visibility, port_number, service_visibility, strings,
            summarize_names, summarize_objects, tcp_ports,
        },
        port::PortNumber,
        reference::Caller,
        service::{
            ServiceManagement, ingress,
            traffic::{Route, RouteScope, RouteTarget, Target},
        },
    },
    object::{Key, Object, kind},
};

/// A target of a route, and the path of its block.
struct TargetBlock<'a> {
    at: &'a Path,
    target: Target<'a>,
    route: &'a Route,
}

/// A Service among the targets.
struct TargetService<'a> {
    at: &'a Path,
    key: Key,
    port: Option<PortNumber>,
    route: &'a Route,
}

/// The targets of the routes and of their mirrors that are known.
fn targets<'a>(view: &ServiceView<'a>) -> Vec<TargetBlock<'a>> {
    let service = view.context.service;
    if service.management() == Ok(ServiceManagement::None) {
        return Vec::new();
    }
    let routes = service.traffic.route.known().unwrap_or_default();
    routes
        .iter()
        .flat_map(|route| {
            let of = |(at, block): (&'a Path, &'a RouteTarget)| {
                Some(TargetBlock { at, target: block.target().ok()?, route })
            };
            let to = route.to.known().unwrap_or_default().iter().map(|to| (&to.at, &*to.target));
            let mirrors = route.mirror.known().unwrap_or_default().iter().map(|to| (&to.at, &*to.target));
            to.chain(mirrors).filter_map(of).collect::<Vec<_>>()
        })
        .collect()
}

/// The Services among the targets, but for the service itself.
fn services<'a>(view: &ServiceView<'a>) -> Vec<TargetService<'a>> {
    let context = view.context;
    let key = |block: TargetBlock<'a>| {
        let Target::Service(service, port) = block.target else { return None };
        let namespace = service.namespace.as_deref().unwrap_or(context.namespace);
        let is_own = (namespace, service.name.as_str()) == (context.namespace, context.name);
        let key = Key::new(&kind::SERVICE, namespace, &service.name);
        (!is_own).then_some(TargetService { at: block.at, key, port, route: block.route })
    };
    targets(view).into_iter().filter_map(key).collect()
}

pub(super) fn live_queries(view: &ServiceView, queries: &mut LiveQueries) {
    let services = services(view);
    let mut namespaces: BTreeSet<&str> = services.iter().filter_map(|target| target.key.namespace.as_deref()).collect();
    if !namespaces.is_empty() {
        namespaces.insert(&view.context.mesh.root_namespace);
    }
    for namespace in namespaces {
        queries.list(&kind::AUTHORIZATION_POLICY, namespace, &[RefusedByCallee]);
    }
    for target in &services {
        queries.get(target.key.clone(), &[MissingReference, HiddenCallee, MissingPort, RefusedByCallee]);
    }
    if targets(view).iter().any(|block| matches!(block.target, Target::Host(..))) {
        // The namespace of the ServiceEntry isn't known.
        queries.list_all_namespaces(&kind::SERVICE_ENTRY, &[MissingReference, HiddenCallee]);
    }
}

pub(super) fn live_checks(view: &ServiceView, out: &mut Findings) {
    // Each check is skipped where it needs an unknown value or a query without a result.
    for target in services(view) {
        let _ = check_service(view, &target, out);
    }
    for block in targets(view) {
        if let Target::Host(host, _) = block.target {
            let _ = check_host(view, &block, host, out);
        }
    }
}

fn check_service(view: &ServiceView, target: &TargetService, out: &mut Findings) -> Known<()> {
    let TargetService { at, key, port, route } = target;
    let Some(live) = view.results.get(key)? else {
        report_missing(
            at,
            "service",
            &format!("Service {}/{}", key.namespace.as_deref().unwrap_or_default(), key.name),
            out,
        );
        return Ok(());
    };
    let visibility = service_visibility(live);
    if route.applies_to(RouteScope::Mesh)? {
        let _ = check_visibility(view, at, "service", &format!("Service {}", namespaced_name(live)), &visibility, out);
    }
    let _ = check_ports(view, at, live, *port, out);
    check_policies(view, target, live, out)
}

fn check_host(view: &ServiceView, block: &TargetBlock, host: &str, out: &mut Findings) -> Known<()> {
    let at = block.at;
    let mut entries = view.results.list_all_namespaces(&kind::SERVICE_ENTRY)?;
    entries.retain(|entry| strings(entry, &["spec", "hosts"]).any(|entry_host| hosts_overlap(entry_host, host)));
    let Some(first) = entries.first() else {
        report_missing(at, "host", &format!("ServiceEntry for {host}"), out);
        return Ok(());
    };
    let callers = route_visibility(view)?;
    // One ServiceEntry that all callers see is enough.
    if entries.iter().all(|entry| excluded_namespaces(&callers, &object_visibility(entry)).is_some()) {
        let name = format!("ServiceEntry {}", namespaced_name(first));
        let _ = check_visibility(view, at, "host", &name, &object_visibility(first), out);
    }
    Ok(())
}

fn report_missing(at: &Path, argument: &'static str, object: &str, out: &mut Findings) {
    out.report_at(
        MissingReference,
        at.attribute(argument),
        "The target of a route doesn't exist",
        &format!(
            "The cluster has no {object}. Requests that the route sends there fail until there is one. If this run creates it, ignore this; otherwise correct {argument}."
        ),
    );
}

/// The namespaces whose callers use the routes.
fn route_visibility(view: &ServiceView) -> Known<Visibility> {
    let is_for_mesh = |object: &&Object| strings(&object.body, &["spec", "gateways"]).next().is_none();
    view.rendered(&kind::VIRTUAL_SERVICE).find(is_for_mesh).map(|object| object_visibility(&object.body)).ok_or(Unknown)
}

fn check_visibility(
    view: &ServiceView,
    at: &Path,
    argument: &'static str,
    object: &str,
    visibility: &Visibility,
    out: &mut Findings,
) -> Known<()> {
    let Some(excluded) = excluded_namespaces(&route_visibility(view)?, visibility) else { return Ok(()) };
    out.report_at(
        HiddenCallee,
        at.attribute(argument),
        "Callers don't see the target of a route",
        &format!(
            "{object} is visible to {visibility}, and the routes of {} also apply to callers in {excluded}. Requests that the route sends \
             there fail. Ask the owner to export it to these namespaces, or narrow export_to.",
            view.id()
        ),
    );
    Ok(())
}

/// Reports HTTP ports of the service whose requests go to a port that the target doesn't have.
fn check_ports(view: &ServiceView, at: &Path, live: &Json, port: Option<PortNumber>, out: &mut Findings) -> Known<()> {
    let mut numbers = BTreeSet::new();
    match port {
        Some(port) => numbers.extend([i64::from(port)]),
        None => {
            for port in view.context.service.ports()? {
                if port.protocol()?.is_http() {
                    numbers.insert(i64::from(port.number()?));
                }
            }
        }
    }
    let live_ports: Vec<i64> = tcp_ports(live).filter_map(port_number).collect();
    for number in numbers.into_iter().filter(|number| !live_ports.contains(number)) {
        let live_ports: Vec<String> = live_ports.iter().map(i64::to_string).collect();
        out.report_at(
            MissingPort,
            at.attribute("port"),
            "The target of a route doesn't have the port",
            &format!(
                "Service {} has {}, not {number}, so requests that the route sends there fail. Write port in the block.",
                namespaced_name(live),
                if live_ports.is_empty() { "no TCP port".to_owned() } else { format!("port {}", live_ports.join(", ")) }
            ),
        );
    }
    Ok(())
}

/// Reports callers of the service that the policies of the target refuse: those in the mesh, gateways, or both, as the route applies
/// to their requests.
fn check_policies(view: &ServiceView, target: &TargetService, live: &Json, out: &mut Findings) -> Known<()> {
    let TargetService { at, route, .. } = target;
    let policies = allow_policies(view, live)?;
    if policies.is_empty() {
        return Ok(());
    }
    let mesh = view.context.mesh;
    let refused = |caller: &&Caller| {
        let identity = CallerIdentity::of(caller, &mesh.trust_domain);
        !policies.iter().any(|policy| identity.may_be_allowed_by(policy))
    };
    let gateways = ingress::callers(&view.context)?;
    let mut callers = BTreeSet::new();
    if route.applies_to(RouteScope::Mesh)? {
        callers.extend(view.context.service.callers(mesh)?.ok_or(Unknown)?.difference(&gateways).cloned());
    }
    if route.applies_to(RouteScope::Ingress)? {
        callers.extend(gateways);
    }
    let refused: Vec<String> =
        callers.iter().filter(refused).map(|caller| format!("{:?}", caller.to_string())).collect();
    if !refused.is_empty() {
        out.report_at(
            RefusedByCallee,
            at.attribute("service"),
            "The target of a route refuses callers",
            &format!(
                "{} may call {}, but AuthorizationPolicy {} of {} doesn't admit all such callers: their requests that the route sends there \
                 get 403. Allow the same callers there. If this run does, ignore this.",
                summarize_names(refused.iter().map(String::as_str)),
                view.id(),
                summarize_objects(policies),
                namespaced_name(live)
            ),
        );
    }
    Ok(())
}
