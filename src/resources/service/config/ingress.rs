//! Traffic from outside.

use crate::{
    mesh::names,
    model,
    resources::arguments::{every, is_not_empty, text},
    schema::{
        Attr,
        model::{Set, optional, required},
    },
};

model! {
    /// Traffic from outside, through a gateway: the gateway sends these hosts and paths here, and may call.
    pub struct Ingress {
        /// The Gateway, `namespace/name`.
        gateway: Attr<String> = required().check("`namespace/name` of a Gateway.", |v| text(v, is_gateway)),
        /// The identity of the gateway's workloads, `namespace/service-account`; like `gateway` unless written.
        service_account: Attr<String> = optional().check("`namespace/service-account`.", |v| text(v, is_gateway)),
        /// Hosts that are called from outside; the Gateway must serve them.
        hosts: Set<String> = required()
            .check("At least one host.", is_not_empty)
            .check("DNS names, with `*.` at the start or without.", |v| every(v, is_host)),
        /// Paths, exact or with `*` at the end; all unless written.
        paths: Set<String> = optional()
            .check("At least one path; leave the argument out for all.", is_not_empty)
            .check("Paths that start with `/`, with `*` at the end alone.", |v| every(v, is_prefix)),
        /// What takes the place of the matched path, or of its part before `*`.
        rewrite: Attr<String> = optional().check("A path that starts with `/`.", |v| text(v, |t| t.starts_with('/'))),
    }
}

fn is_gateway(text: &str) -> bool {
    text.split_once('/').is_some_and(|(namespace, name)| names::is_label(namespace) && names::is_subdomain(name))
}

fn is_host(text: &str) -> bool {
    let host = text.strip_prefix("*.").unwrap_or(text);
    host.contains('.') && names::is_subdomain(host)
}

fn is_prefix(text: &str) -> bool {
    text.starts_with('/') && !text.strip_suffix('*').unwrap_or(text).contains('*')
}
