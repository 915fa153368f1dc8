//! Warnings about plans that end a protection of the mesh. Values that are unknown at plan cause no warning.

use super::{DenyAllMode, GlobalDefaults, ValidationAction};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::Known,
    mesh::istio::{peer_authentication::MtlsMode, sidecar::OutboundMode},
};

/// Something that an argument prevents.
struct Protection {
    argument: &'static str,
    /// What is possible without it.
    consequence: &'static str,
    /// Whether a configuration has it.
    is_active: fn(&GlobalDefaults) -> Known<bool>,
}

const PROTECTIONS: [Protection; 7] = [
    Protection {
        argument: "mtls",
        consequence: "workloads accept clear text, and callers without identity",
        is_active: |defaults| defaults.mtls.known()?.map_or(Ok(false), |mtls| Ok(mtls.mode()? == MtlsMode::Strict)),
    },
    Protection {
        argument: "authorization",
        consequence: "workloads without a policy of their own take every call",
        is_active: |defaults| {
            let block = defaults.authorization.known()?;
            block.map_or(Ok(false), |block| Ok(*block.mode.required()? == DenyAllMode::Enforce))
        },
    },
    Protection {
        argument: "outbound_traffic_policy",
        consequence: "workloads call what the mesh doesn't declare",
        is_active: |defaults| Ok(defaults.outbound_traffic_policy()? == Some(OutboundMode::RegistryOnly)),
    },
    Protection {
        argument: "jwt",
        consequence: "tokens aren't verified",
        is_active: |defaults| Ok(!defaults.jwt.known()?.is_empty()),
    },
    Protection {
        argument: "require_end_user",
        consequence: "requests without an end user's token pass",
        is_active: |defaults| Ok(defaults.require_end_user.known()?.is_some()),
    },
    Protection {
        argument: "external_authorization",
        consequence: "no authorizer is asked about requests",
        is_active: |defaults| Ok(defaults.external_authorization.known()?.is_some()),
    },
    Protection {
        argument: "guardrails",
        consequence: "the API server takes from teams whatever their rights allow",
        is_active: |defaults| {
            defaults.guardrails.known()?.map_or(Ok(false), |block| Ok(block.action()? == ValidationAction::Deny))
        },
    },
];

impl GlobalDefaults {
    fn active_protections(&self) -> impl Iterator<Item = &'static Protection> {
        PROTECTIONS.iter().filter(|protection| (protection.is_active)(self) == Ok(true))
    }

    /// Warns of protections of `prior` that `planned` doesn't have.
    pub fn warn_of_change(prior: &Self, planned: &Self, out: &mut Diagnostics) {
        let ended = |protection: &&Protection| (protection.is_active)(planned) == Ok(false);
        for Protection { argument, consequence, .. } in prior.active_protections().filter(ended) {
            out.warn(
                &Path::root().attribute(argument),
                "Change removes protection of the mesh",
                format!(
                    "{argument} no longer applies after this apply: from then on {consequence}, unless another policy says otherwise. If that isn't intended, restore it."
                ),
            );
        }
    }

    /// Warns of all protections, which end with the destroy.
    pub fn warn_of_destroy(&self, out: &mut Diagnostics) {
        let line = |protection: &Protection| format!("- {} ({})", protection.consequence, protection.argument);
        let lines: Vec<String> = self.active_protections().map(line).collect();
        if !lines.is_empty() {
            out.warn(
                &Path::root(),
                "Change removes protection of the mesh",
                format!(
                    "After the destroy these defaults no longer apply. Unless other objects say otherwise:\n{}",
                    lines.join("\n")
                ),
            );
        }
    }
}
