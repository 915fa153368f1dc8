//! PeerAuthentication: whether workloads require mutual TLS of their callers.

use std::collections::BTreeMap;

use serde::Serialize;

use super::WorkloadSelector;
use crate::mesh::{port::PortNumber, text::text_enum};

/// `spec` of a PeerAuthentication.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PeerAuthentication {
    /// Workloads that the object applies to. `None`: every workload of the namespace, or of the mesh if the object is
    /// in the root namespace. Istio doesn't merge two objects for one workload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<WorkloadSelector>,
    /// Mode of every port without a mode of its own.
    pub mtls: Mtls,
    /// Modes of single ports of the workload, which may differ from those of the Service. Istio requires a selector
    /// with them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub port_level_mtls: BTreeMap<PortNumber, Mtls>,
}

impl PeerAuthentication {
    /// Makes a PeerAuthentication with one mode for every workload and port.
    pub fn for_all_workloads(mode: MtlsMode) -> Self {
        Self { selector: None, mtls: mode.into(), port_level_mtls: BTreeMap::new() }
    }
}

/// A mode of mutual TLS.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Mtls {
    /// `STRICT`, `PERMISSIVE` or `DISABLE`.
    pub mode: &'static str,
}

text_enum! {
    /// A mode of mutual TLS, as users write it.
    pub enum MtlsMode {
        /// Workloads accept only mutual TLS.
        Strict = "strict",
        /// Workloads accept mutual TLS and plain text.
        Permissive = "permissive",
        /// Workloads accept only plain text.
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
