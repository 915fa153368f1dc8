//! The arguments of `mesh_service`, and what it computes. Blocks stand beside, by what they are about:
//!
//! | file | blocks |
//! | --- | --- |
//! | [`access`] | who may call: `allow`, `deny`, end users, external authorization |
//! | [`traffic`] | how failures are met, versions, routes, failover |
//! | [`ingress`] | traffic from outside |

pub(super) mod access;
pub(super) mod ingress;
pub(super) mod traffic;

use self::{
    access::{Calls, ExternalAuthorization, RequireEndUser},
    ingress::Ingress,
    traffic::{Failover, Route, Version},
};
use crate::{
    mesh::timeouts::Timeouts,
    mesh::{
        duration::Duration,
        global_name::{GLOBAL_NAME, is_global_name},
        names,
        port::{PortNumber, Protocol},
        reference::Destination,
        resiliency::{CircuitBreaker, OutlierDetection, Preset, Retries},
        service::{Access, AuthorizationMode, Management, Patch, ReplacedObject, Unmanaged},
    },
    model,
    resources::arguments::{every, is_namespace, is_not_empty, text, within},
    schema::{
        Attr, Block, Blocks, List, Map,
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
        /// A name for the service that stays when it moves: callers call it everywhere in the mesh, on the ports of the
        /// Service, and on port 80. By the provider's `global_name_template` unless written.
        global_name: Attr<String> = optional().check(GLOBAL_NAME, |v| text(v, is_global_name)),
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
        /// How far `access`, `allow`, `deny` and `require_end_user` hold: `enforce` (the default) refuses, `dry_run` lets through
        /// and counts what would be refused, `off` writes no policy. While nothing is enforced, every namespace sees the service
        /// and no external authorizer is asked, since Istio has no trial of that. Where the mesh denies by default already,
        /// only `enforce` lets callers in.
        authorization_mode: Attr<AuthorizationMode> = optional(),
        /// Whom it calls: its proxies know these destinations, and refuse others. Absent: what the namespace's Sidecar says;
        /// `[]`: only itself.
        calls: Set<Destination> = optional(),
        /// How failures are met; `medium` unless written.
        resiliency: Attr<Preset> = optional(),
        /// The longest that a request may take, its retries included; `0s`: no limit. By the preset unless written, where gRPC
        /// has no limit.
        request_timeout: Attr<Duration> = optional(),
        /// Whether requests may be streams that live for long: no timeout. Excludes `request_timeout`.
        streaming: Attr<bool> = optional(),
        /// Regions or other labels of nodes by which near endpoints are preferred, in order, as Istio's `failoverPriority`
        /// takes them, like `topology.kubernetes.io/region`. Excludes `failover`.
        failover_priority: List<String> = optional()
            .check("At least one label.", is_not_empty)
            .check("Keys of labels, alone or as `key=value`.", |v| every(v, is_failover_label)),
        /// Seconds between moving traffic off a version and removing it, so that no proxy still sends it there; 2 unless written.
        drain_seconds: Attr<u32> = optional().check("0 to 300.", |v| within(v, 0..=300)),
        /// Namespaces that see the service: its Service, routes and global name. By `allow` and `access` unless written. The
        /// service's own (`.`) and the provider's `gateway_namespaces` always do.
        export_to: Set<String> = optional()
            .check("At least one namespace.", is_not_empty)
            .check("Names of namespaces, `.` for the service's own, or `*` alone.", |v| every(v, is_export)),
        /// The name of the Istio objects that configure the service, where they have another one than `<name>-<namespace>`
        /// already; further ones end in `-deny`, `-ingress` and so on. When it changes, objects of the new name are made first,
        /// then those of the old one go.
        object_name: Attr<String> = optional()
            .check(names::SUBDOMAIN, |v| text(v, names::is_subdomain))
            .check(OBJECT_NAME, |v| text(v, is_object_name)),
        /// Objects of others in the namespace that this resource's take the place of, `Kind/name`: they are deleted after ours
        /// are made, for example `VirtualService/payments-vs`.
        replaces: Set<ReplacedObject> = optional(),
        /// Kinds that something else makes for this service, like Argo Rollouts or Flagger: none is written here, and one
        /// that was is released, not deleted.
        unmanaged: Set<Unmanaged> = optional(),
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
        allow: Blocks<Calls> = block(),
        /// Who may not call, whatever `allow` says.
        deny: Blocks<Calls> = block(),
        /// Requests without a verified token of an end user are refused, on HTTP ports.
        require_end_user: Block<RequireEndUser> = block(),
        /// An authorizer of the mesh is asked about requests, on HTTP ports, once `authorization_mode` is `enforce`.
        external_authorization: Block<ExternalAuthorization> = block(),
        /// Sending requests again; by the preset unless written.
        retries: Block<Retries> = block(),
        /// Limits; by the preset unless written.
        circuit_breaker: Block<CircuitBreaker> = block(),
        /// When an endpoint that fails is left out; by the preset unless written.
        outlier_detection: Block<OutlierDetection> = block(),
        /// Versions of the workload, and how requests are shared out among them.
        version: Blocks<Version> = block(),
        /// Requests that go another way, in order: the first that matches.
        route: Blocks<Route> = block(),
        /// Where requests of a region go when all of its endpoints fail.
        failover: Blocks<Failover> = block(),
        /// Traffic from outside, through gateways.
        ingress: Blocks<Ingress> = block(),
        /// A field of Istio that no argument stands for.
        r#override: Blocks<Override> = block(),
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
    /// A field of Istio that no argument stands for, written into one of the objects of this resource. It is visible in
    /// `objects`; prefer an argument wherever there is one.
    pub struct Override {
        /// The kind of the object.
        kind: Attr<String> = required(),
        /// What follows the object's usual name, where there are several of the kind: `ingress`, `deny`, `end-user`,
        /// `ext-authz`.
        suffix: Attr<String> = optional(),
        /// A JSON merge patch, of `spec` alone: `jsonencode({ spec = { ... } })`. null removes a field.
        patch: Attr<Patch> = required(),
    }
}

model! {
    /// What is computed.
    pub struct Outputs {
        /// The host that callers call, `payments.pci.svc.cluster.local`; null with `service = "none"`.
        host: Attr<String> = computed(),
        /// The global name, which callers call in place of `host`; null without one.
        global_host: Attr<String> = computed(),
        /// The identity, as `from` takes it: `cluster.local/ns/pci/sa/payments`.
        principal: Attr<String> = computed(),
        /// The preset in effect.
        effective_resiliency: Attr<Preset> = computed(),
        /// Everybody who may call, as `from` takes them; `anonymous` alone where nothing is enforced. What `deny` refuses isn't
        /// taken away.
        effective_callers: Set<String> = computed(),
    }
}

/// The longest suffix, `-ingress-` and a label, fits in the 253 characters that Kubernetes admits.
const OBJECT_NAME: &str = "180 characters at most: names of further objects are longer.";

fn is_object_name(text: &str) -> bool {
    text.len() <= 180
}

fn is_export(text: &str) -> bool {
    matches!(text, "." | "*") || names::is_label(text)
}

fn is_failover_label(text: &str) -> bool {
    names::is_metadata_key(text.split_once('=').map_or(text, |(key, _)| key))
}
