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
    /// Traffic from outside, through a gateway: the gateway sends requests of these hosts and paths here, and may call with
    /// these hosts and paths. Where an `allow` block names the gateway, by its identity or by `*`, the `allow` blocks alone say what
    /// comes through it. Requests are treated like requests that no `route` takes, but for routes with `applies_to = ["ingress"]`.
    /// Several blocks for the same hosts are tried in their order; a block for other hosts or another gateway takes a name. Paths
    /// of one host at one gateway must not overlap with those of another service (see the guide "Namespaces and gateways").
    pub struct Ingress {
        /// What tells it from other ways in: the end of the name of its VirtualService. Needed from the second on.
        name: Attr<String> = optional().text(names::LABEL, names::is_label),
        /// The Gateway.
        gateway: Attr<NamespacedName> = required(),
        /// The identity of the gateway's workloads, where they run and their service account; like `gateway` unless written.
        service_account: Attr<NamespacedName> = optional(),
        /// What the gateway forwards: `http` (requests, which it routes by host and path), `tls` (TLS that the workload ends, by the server
        /// name of the handshake (SNI); the server of the Gateway has TLS mode `passthrough`) or `tcp` (connections, by `gateway_port`).
        /// Defaults to `http`.
        protocol: Attr<IngressProtocol> = optional(),
        /// Port of the Gateway's server. Required with `protocol = "tcp"`. With `tls` it defaults to every port, and with `http` it can't
        /// be set.
        gateway_port: Attr<PortNumber> = optional(),
        /// Hosts that are called from outside; the Gateway must serve them. `*` is every host that it serves, but for those that
        /// other routes name. With `protocol = "tcp"`, where connections name no host, `["*"]`.
        hosts: Set<String> = required()
            .non_empty("At least one host.")
            .each("DNS names, with `*.` at the start or without, or `*`.", is_host),
        /// Paths, exact or with `*` at the end; all unless written.
        paths: Set<String> = optional()
            .non_empty("At least one path; leave the argument out for all.")
            .each("Paths that start with `/`, with `*` at the end alone.", patterns::is_ingress_path),
        /// The port of the Service that takes the requests. Needed where several speak HTTP; with `tls` and `tcp`, where several don't.
        port: Attr<PortNumber> = optional(),
        /// What takes the place of the matched path, or of its part before `*`.
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
