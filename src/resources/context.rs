//! The context of a call: the provider block, ready to use.

use std::sync::Arc;

use super::run::RunState;
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    engine::ReportedMessages,
    known::Known,
    kubernetes::Cluster,
    mesh::{Mesh, checks::Levels, text::text_enum},
    plugin::interface::Call,
};

text_enum! {
    /// How a plan treats resources that it can't read.
    pub enum OnUnreadable {
        /// It fails, so that a drift report never says "no changes" about objects that weren't read.
        Error = "error",
        /// It warns and continues with the values of the state.
        Warn = "warn",
    }
}

/// The context of a call. Core calls Configure first.
pub fn configured_context(call: &Call<Context>, out: &mut Diagnostics) -> Result<Arc<Context>, Reported> {
    call.context.clone().ok_or_else(|| {
        out.error(
            &Path::root(),
            "The provider isn't configured",
            "Core asked for a resource or a data source before it sent the provider block.",
        )
    })
}

/// The configured provider. Each Configure makes a new one, so its contents live as long as a run.
pub struct Context {
    /// Arguments that hold for the whole mesh; unknown while one of them is.
    pub mesh: Known<Mesh>,
    /// The unique name of this configuration, `owner`.
    pub owner: Known<String>,
    /// The cluster, which is connected to on first use.
    pub cluster: Cluster,
    /// Whether fields of shared kinds are taken from other field managers.
    pub force_conflicts: bool,
    /// Whether an annotation records the arguments of each resource.
    pub record_arguments: bool,
    /// How a plan treats resources that it can't read.
    pub on_unreadable: OnUnreadable,
    /// Whether the findings of each live check are ignored, warnings or errors.
    pub checks: Levels,
    /// Messages that are reported once in a run, not once for each resource.
    pub reported: ReportedMessages,
    /// State that the resources of one run share.
    pub run: RunState,
}

impl Context {
    /// Whether an argument of the provider block is unknown that reads and plans need.
    pub fn is_unknown(&self) -> bool {
        self.mesh.is_err() || self.owner.is_err() || self.cluster.is_unknown()
    }
}
