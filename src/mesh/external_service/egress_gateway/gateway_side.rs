//! The side of the gateway: its servers, its routes to the hosts, and the policy that admits callers. All are in its namespace,
//! and no other namespace sees them.

use std::collections::BTreeSet;

use super::{
    super::{ports::ResolvedPort, propagation, service_entry},
    EgressGateway, ObjectContext,
    caller_side::origins,
    path::{EgressPath, server_name},
};
use crate::{
    known::Known,
    mesh::{
        istio::{
            ExportTo, WorkloadSelector,
            authorization_policy::{AuthorizationPolicy, Condition, From, Operation, Rule, Source, To},
            gateway::{Gateway, Port, Server, Tls},
            virtual_service::{HttpRoute, RouteDestination, TcpMatch, TcpRoute, VirtualService, nonzero_timeout},
        },
        manifest::manifest,
        resiliency::route_retries,
        stage,
    },
    object::{Key, Object},
};

/// The namespace of an object, in the words of `exportTo`.
const OWN_NAMESPACE: &str = ".";

/// Renders the hosts as the gateway knows them.
pub(super) fn service_entry(context: &ObjectContext, key: Key) -> Known<Object> {
    service_entry::render(context, key, ExportTo::from([OWN_NAMESPACE.to_owned()]), stage::TARGETS)
}

/// Renders the servers of one host. They speak mutual TLS of the mesh on one port, and are distinguished by server names.
pub(super) fn gateway(path: &EgressPath, key: Key) -> Known<Object> {
    let servers = path.context.external.resolved_ports()?.into_iter().map(|port| {
        let protocol = if port.protocol.is_http() { "HTTPS" } else { "TLS" };
        Server {
            port: Port { number: path.port, name: format!("{}-{}", port.name(), path.name), protocol },
            hosts: BTreeSet::from([format!("./{}", path.server_name(port))]),
            tls: Some(Tls { mode: Some("ISTIO_MUTUAL"), ..Tls::default() }),
        }
    });
    let spec = Gateway { selector: path.gateway.selector()?, servers: servers.collect() };
    let body = manifest(&key, path.context.metadata()?, &spec);
    Ok(Object::whole(key, body, stage::TARGETS).with_origins(origins(path.context)))
}

/// Renders the gateway's route of requests to the host.
pub(super) fn http_route(path: &EgressPath, port: ResolvedPort, key: Key) -> Known<Object> {
    let external = path.context.external;
    let timeout = external.request_timeout.copied()?;
    let route = HttpRoute {
        timeout: timeout.and_then(nonzero_timeout),
        retries: route_retries(&external.retries, external.resiliency.copied()?, timeout)?,
        route: vec![RouteDestination::to_port(&path.host, port.number)],
        ..HttpRoute::default()
    };
    render_route(path, key, &path.host, vec![route], Vec::new())
}

/// Renders the gateway's route of connections to a port of the host.
pub(super) fn tcp_route(path: &EgressPath, port: ResolvedPort, key: Key) -> Known<Object> {
    let route = TcpRoute {
        matches: vec![TcpMatch { port: path.port }],
        route: vec![RouteDestination::to_port(&path.host, port.number)],
    };
    render_route(path, key, &path.server_name(port), Vec::new(), vec![route])
}

fn render_route(path: &EgressPath, key: Key, host: &str, http: Vec<HttpRoute>, tcp: Vec<TcpRoute>) -> Known<Object> {
    let spec = VirtualService {
        hosts: vec![host.to_owned()],
        gateways: vec![path.gateway_reference()?],
        export_to: ExportTo::from([OWN_NAMESPACE.to_owned()]),
        http,
        tls: Vec::new(),
        tcp,
    };
    let body = manifest(&key, path.context.metadata()?, &spec);
    let route = Object::whole(key, body, stage::EGRESS_ROUTES).with_transition(propagation::ROUTE_OF_GATEWAY);
    Ok(route.with_origins(origins(path.context)))
}

/// Renders the policy that admits the callers of `export_to` to the hosts. Pods with an ALLOW policy refuse everything else.
pub(super) fn policy(context: &ObjectContext, gateway: &EgressGateway, key: Key) -> Known<Object> {
    let namespaces = context.export_to()?;
    let source = if namespaces.contains("*") {
        Source { principals: namespaces, ..Source::default() }
    } else {
        Source { namespaces, ..Source::default() }
    };
    let from = vec![From { source }];
    let hosts = context.external.hosts()?;
    let ports = context.external.resolved_ports()?;
    let mut rules = Vec::new();
    if ports.iter().any(|port| port.protocol.is_http()) {
        // With and without a port, as requests name hosts.
        let hosts = hosts.iter().flat_map(|host| [host.to_string(), format!("{host}:*")]).collect();
        let to = vec![To { operation: Operation { hosts, ..Operation::default() } }];
        rules.push(Rule { from: from.clone(), to, when: Vec::new() });
    }
    let bytes = ports.iter().filter(|port| !port.protocol.is_http());
    let names: BTreeSet<String> =
        bytes.flat_map(|port| hosts.iter().map(|host| server_name(host.as_str(), *port))).collect();
    if !names.is_empty() {
        let when = Condition { key: "connection.sni".to_owned(), values: names, not_values: BTreeSet::new() };
        rules.push(Rule { from, to: Vec::new(), when: vec![when] });
    }
    let selector = Some(WorkloadSelector { match_labels: gateway.selector()? });
    let spec = AuthorizationPolicy { selector, action: "ALLOW", provider: None, rules };
    let body = manifest(&key, context.metadata()?, &spec);
    Ok(Object::whole(key, body, stage::OPENING).with_origins(origins(context)))
}
