//! How the pods of a namespace are part of the mesh.

use serde_json::Value as Json;

use crate::mesh::{
    istio::{DATAPLANE_MODE, INJECTION, REVISION},
    live_objects::label,
};

/// The data plane of a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DataPlane {
    /// Pods get a sidecar.
    Sidecar,
    /// Ambient mode: traffic passes the node's proxy.
    Ambient,
    /// Pods aren't part of the mesh.
    None,
}

impl DataPlane {
    /// The word in the outputs.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Sidecar => "sidecar",
            Self::Ambient => "ambient",
            Self::None => "none",
        }
    }
}

/// The label of a Namespace that decides about injection, and its value. `istio-injection` takes precedence.
pub(super) fn injection_label(namespace: &Json) -> Option<(&'static str, &str)> {
    [INJECTION, REVISION].into_iter().find_map(|key| Some((key, label(namespace, key)?)))
}

/// The data plane of a Namespace. Pods with a sidecar are left out of ambient mode.
pub(super) fn data_plane(namespace: &Json) -> DataPlane {
    match injection_label(namespace) {
        Some((INJECTION, "enabled") | (REVISION, _)) => DataPlane::Sidecar,
        _ if label(namespace, DATAPLANE_MODE) == Some("ambient") => DataPlane::Ambient,
        _ => DataPlane::None,
    }
}
