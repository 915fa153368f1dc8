//! The arguments of `ingress` blocks.

use crate::{
    known::Known,
    mesh::{names, patterns, port::PortNumber, reference::NamespacedName, text::text_enum},
    model,
    schema::{
        Attr, Set,
        model::{optional, required},
    },
};

model! {
    /// Traffic from outside the mesh, through an ingress gateway: the gateway routes requests with these hosts
    /// and paths to the service, and the service admits them. If an `allow` block names the gateway, by its
    /// identity or by `*`, the `allow` blocks alone decide about its requests. Requests are handled like those
    /// that match no `route`, except for routes with `applies_to = ["ingress"]`. Several blocks for the same
    /// hosts are tried in order; a block for other hosts or another gateway needs a `name`. At one gateway, paths
    /// of a host must not overlap with those of another service (see the guide "Namespaces and gateways").
    pub struct Ingress {
        /// Suffix of the name of the block's VirtualService. Required for blocks whose `hosts` or `gateway` differ
        /// from those of the first block.
        name: Attr<String> = optional().text(names::LABEL, names::is_label),
        /// Gateway object that serves the hosts.
        gateway: Attr<NamespacedName> = required(),
        /// Namespace and service account of the gateway's pods, which the service admits. Defaults to the namespace
        /// and name in `gateway`.
        service_account: Attr<NamespacedName> = optional(),
        /// Traffic that the gateway forwards. `http`: requests, by host and path. `tls`: TLS connections that the
        /// workload terminates, by server name (SNI); the Gateway's server has TLS mode `passthrough`. `tcp`:
        /// connections, by `gateway_port`. Defaults to `http`.
        protocol: Attr<IngressProtocol> = optional(),
        /// Port of the Gateway's server. Required with `protocol = "tcp"`, not accepted with `http`. With `tls`
        /// it defaults to every port.
        gateway_port: Attr<PortNumber> = optional(),
        /// Hosts that clients call; the Gateway must serve them. `*` is every host of the Gateway that no other
        /// route names. With `protocol = "tcp"` it must be `["*"]`, since connections name no host.
        hosts: Set<String> = required()
            .non_empty("At least one host.")
            .each("DNS names, with `*.` at the start or without, or `*`.", is_host),
        /// HTTP paths that clients call: exact, or with `*` at the end. The gateway routes them to the service, and
        /// the service admits them. Defaults to all.
        paths: Set<String> = optional()
            .non_empty("At least one path; leave the argument out for all.")
            .each("Paths that start with `/`, with `*` at the end alone.", patterns::is_ingress_path),
        /// Port of the Service that receives the requests. Required if several ports speak HTTP; with `tls` and
        /// `tcp`, if several ports don't speak HTTP. Defaults to the only such port.
        port: Attr<PortNumber> = optional(),
        /// Path that replaces the matched path, or its part before `*` (`rewrite.uri`). Defaults to no change.
        rewrite: Attr<String> = optional().text("A path that starts with `/`.", |t| t.starts_with('/')),
    }
}

text_enum! {
    /// What a gateway forwards.
    pub enum IngressProtocol {
        /// Requests.
        Http = "http",
        /// Connections with TLS that the workload ends.
        Tls = "tls",
        /// Connections.
        Tcp = "tcp",
    }
}

fn is_host(text: &str) -> bool {
    text == "*" || patterns::is_dns_host(text)
}

impl Ingress {
    /// What the gateway forwards: requests by default.
    pub(in crate::mesh::service) fn protocol(&self) -> Known<IngressProtocol> {
        self.protocol.or(IngressProtocol::Http)
    }

    /// The namespace and service account of the gateway's pods: by default named like the Gateway.
    pub(super) fn service_account(&self) -> Known<&NamespacedName> {
        self.service_account.known()?.map_or_else(|| self.gateway.required(), Ok)
    }
}
