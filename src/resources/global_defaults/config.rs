//! The arguments of `mesh_global_defaults`.

use crate::{
    mesh::{
        global_defaults::{Authorization as Mode, EgressHost},
        istio::{peer_authentication::MtlsMode, sidecar::Outbound},
        resiliency::Preset,
    },
    model,
    resources::{arguments::is_not_empty, timeouts::Timeouts},
    schema::{
        Attr, Block,
        model::{Set, block, optional, required},
    },
};

model! {
    /// What holds for the whole mesh where nobody says otherwise: one per cluster and root namespace. Nothing holds that isn't
    /// written.
    pub struct Config {
        /// What happens to calls that nothing in the mesh declares: they fail (`registry_only`) or leave the mesh as they are
        /// (`allow_any`). Absent: `registry_only` with a `sidecar` block, else what the installation says.
        outbound_traffic_policy: Attr<Outbound> = optional(),
        /// How failures are met by callers of services that don't say it themselves. Absent: Istio's defaults.
        resiliency: Attr<Preset> = optional(),
        /// Whether objects of the same names that somebody else made are taken over; false unless written: then the plan
        /// refuses, and names who has them. Adopted ServiceAccounts and Services are left in place on destroy.
        adopt_existing: Attr<bool> = optional(),
        /// Whether workloads accept clear text from each other. Absent: what the installation says.
        mtls: Block<Mtls> = block(),
        /// What happens to calls that no policy allows. Absent: what the installation says.
        authorization: Block<Authorization> = block(),
        /// What workloads may call, where their service doesn't say `calls`. Absent: everything in the mesh.
        sidecar: Block<Sidecar> = block(),
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
    /// Calls that no policy allows.
    pub struct Authorization {
        /// `audit` marks them for access logs, `dry_run` counts them (rightly where the services' own policies run dry too),
        /// `enforce` refuses them; `off` is as good as no block.
        mode: Attr<Mode> = required(),
    }
}

model! {
    /// What workloads may call.
    pub struct Sidecar {
        /// The hosts; the workload's own namespace and the root namespace unless written.
        egress_hosts: Set<EgressHost> = optional().check("At least one host.", is_not_empty),
    }
}
