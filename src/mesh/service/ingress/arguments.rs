//! The arguments of `ingress` blocks.

use crate::{
    known::Known,
    mesh::{names, patterns, port::PortNumber, reference::NamespacedName},
    model,
    schema::{
        Attr, Set,
        model::{optional, required},
    },
};

model! {
    /// Traffic from outside, through a gateway: the gateway sends requests of these hosts and paths here, and may call with
    /// these hosts and paths. Where an `allow` block names the gateway, by its identity or by `*`, the `allow` blocks alone say what
    /// comes through it. Requests are
    /// treated like requests that no `route` takes. Several blocks for the same hosts are tried in their order; a block for
    /// other hosts or another gateway takes a name.
    pub struct Ingress {
        /// What tells it from other ways in: the end of the name of its VirtualService. Needed from the second on.
        name: Attr<String> = optional().text(names::LABEL, names::is_label),
        /// The Gateway.
        gateway: Attr<NamespacedName> = required(),
        /// The identity of the gateway's workloads, where they run and their service account; like `gateway` unless written.
        service_account: Attr<NamespacedName> = optional(),
        /// Hosts that are called from outside; the Gateway must serve them.
        hosts: Set<String> = required()
            .non_empty("At least one host.")
            .each("DNS names, with `*.` at the start or without.", patterns::is_dns_host),
        /// Paths, exact or with `*` at the end; all unless written.
        paths: Set<String> = optional()
            .non_empty("At least one path; leave the argument out for all.")
            .each("Paths that start with `/`, with `*` at the end alone.", patterns::is_ingress_path),
        /// The port of the Service that takes the requests. Needed where several speak HTTP.
        port: Attr<PortNumber> = optional(),
        /// What takes the place of the matched path, or of its part before `*`.
        rewrite: Attr<String> = optional().text("A path that starts with `/`.", |t| t.starts_with('/')),
    }
}

impl Ingress {
    /// The namespace and service account of the gateway's pods: by default named like the Gateway.
    pub(super) fn service_account(&self) -> Known<&NamespacedName> {
        self.service_account.known()?.map_or_else(|| self.gateway.required(), Ok)
    }
}
