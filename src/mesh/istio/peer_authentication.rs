//! PeerAuthentication: whether workloads accept clear text from their peers.

use std::collections::BTreeMap;

use serde::Serialize;

use super::WorkloadSelector;
use crate::mesh::{port::PortNumber, text::text_enum};

/// `spec`
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PeerAuthentication {
    /// None: every workload of the namespace; of the mesh, in the root namespace. Two for one workload aren't merged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<WorkloadSelector>,
    /// Of all ports.
    pub mtls: Mtls,
    /// Of single ports of the workload, not of its Service; only with a selector.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub port_level_mtls: BTreeMap<PortNumber, Mtls>,
}

impl PeerAuthentication {
    /// One mode for all workloads and ports.
    pub fn for_all_workloads(mode: MtlsMode) -> Self {
        Self { selector: None, mtls: mode.into(), port_level_mtls: BTreeMap::new() }
    }
}

/// Mutual TLS.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Mtls {
    /// `STRICT`, `PERMISSIVE` or `DISABLE`
    pub mode: &'static str,
}

text_enum! {
    /// Whether workloads accept clear text from their peers.
    pub enum MtlsMode {
        /// They don't.
        Strict = "strict",
        /// They accept both.
        Permissive = "permissive",
        /// They accept nothing else.
        Disable = "disable",
    }
}

impl From<MtlsMode> for Mtls {
    fn from(mode: MtlsMode) -> Self {
        let mode = match mode {
            MtlsMode::Strict => "STRICT",
            MtlsMode::Permissive => "PERMISSIVE",
            MtlsMode::Disable => "DISABLE",
        };
        Self { mode }
    }
}
