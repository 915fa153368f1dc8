//! The live check of extension providers that the mesh configuration must define.

use super::{
    checks::{Code::MissingProvider, Findings},
    mesh_config::MeshConfig,
};
use crate::{diagnostics::Path, known::Known};

/// Reports the provider of a block if the mesh configuration doesn't define it.
pub(super) fn check_provider(
    provider: Known<&str>,
    defined: &[&str],
    installed: &MeshConfig,
    block: &Path,
    consequence: &str,
    out: &mut Findings,
) {
    let Ok(provider) = provider else { return };
    if defined.contains(&provider) {
        return;
    }
    let defined = if defined.is_empty() { "none of its kind".to_owned() } else { defined.join(", ") };
    out.report_at(
        MissingProvider,
        block.attribute("provider"),
        "Unknown extension provider",
        &format!(
            "ConfigMap {} defines {defined}, not {provider}: {consequence}. Correct provider, or have it added to \
             extensionProviders where Istio is installed.",
            installed.name
        ),
    );
}
