//! The rules of an `ingress` block for connections: TLS by the server name, and TCP by the port of the gateway.

use super::{super::ServiceContext, Ingress, traffic::default_destinations};
use crate::{
    known::Known,
    mesh::istio::virtual_service::{TcpMatch, TcpRoute, TlsMatch, TlsRoute},
};

/// Renders the rule for TLS that the workload ends.
pub(super) fn tls(context: &ServiceContext, block: &Ingress) -> Known<TlsRoute> {
    let sni_hosts = block.hosts.required_elements()?.iter().cloned().collect();
    Ok(TlsRoute {
        matches: vec![TlsMatch { port: block.gateway_port.copied()?, sni_hosts }],
        route: default_destinations(context, block.target(context.service.ports()?)?)?,
    })
}

/// Renders the rule for connections to a port of the gateway.
pub(super) fn tcp(context: &ServiceContext, block: &Ingress) -> Known<TcpRoute> {
    Ok(TcpRoute {
        matches: vec![TcpMatch { port: *block.gateway_port.required()? }],
        route: default_destinations(context, block.target(context.service.ports()?)?)?,
    })
}
