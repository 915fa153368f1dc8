//! The side of callers: their routes to the gateway, and how they connect to it.

use super::{super::propagation, EgressGateway, NamedHost, ObjectContext, path::EgressPath};
use crate::{
    diagnostics::Path,
    known::Known,
    mesh::{
        istio::{
            ExportTo, PortSelector,
            destination_rule::{
                ClientTls, ConnectionPool, DestinationRule, HttpPool, PortPolicy, Subset, TrafficPolicy,
            },
            virtual_service::{
                Destination, HttpMatch, HttpRetry, HttpRoute, RouteDestination, TcpMatch, TcpRoute, TlsMatch, TlsRoute,
                VirtualService, nonzero_timeout,
            },
        },
        manifest::manifest,
        resiliency::route_retries,
        stage,
    },
    object::{Key, Object},
};

/// Renders the settings of connections to the gateway's Service: one subset for each port of the host, with the server name by
/// which the gateway knows it. Istio merges the subsets of all rules for the Service if they are exported alike, so every namespace
/// sees each of them.
pub(super) fn destination_rule(path: &EgressPath, key: Key) -> Known<Object> {
    let ports = path.context.external.resolved_ports()?;
    let subsets = ports.into_iter().map(|port| {
        let tls = ClientTls { mode: "ISTIO_MUTUAL", sni: Some(path.server_name(port)), ..ClientTls::default() };
        // The Service's port is one of TLS, and requests of gRPC need HTTP/2.
        let http = HttpPool { use_client_protocol: Some(true), ..HttpPool::default() };
        let pool = port.protocol.is_http().then_some(ConnectionPool { tcp: None, http: Some(http) });
        let policy = PortPolicy {
            port: PortSelector { number: path.port },
            tls: Some(tls),
            connection_pool: pool,
            outlier_detection: None,
            load_balancer: None,
        };
        let traffic_policy = TrafficPolicy { port_level_settings: Some(vec![policy]), ..TrafficPolicy::default() };
        Subset { name: path.subset(port), labels: [].into(), traffic_policy: Some(traffic_policy) }
    });
    let spec = DestinationRule {
        host: path.service.clone(),
        export_to: ExportTo::from(["*".to_owned()]),
        workload_selector: None,
        traffic_policy: None,
        subsets: subsets.collect(),
    };
    let body = manifest(&key, path.context.metadata()?, &spec);
    Ok(Object::whole(key, body, stage::TARGETS).with_origins(origins(path.context)))
}

/// Renders the routes of callers to the gateway.
pub(in super::super) fn caller_route(
    context: &ObjectContext,
    gateway: &EgressGateway,
    host: &NamedHost,
    key: Key,
) -> Known<Object> {
    let path = EgressPath::new(context, gateway, host)?;
    let external = context.external;
    let (mut http, mut tls, mut tcp) = (Vec::new(), Vec::new(), Vec::new());
    for port in external.resolved_ports()? {
        let destination = Destination {
            host: path.service.clone(),
            subset: Some(path.subset(port)),
            port: PortSelector { number: path.port },
        };
        let route = vec![RouteDestination { destination, headers: None, weight: None }];
        if port.protocol.is_http() {
            let timeout = external.request_timeout.copied()?;
            // The gateway retries, so that attempts aren't multiplied.
            let retries = route_retries(&external.retries, external.resiliency.copied()?, timeout)?;
            http.push(HttpRoute {
                matches: vec![HttpMatch::all(port.number)],
                timeout: timeout.and_then(nonzero_timeout),
                retries: retries.map(|_| HttpRetry::NONE),
                route,
                ..HttpRoute::default()
            });
        } else if port.protocol.is_tls() {
            tls.push(TlsRoute {
                matches: vec![TlsMatch { port: Some(port.number), sni_hosts: vec![path.host.clone()] }],
                route,
            });
        } else {
            tcp.push(TcpRoute { matches: vec![TcpMatch { port: port.number }], route });
        }
    }
    let spec = VirtualService {
        hosts: vec![path.host.clone()],
        gateways: Vec::new(),
        export_to: context.export_to()?,
        http,
        tls,
        tcp,
    };
    let body = manifest(&key, context.metadata()?, &spec);
    let route = Object::whole(key, body, stage::ROUTES).with_origins(origins(context));
    Ok(route.with_settle_time(propagation::NEW_DESTINATIONS).with_transition(propagation::ROUTE_TO_GATEWAY))
}

/// The arguments of the fields of an object.
pub(super) fn origins(context: &ObjectContext) -> Vec<(String, Path)> {
    context.origins(&[("spec", "egress_gateway"), ("spec.hosts", context.external.hosts_argument())])
}
