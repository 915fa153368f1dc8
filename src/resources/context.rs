//! What Configure makes, and every call gets.

use crate::{engine::Once, known::Known, kubernetes::Cluster, mesh::Mesh};

/// The provider block, made ready. One per Configure: what it holds is forgotten with the run.
pub struct Context {
    /// Mesh-wide settings; `Err`: some of them come at apply.
    pub mesh: Known<Mesh>,
    /// Who this configuration is; `Err`: that comes at apply.
    pub owner: Known<String>,
    /// Connects on first use.
    pub cluster: Cluster,
    /// Warnings that one run tells once.
    pub once: Once,
}
