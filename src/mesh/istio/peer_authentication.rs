//! PeerAuthentication: whether workloads accept clear text from their peers.

use serde::Serialize;

use crate::mesh::text::words;

/// `spec`
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PeerAuthentication {
    /// Of all ports.
    pub mtls: Mtls,
}

/// Mutual TLS.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Mtls {
    /// `STRICT`, `PERMISSIVE` or `DISABLE`
    pub mode: &'static str,
}

words! {
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
