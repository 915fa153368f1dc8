//! The live check of `telemetry` blocks: the mesh configuration must define their providers.

use super::Telemetry;
use crate::{
    diagnostics::Path,
    mesh::{checks::Findings, mesh_config::MeshConfig, provider_check::check_provider},
    schema::Blocks,
};

/// The providers of telemetry that Istio always has.
const BUILT_IN: [&str; 3] = ["envoy", "prometheus", "stackdriver"];

/// Whether there are blocks, whose providers the mesh configuration must define.
pub(in crate::mesh) fn is_used(blocks: &Blocks<Telemetry>) -> bool {
    blocks.known().is_ok_and(|blocks| !blocks.is_empty())
}

/// Reports providers that the mesh configuration doesn't define.
pub(in crate::mesh) fn check_providers(blocks: &Blocks<Telemetry>, installed: &MeshConfig, out: &mut Findings) {
    let mut defined = installed.extension_providers();
    defined.extend(BUILT_IN);
    let mut check =
        |provider, block: &Path| check_provider(provider, &defined, installed, block, "nothing is reported", out);
    for telemetry in blocks.known().into_iter().flatten() {
        if let Ok(Some(block)) = telemetry.tracing.known() {
            check(block.provider(), &block.at);
        }
        if let Ok(Some(block)) = telemetry.access_logging.known() {
            check(block.provider(), &block.at);
        }
        if let Ok(Some(block)) = telemetry.metrics.known() {
            check(block.provider(), &block.at);
        }
    }
}
