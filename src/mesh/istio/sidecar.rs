//! Sidecar: what the proxies of some workloads know of the mesh. The most specific one replaces the others whole.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::mesh::text::text_enum;

/// `spec`
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sidecar {
    /// None: every workload of the namespace; of the mesh, in the root namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload_selector: Option<NetworkingWorkloadSelector>,
    /// One listener for all.
    pub egress: Vec<Egress>,
    /// Always written: a Sidecar without it falls back to Istio's default, whatever the root one says.
    pub outbound_traffic_policy: OutboundTrafficPolicy,
}

/// The workloads with all of these labels.
#[derive(Clone, Debug, Serialize)]
pub struct NetworkingWorkloadSelector {
    /// All of these.
    pub labels: BTreeMap<String, String>,
}

/// What may be called.
#[derive(Clone, Debug, Serialize)]
pub struct Egress {
    /// `namespace/host`; `*` for all of either, `./` for the own namespace, `~/*` for nothing.
    pub hosts: BTreeSet<String>,
}

/// What happens to calls that no service of the mesh answers.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct OutboundTrafficPolicy {
    /// `REGISTRY_ONLY` or `ALLOW_ANY`
    pub mode: &'static str,
}

/// Nothing: Istio wants at least one host.
pub const NO_HOSTS: &str = "~/*";

text_enum! {
    /// What happens to calls that nothing in the mesh declares.
    pub enum OutboundMode {
        /// They fail.
        RegistryOnly = "registry_only",
        /// They leave the mesh as they are.
        AllowAny = "allow_any",
    }
}

impl From<OutboundMode> for OutboundTrafficPolicy {
    fn from(outbound: OutboundMode) -> Self {
        let mode = match outbound {
            OutboundMode::RegistryOnly => "REGISTRY_ONLY",
            OutboundMode::AllowAny => "ALLOW_ANY",
        };
        Self { mode }
    }
}
