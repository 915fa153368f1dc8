//! The arguments of `mesh_external_service`, and what it computes.

use crate::{
    mesh::{
        external_service::{Host, Tls},
        names,
        port::{PortNumber, Protocol},
        resiliency::Preset,
    },
    model,
    resources::{
        arguments::{every, is_namespace, is_not_empty},
        timeouts::Timeouts,
    },
    schema::{
        Attr, Block, Blocks,
        model::{Set, block, computed, optional, required},
    },
};

model! {
    /// A service outside the mesh: its host, its ports, who speaks TLS to it, and which namespaces see it.
    pub struct Config {
        /// What applications call.
        host: Attr<Host> = required(),
        /// Who speaks TLS: the application (`passthrough`, the default), the proxy (`originate`; the application calls
        /// `http://`), or nobody (`none`).
        tls: Attr<Tls> = optional(),
        /// The namespaces whose workloads call it; `*`: every one.
        export_to: Set<String> = required()
            .check("At least one namespace.", is_not_empty)
            .check("Names of namespaces, or `*`.", |v| every(v, |text| text == "*" || names::is_label(text))),
        /// How failures are met; `medium` unless written.
        resiliency: Attr<Preset> = optional(),
        /// Where its objects are; the root namespace unless written.
        namespace: Attr<String> = optional().check(names::LABEL, is_namespace),
        /// Whether objects of the same names that somebody else made are taken over; false unless written: then the plan
        /// refuses, and names who has them. Adopted ServiceAccounts and Services are left in place on destroy.
        adopt_existing: Attr<bool> = optional(),
        /// The ports, where they aren't those that `tls` needs: 443 with `passthrough`; 80 and 443 with `originate`, where 443
        /// passes through; 80 with `none`.
        port: Blocks<ServicePort> = block(),
        /// How long operations may take.
        timeouts: Block<Timeouts> = block(),
    }
}

model! {
    /// A port.
    pub struct ServicePort {
        /// What applications call.
        number: Attr<PortNumber> = required(),
        /// What applications speak. Proxies tell hosts apart by names, which HTTP and TLS carry and other protocols don't.
        protocol: Attr<Protocol> = required(),
        /// Where the host listens; 443 where the proxy speaks TLS, else `number`, unless written.
        target_port: Attr<PortNumber> = optional(),
        /// Who speaks TLS on this port; what the resource says unless written. `tls` and `https` always pass through.
        tls: Attr<Tls> = optional(),
    }
}

model! {
    /// What is computed.
    pub struct Outputs {
        /// What applications call, by the first port; null for wildcards.
        url: Attr<String> = computed(),
    }
}
