//! Rules of `ingress` blocks about what the gateway forwards.

use super::{Ingress, IngressProtocol};
use crate::{
    diagnostics::Diagnostics,
    schema::{At, Attr},
};

/// Reports arguments that don't belong to the protocol of the block, and hosts that are every host.
pub(super) fn validate_protocol(block: &At<Ingress>, out: &mut Diagnostics) {
    let Ok(protocol) = block.protocol() else { return };
    let hosts = block.hosts.elements().ok().flatten();
    let is_every_host = hosts.is_some_and(|hosts| hosts.contains("*"));
    if protocol == IngressProtocol::Http {
        if block.gateway_port.is_set() {
            out.error(
                &block.at.attribute("gateway_port"),
                "gateway_port of an HTTP ingress",
                "Requests are distinguished by host and path, on every port of the Gateway that serves the host. Remove gateway_port, or write \
                 protocol = \"tls\" or \"tcp\".",
            );
        }
    } else {
        for (argument, is_set) in [("paths", block.paths.is_set()), ("rewrite", block.rewrite.is_set())] {
            if is_set {
                out.error(
                    &block.at.attribute(argument),
                    format!("{argument} of a {protocol} ingress"),
                    format!("A gateway sees no paths in connections that it forwards. Remove {argument}, or protocol = \"{protocol}\"."),
                );
            }
        }
    }
    if protocol == IngressProtocol::Tcp {
        if block.gateway_port == Attr::Null {
            out.error(
                &block.at.attribute("gateway_port"),
                "Missing gateway_port",
                "A gateway distinguishes TCP connections only by its port. Write the port of the Gateway's server.",
            );
        }
        if hosts.is_some_and(|hosts| hosts.iter().any(|host| host != "*")) {
            out.error(
                &block.at.attribute("hosts"),
                "Hosts of a TCP ingress",
                "TCP connections name no host, so every connection to gateway_port would come here. Write hosts = [\"*\"], or protocol = \
                 \"tls\", where the server name of the handshake tells.",
            );
        }
    } else if is_every_host {
        out.warn(
            &block.at.attribute("hosts"),
            "Every host of the Gateway",
            "\"*\" receives the traffic of every host that the Gateway serves, except for hosts that other routes name, and including other teams' hosts that are added later. Write the hosts, if they are known.",
        );
    }
}
