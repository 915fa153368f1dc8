//! What Configure makes, and every call gets.

use super::run::Run;
use crate::{
    engine::ReportedMessages,
    known::Known,
    kubernetes::Cluster,
    mesh::{Mesh, checks::Levels, text::text_enum},
};

text_enum! {
    /// What a plan makes of resources that it can't read.
    pub enum OnUnreadable {
        /// It fails: a drift report must not say "no changes" about what it didn't see.
        Error = "error",
        /// It goes on with what the state says.
        Warn = "warn",
    }
}

/// The provider block, made ready. One per Configure: what it holds is forgotten with the run.
pub struct Context {
    /// Mesh-wide settings; `Err`: some of them come at apply.
    pub mesh: Known<Mesh>,
    /// Who this configuration is; `Err`: that comes at apply.
    pub owner: Known<String>,
    /// Connects on first use.
    pub cluster: Cluster,
    /// Whether fields of shared kinds are taken from other managers.
    pub force_conflicts: bool,
    /// What a plan makes of resources that it can't read.
    pub on_unreadable: OnUnreadable,
    /// What the findings of live checks are worth.
    pub checks: Levels,
    /// Warnings that one run tells once.
    pub reported: ReportedMessages,
    /// What the resources of one run know of each other.
    pub run: Run,
}
