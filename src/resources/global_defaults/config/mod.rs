//! The arguments of `mesh_global_defaults`.
//!
//! | file | arguments |
//! | --- | --- |
//! | [`access`] | `authorization`, `gateway_access`, `external_authorization` |
//! | [`tokens`] | `jwt`, `require_end_user` |
//! | [`telemetry`] | `telemetry` |
//! | [`guardrails`] | `guardrails` |

pub(super) mod access;
pub(super) mod guardrails;
pub(super) mod telemetry;
pub(super) mod tokens;

use crate::{
    mesh::timeouts::Timeouts,
    mesh::{
        duration::{Duration, is_positive},
        global_defaults::EgressHost,
        istio::{peer_authentication::MtlsMode, sidecar::Outbound},
        resiliency::{Preset, Retries},
    },
    model,
    resources::arguments::is_not_empty,
    schema::{
        Attr, Block, Blocks, Map,
        model::{Set, block, optional},
    },
};

model! {
    /// What holds for the whole mesh where nobody says otherwise: one per cluster and root namespace. Nothing holds that isn't
    /// written.
    pub struct Config {
        /// What happens to calls that nothing in the mesh declares: they fail (`registry_only`) or leave the mesh as they are
        /// (`allow_any`). Absent: `registry_only` with a `sidecar` block, else what the installation says.
        outbound_traffic_policy: Attr<Outbound> = optional(),
        /// How failures are met by callers of services that don't say it themselves: limits, ejection, retries. Absent: Istio's
        /// defaults.
        resiliency: Attr<Preset> = optional(),
        /// How long a request may take, its retries included, to a service that says nothing of its own. It cuts streams, too:
        /// what Istio makes for such services can't tell them from requests. Absent: no limit.
        request_timeout: Attr<Duration> = optional().check("Longer than nothing.", is_positive),
        /// Labels on every object of this resource.
        labels: Map<String> = optional(),
        /// Annotations on every object of this resource.
        annotations: Map<String> = optional(),
        /// Whether a destroy is refused; false unless written.
        deletion_protection: Attr<bool> = optional(),
        /// Whether objects of the same names that somebody else made are taken over; false unless written: then the plan
        /// refuses, and names who has them.
        adopt_existing: Attr<bool> = optional(),
        /// Whether workloads accept clear text from each other. Absent: what the installation says.
        mtls: Block<Mtls> = block(),
        /// What happens to calls that no policy allows. Absent: what the installation says.
        authorization: Block<access::Authorization> = block(),
        /// A gateway of somebody else, which keeps its way in while calls that no policy allows are refused; one block for each.
        gateway_access: Blocks<access::GatewayAccess> = block(),
        /// What workloads may call, where their service doesn't say `calls`. Absent: everything in the mesh.
        sidecar: Block<Sidecar> = block(),
        /// Sending requests again, to services that say nothing of their own. Absent: as `resiliency` says.
        retries: Block<Retries> = block(),
        /// An issuer whose tokens workloads verify; one block for each. A request with a wrong token is refused, one without
        /// passes: `require_end_user`, here or on a service, asks for one.
        jwt: Blocks<tokens::Jwt> = block(),
        /// Whether requests must carry a verified token of an end user. Absent: they needn't.
        require_end_user: Block<tokens::RequireEndUser> = block(),
        /// Whom proxies ask about requests, before they look at any other rule. Absent: nobody.
        external_authorization: Block<access::ExternalAuthorization> = block(),
        /// What proxies tell of requests. Absent: what the installation says.
        telemetry: Block<telemetry::Telemetry> = block(),
        /// What the API server keeps teams from, whatever their rights allow. Absent: nothing.
        guardrails: Block<guardrails::Guardrails> = block(),
        /// How long operations may take.
        timeouts: Block<Timeouts> = block(),
    }
}

model! {
    /// Mutual TLS between workloads.
    pub struct Mtls {
        /// `strict` unless written.
        mode: Attr<MtlsMode> = optional(),
    }
}

model! {
    /// What workloads may call.
    pub struct Sidecar {
        /// The hosts; the workload's own namespace and the root namespace unless written.
        egress_hosts: Set<EgressHost> = optional().check("At least one host.", is_not_empty),
    }
}
