//! Traffic from outside.

use crate::{
    mesh::{names, port::PortNumber, reference::NamespacedName},
    model,
    resources::arguments::{every, is_not_empty, text},
    schema::{
        Attr,
        model::{Set, optional, required},
    },
};

model! {
    /// Traffic from outside, through a gateway: the gateway sends requests of these hosts and paths here, and may call. They are
    /// treated like requests that no `route` takes. Several blocks for the same hosts are tried in their order; a block for
    /// other hosts or another gateway takes a name.
    pub struct Ingress {
        /// What tells it from other ways in: the end of the name of its VirtualService. Needed from the second on.
        name: Attr<String> = optional().check(names::LABEL, |v| text(v, names::is_label)),
        /// The Gateway.
        gateway: Attr<NamespacedName> = required(),
        /// The identity of the gateway's workloads, where they run and their service account; like `gateway` unless written.
        service_account: Attr<NamespacedName> = optional(),
        /// Hosts that are called from outside; the Gateway must serve them.
        hosts: Set<String> = required()
            .check("At least one host.", is_not_empty)
            .check("DNS names, with `*.` at the start or without.", |v| every(v, is_host)),
        /// Paths, exact or with `*` at the end; all unless written.
        paths: Set<String> = optional()
            .check("At least one path; leave the argument out for all.", is_not_empty)
            .check("Paths that start with `/`, with `*` at the end alone.", |v| every(v, is_prefix)),
        /// The port of the Service that takes the requests. Needed where several speak HTTP.
        port: Attr<PortNumber> = optional(),
        /// What takes the place of the matched path, or of its part before `*`.
        rewrite: Attr<String> = optional().check("A path that starts with `/`.", |v| text(v, |t| t.starts_with('/'))),
    }
}

fn is_host(text: &str) -> bool {
    let host = text.strip_prefix("*.").unwrap_or(text);
    host.contains('.') && names::is_subdomain(host)
}

fn is_prefix(text: &str) -> bool {
    text.starts_with('/') && !text.contains(['{', '}']) && !text.strip_suffix('*').unwrap_or(text).contains('*')
}
