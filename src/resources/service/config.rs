//! The arguments of `mesh_service`, and what it computes.

use crate::{
    mesh::{
        duration::Duration,
        names,
        port::{PortNumber, Protocol},
        reference::{Caller, Destination},
        resiliency::Preset,
        service::{Access, AuthorizationMode, Management},
    },
    model,
    resources::{
        arguments::{every, is_namespace, is_not_empty, text},
        timeouts::Timeouts,
    },
    schema::{
        Attr, Block, Blocks, Map,
        model::{Set, block, computed, optional, required},
    },
};

model! {
    /// A service of an application team: who may call it, whom it calls, how failures are met.
    pub struct Config {
        /// The Kubernetes Service.
        name: Attr<String> = required().replaces().check(names::SERVICE_NAME, |v| text(v, names::is_service_name)),
        /// Its namespace.
        namespace: Attr<String> = required().replaces().check(names::LABEL, is_namespace),
        /// The labels of its workloads; `{ app = name }` unless written.
        selector: Map<String> = optional().check("At least one label.", is_not_empty),
        /// What the Kubernetes Service is: `existing` (the default; somebody else's, of which only the annotation that says
        /// who sees it is written here), `managed` (made here), or `none` (a workload that calls, and isn't called by name).
        service: Attr<Management> = optional(),
        /// The identity of its workloads; the service's name unless written.
        service_account: Attr<String> = optional().check(names::SUBDOMAIN, |v| text(v, names::is_subdomain)),
        /// Whether the ServiceAccount is made here; true with `service = "managed"` unless written, else false.
        create_service_account: Attr<bool> = optional(),
        /// Who may call where no `allow` block says it; `namespace` unless written. Where it is written beside `allow` blocks,
        /// both hold.
        access: Attr<Access> = optional(),
        /// Whether callers that nobody allowed are refused (`enforce`, the default) or only counted (`dry_run`), or nothing is
        /// checked (`off`). While nothing is enforced, every namespace sees the service.
        authorization_mode: Attr<AuthorizationMode> = optional(),
        /// Whom it calls: its proxies know these destinations, and refuse others. Absent: what the namespace's Sidecar says;
        /// `[]`: only itself.
        calls: Set<Destination> = optional(),
        /// How failures are met; `medium` unless written.
        resiliency: Attr<Preset> = optional(),
        /// The longest that a request may take, its retries included; `0s`: no limit. By the preset unless written, where gRPC
        /// has no limit.
        request_timeout: Attr<Duration> = optional(),
        /// Labels of every object that is made here.
        labels: Map<String> = optional(),
        /// Annotations of every object that is made here.
        annotations: Map<String> = optional(),
        /// Whether objects of the same names that somebody else made are taken over; false unless written: then the plan
        /// refuses, and names who has them. Adopted ServiceAccounts and Services are left in place on destroy.
        adopt_existing: Attr<bool> = optional(),
        /// The ports of the Service; required but with `service = "none"`.
        port: Blocks<ServicePort> = block(),
        /// Who may call. The blocks add up, and replace the default of `access`.
        allow: Blocks<Allow> = block(),
        /// How long operations may take.
        timeouts: Block<Timeouts> = block(),
    }
}

model! {
    /// A port.
    pub struct ServicePort {
        /// The port of the Service, which callers call.
        number: Attr<PortNumber> = required(),
        /// What is spoken there.
        protocol: Attr<Protocol> = required(),
        /// The port on which the workload listens; `number` unless written.
        target_port: Attr<PortNumber> = optional(),
    }
}

model! {
    /// A rule of who may call. With `methods` or `paths` it governs HTTP ports alone; other ports take a block of their own.
    pub struct Allow {
        /// Who.
        from: Set<Caller> = required().check("At least one caller.", is_not_empty),
        /// HTTP methods; any unless written.
        methods: Set<String> = optional()
            .check("At least one method; leave the argument out for any.", is_not_empty)
            .check("Methods in capitals, like `GET`.", |v| every(v, is_method)),
        /// HTTP paths, exact or with `*` at the start or end; any unless written. `/charges/*` isn't `/charges`.
        paths: Set<String> = optional()
            .check("At least one path; leave the argument out for any.", is_not_empty)
            .check("Paths that start with `/` or `*`, with `*` at the start or end alone.", |v| every(v, is_path)),
        /// Ports of the Service, by number; every one that the block governs unless written.
        ports: Set<PortNumber> = optional().check("At least one port; leave the argument out for any.", is_not_empty),
    }
}

model! {
    /// What is computed.
    pub struct Outputs {
        /// The host that callers call, `payments.pci.svc.cluster.local`; null with `service = "none"`.
        host: Attr<String> = computed(),
        /// The identity, as `from` takes it: `cluster.local/ns/pci/sa/payments`.
        principal: Attr<String> = computed(),
        /// The preset in effect.
        effective_resiliency: Attr<Preset> = computed(),
        /// Everybody who may call, as `from` takes them; `anonymous` alone where nothing is enforced.
        effective_callers: Set<String> = computed(),
    }
}

fn is_method(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_uppercase() || c == b'-')
}

/// Istio compares by prefix and suffix, and by the path templates `{*}` and `{**}`.
fn is_path(text: &str) -> bool {
    let templated = text.replace("{**}", "x").replace("{*}", "x");
    let inner = templated.strip_prefix('*').unwrap_or(&templated);
    let inner = inner.strip_suffix('*').unwrap_or(inner);
    text.starts_with(['/', '*']) && !inner.contains('*')
}
