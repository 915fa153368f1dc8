//! What a change or a destroy opens: what held, and holds no more. Only what is known is told.

use super::{Action, GlobalDefaults, Mode};
use crate::{
    diagnostics::{Diagnostics, Path},
    mesh::istio::{peer_authentication::MtlsMode, sidecar::OutboundMode},
};

impl GlobalDefaults {
    /// What these defaults keep closed: the argument, and what opens without it.
    fn holds(&self) -> Vec<(&'static str, &'static str)> {
        let mut holds = Vec::new();
        if let Ok(Some(Ok(MtlsMode::Strict))) = self.mtls {
            holds.push(("mtls", "workloads accept clear text, and callers without identity"));
        }
        if let Ok(Some(authorization)) = &self.authorization
            && authorization.mode == Ok(Mode::Enforce)
        {
            holds.push(("authorization", "workloads without a policy of their own take every call"));
        }
        let sidecar = matches!(self.sidecar, Ok(Some(_)));
        match self.outbound_traffic_policy {
            Ok(Some(OutboundMode::RegistryOnly)) => {}
            Ok(None) if sidecar => {}
            _ => return self.holds_of_requests(holds),
        }
        holds.push(("outbound_traffic_policy", "workloads call what the mesh doesn't declare"));
        self.holds_of_requests(holds)
    }

    fn holds_of_requests(&self, mut holds: Vec<(&'static str, &'static str)>) -> Vec<(&'static str, &'static str)> {
        if matches!(&self.jwt, Ok(jwt) if !jwt.is_empty()) {
            holds.push(("jwt", "tokens aren't verified"));
        }
        if matches!(self.require_end_user, Ok(Some(_))) {
            holds.push(("require_end_user", "requests without an end user's token pass"));
        }
        if matches!(self.external_authorization, Ok(Some(_))) {
            holds.push(("external_authorization", "requests pass unasked"));
        }
        if let Ok(Some(guardrails)) = &self.guardrails
            && guardrails.action == Ok(Action::Deny)
        {
            holds.push(("guardrails", "the API server takes from teams whatever their rights allow"));
        }
        holds
    }

    /// Whether something of it may still hold, as far as is known.
    fn may_hold(&self, argument: &str) -> bool {
        let unknown = match argument {
            "mtls" => matches!(self.mtls, Err(_) | Ok(Some(Err(_)))),
            "authorization" => match &self.authorization {
                Ok(Some(authorization)) => authorization.mode.is_err(),
                other => other.is_err(),
            },
            "outbound_traffic_policy" => self.sidecar.is_err() || self.outbound_traffic_policy.is_err(),
            "jwt" => self.jwt.is_err(),
            "require_end_user" => self.require_end_user.is_err(),
            "external_authorization" => self.external_authorization.is_err(),
            _ => match &self.guardrails {
                Ok(Some(guardrails)) => guardrails.action.is_err(),
                other => other.is_err(),
            },
        };
        unknown || self.holds().iter().any(|(held, _)| *held == argument)
    }

    /// Tells what opens when `after` takes the place of these defaults.
    pub fn check_change(&self, after: &Self, out: &mut Diagnostics) {
        for (argument, opens) in self.holds().into_iter().filter(|(argument, _)| !after.may_hold(argument)) {
            out.warn(
                &Path::root().attribute(argument),
                "This opens the mesh",
                format!(
                    "{argument} holds no more after this apply: from then on {opens}, where nothing else says otherwise. If \
                     that isn't meant, put it back."
                ),
            );
        }
    }

    /// Tells what opens when these defaults are destroyed.
    pub fn check_destroy(&self, out: &mut Diagnostics) {
        let holds = self.holds();
        if holds.is_empty() {
            return;
        }
        let opens: Vec<String> = holds.iter().map(|(argument, opens)| format!("- {opens} ({argument})")).collect();
        out.warn(
            &Path::root(),
            "This opens the mesh",
            format!(
                "Nothing of these defaults holds after the destroy. Where nothing else says otherwise:\n{}",
                opens.join("\n")
            ),
        );
    }
}
