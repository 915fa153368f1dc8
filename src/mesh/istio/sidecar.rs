//! Sidecar: the hosts of the mesh that the proxies of some workloads know. A workload uses only the most specific
//! Sidecar.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::mesh::text::text_enum;

/// `spec` of a Sidecar.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sidecar {
    /// Workloads that the Sidecar applies to. `None`: every workload of the namespace, or of the mesh if the Sidecar is
    /// in the root namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload_selector: Option<NetworkingWorkloadSelector>,
    /// Outbound listeners. The provider writes one, for every port.
    pub egress: Vec<Egress>,
    /// Policy for calls of unknown hosts. Without it a Sidecar has the policy of `meshConfig`, even if the Sidecar of the root
    /// namespace has another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outbound_traffic_policy: Option<OutboundTrafficPolicy>,
}

/// The workload selector of Istio's networking API, whose field has another name than that of
/// [`WorkloadSelector`](super::WorkloadSelector).
#[derive(Clone, Debug, Serialize)]
pub struct NetworkingWorkloadSelector {
    /// Labels that a workload must have, all of them.
    pub labels: BTreeMap<String, String>,
}

/// An outbound listener.
#[derive(Clone, Debug, Serialize)]
pub struct Egress {
    /// Known hosts as `namespace/host`, where each part may be `*`, and the namespace `.` is that of the Sidecar.
    pub hosts: BTreeSet<String>,
}

/// The policy for calls of hosts that the proxy doesn't know.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct OutboundTrafficPolicy {
    /// `REGISTRY_ONLY` or `ALLOW_ANY`.
    pub mode: &'static str,
}

/// The element of [`Egress::hosts`] that stands for no host at all, since Istio requires at least one element.
pub const NO_HOSTS: &str = "~/*";

text_enum! {
    /// The policy for calls of hosts that the proxy doesn't know, as users write it.
    pub enum OutboundMode {
        /// The calls fail.
        RegistryOnly = "registry_only",
        /// The calls are forwarded unchanged to the address that the application has connected to.
        AllowAny = "allow_any",
    }
}

text_enum! {
    /// The policy for calls of hosts that `calls` doesn't list, as users write it.
    pub enum UnlistedCalls {
        /// The calls fail.
        RegistryOnly = "registry_only",
        /// The calls are forwarded unchanged to the address that the application has connected to.
        AllowAny = "allow_any",
        /// The Sidecar has no policy, so that of `meshConfig` holds.
        Inherit = "inherit",
    }
}

impl UnlistedCalls {
    /// The policy of the Sidecar; `None` if it has none of its own.
    pub fn policy(self) -> Option<OutboundTrafficPolicy> {
        match self {
            Self::RegistryOnly => Some(OutboundMode::RegistryOnly.into()),
            Self::AllowAny => Some(OutboundMode::AllowAny.into()),
            Self::Inherit => None,
        }
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
