//! The arguments of `mesh_gateway`, and what it computes.

use crate::{
    mesh::timeouts::Timeouts,
    mesh::{
        gateway::{CipherSuite, Mode, Protocol, Version},
        names,
        port::PortNumber,
    },
    model,
    resources::arguments::{every, is_namespace, is_not_empty, text},
    schema::{
        Attr, Block, Blocks, Map,
        model::{Set, block, computed, optional, required},
    },
};

model! {
    /// A door for traffic from outside: what the workloads of a gateway listen for, with which certificates, and for which
    /// hosts they let callers in. The workloads themselves are a chart's.
    pub struct Config {
        /// The Gateway.
        name: Attr<String> = required().replaces().check(names::LABEL, is_namespace),
        /// The namespace of the Gateway and of its workloads.
        namespace: Attr<String> = required().replaces().check(names::LABEL, is_namespace),
        /// The labels of its workloads.
        selector: Map<String> = required().check("At least one label.", is_not_empty),
        /// The identity of its workloads; the gateway's name unless written.
        service_account: Attr<String> = optional().check(names::SUBDOMAIN, |v| text(v, names::is_subdomain)),
        /// Labels of every object that is made here.
        labels: Map<String> = optional(),
        /// Annotations of every object that is made here.
        annotations: Map<String> = optional(),
        /// Whether objects of the same names that somebody else made are taken over; false unless written: then the plan
        /// refuses, and names who has them.
        adopt_existing: Attr<bool> = optional(),
        /// A port, and the hosts that are served there.
        server: Blocks<Server> = block().required(),
        /// How long operations may take.
        timeouts: Block<Timeouts> = block(),
    }
}

model! {
    /// A port, and the hosts that are served there.
    pub struct Server {
        /// The port of the gateway's Service.
        port: Attr<PortNumber> = required(),
        /// The port on which the workloads listen for it; `port` unless written.
        target_port: Attr<PortNumber> = optional(),
        /// What is spoken there.
        protocol: Attr<Protocol> = required(),
        /// The hosts: exact names, wildcards like `*.example.com`, or `*`.
        hosts: Set<String> = required()
            .check("At least one host.", is_not_empty)
            .check("DNS names, with `*.` at the start or without, or `*`.", |v| every(v, is_host)),
        /// The namespaces whose routes may use these hosts; any unless written.
        namespaces: Set<String> = optional()
            .check("At least one namespace.", is_not_empty)
            .check(names::LABEL, |v| every(v, names::is_label)),
        /// Whether callers are told to come back by HTTPS; false unless written. Only of HTTP in clear text.
        https_redirect: Attr<bool> = optional(),
        /// How TLS ends; with `https` and `tls`.
        tls: Block<Tls> = block(),
    }
}

model! {
    /// How TLS ends.
    pub struct Tls {
        /// `simple` unless written. With `passthrough` a workload ends it, with `auto_passthrough` the service that the server
        /// name names, as between clusters.
        mode: Attr<Mode> = optional(),
        /// The Secret with the certificate, in the namespace of the workloads; required with `simple`, `mutual` and
        /// `optional_mutual`.
        credential_name: Attr<String> = optional().check(names::SUBDOMAIN, |v| text(v, names::is_subdomain)),
        /// The lowest version; `1.3` unless written.
        min_version: Attr<Version> = optional(),
        /// The highest version; the proxy's own unless written.
        max_version: Attr<Version> = optional(),
        /// The suites of TLS 1.2; Istio's unless written. Only with `min_version = "1.2"`.
        cipher_suites: Set<CipherSuite> = optional().check("At least one suite.", is_not_empty),
    }
}

model! {
    /// What is computed.
    pub struct Outputs {
        /// The identity of its workloads, as `from` takes it: `cluster.local/ns/istio-ingress/sa/public`.
        principal: Attr<String> = computed(),
    }
}

fn is_host(text: &str) -> bool {
    match text.strip_prefix("*.") {
        Some(domain) => names::is_subdomain(domain),
        None => text == "*" || text.contains('.') && names::is_subdomain(text),
    }
}
