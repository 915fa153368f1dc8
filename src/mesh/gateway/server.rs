//! A server of the Gateway: a port and the hosts that are served on it.

use super::{GatewayProtocol, Server, ServerTlsMode};
use crate::{
    known::Known,
    mesh::istio::gateway::{self, Port},
};

impl Server {
    /// The name of the port, such as `https-8443`.
    pub(super) fn port_name(&self) -> Known<String> {
        Ok(format!("{}-{}", self.protocol.required()?, self.port.required()?))
    }

    /// Whether the gateway sees requests with methods and hosts. Otherwise it forwards bytes.
    pub(super) fn sees_requests(&self) -> Known<bool> {
        Ok(match *self.protocol.required()? {
            GatewayProtocol::Http | GatewayProtocol::Http2 | GatewayProtocol::Grpc => true,
            GatewayProtocol::Https => {
                self.tls.known()?.map_or(Ok(true), |tls| tls.mode().map(ServerTlsMode::terminates_at_gateway))?
            }
            GatewayProtocol::Tls | GatewayProtocol::Tcp | GatewayProtocol::Mongo => false,
        })
    }

    /// Whether VirtualServices of a namespace may bind to a host of this server.
    pub(super) fn serves(&self, host: &str, namespace: &str) -> Known<bool> {
        let covers = |one: &str, other: &str| {
            one == "*" || one == other || one.strip_prefix('*').is_some_and(|domain| other.ends_with(domain))
        };
        let served = self.hosts.required_elements()?.iter().any(|own| covers(own, host) || covers(host, own));
        let namespaces = self.namespaces.required_elements()?;
        Ok(served && (namespaces.contains("*") || namespaces.contains(namespace)))
    }

    pub(super) fn render(&self, name: String) -> Known<gateway::Server> {
        let hosts = self.hosts.required_elements()?;
        let namespaces = self.namespaces.required_elements()?;
        let hosts = namespaces.iter().flat_map(|namespace| hosts.iter().map(move |host| format!("{namespace}/{host}")));
        let tls = match self.tls.known()? {
            Some(tls) => Some(tls.render()?),
            None if self.https_redirect()? => {
                Some(gateway::Tls { https_redirect: Some(true), ..gateway::Tls::default() })
            }
            None => None,
        };
        let port = Port { number: *self.port.required()?, name, protocol: self.protocol.required()?.istio() };
        Ok(gateway::Server { port, hosts: hosts.collect(), tls })
    }
}
