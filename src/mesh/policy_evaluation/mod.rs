//! Evaluates AuthorizationPolicies that are in a cluster: whether the proxy of a workload admits a request. Pure: manifests
//! and a request in, a decision out.
//!
//! | file | content |
//! | --- | --- |
//! | [`manifest`] | the fields of a policy, read from its manifest |
//! | [`request`] | a request and the workload that receives it |
//! | [`rule`] | whether a rule matches a request |
//! | [`patterns`] | how values of a rule match attributes |
//!
//! The semantics and their sources:
//!
//! - CUSTOM policies are evaluated first, then DENY policies, then ALLOW policies. Without an ALLOW policy every request is
//!   admitted that no DENY policy refuses
//!   (<https://istio.io/latest/docs/concepts/security/#implicit-enablement>).
//! - A policy without rules matches no request, and an empty rule matches every request
//!   (<https://istio.io/latest/docs/reference/config/security/authorization-policy/>).
//! - A policy without a selector applies to every workload of its namespace, and one in the root namespace to the whole mesh
//!   (same page). Policies with `targetRefs` apply to waypoints and gateways of the Gateway API, which are no workloads with
//!   a sidecar.
//! - The annotation `istio.io/dry-run: "true"` takes a policy out of enforcement
//!   (<https://istio.io/latest/docs/tasks/security/authorization/authz-dry-run/>).
//! - On TCP ports an ALLOW rule with HTTP attributes never matches, and in rules of other actions these attributes are
//!   ignored (<https://istio.io/latest/docs/tasks/security/authorization/authz-tcp/>; `checkError` in Istio's
//!   `pilot/pkg/security/authz/model/model.go`).
//! - With CUSTOM policies of two providers on one workload, requests that match one of them are refused (measured on Istio
//!   1.31.1; `getBadCustomDenyRules` in Istio's `pilot/pkg/security/authz/builder/builder.go`).

mod manifest;
mod patterns;
mod request;
mod rule;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::Value as Json;

use self::{
    manifest::Policy,
    rule::{Action, Rule},
};
pub use self::{
    manifest::{UnsupportedPolicy, is_dry_run},
    patterns::matches_path,
    request::{HttpRequest, Request, Workload},
};

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A policy refuses the request, whatever an external authorizer says.
    Refused,
    /// The request is admitted if the named extension provider admits it.
    Asks(String),
    /// The request is admitted.
    Admitted,
}

/// The enforced policies of one workload.
#[derive(Clone, Debug)]
pub struct Policies {
    policies: Vec<Policy>,
}

impl Policies {
    /// Selects the policies that are enforced at `workload`. Manifests of other kinds are ignored. A policy with a field or a
    /// condition that this evaluation doesn't support is an error, since ignoring it would give wrong answers.
    pub fn of_workload<'a>(
        manifests: impl IntoIterator<Item = &'a Json>,
        workload: &Workload,
        root_namespace: &str,
    ) -> Result<Self, UnsupportedPolicy> {
        let mut policies = Vec::new();
        for manifest in manifests {
            if let Some(policy) = Policy::from_manifest(manifest)?
                && policy.is_enforced
                && policy.applies_to(workload, root_namespace)
            {
                policies.push(policy);
            }
        }
        Ok(Self { policies })
    }

    /// Decides about a request to the workload.
    pub fn decide(&self, request: &Request) -> Decision {
        let refuses = self.rules(Action::Deny).any(|rule| rule.matches(request, Action::Deny));
        let has_allow_policy = self.policies.iter().any(|policy| policy.action == Action::Allow);
        let is_allowed =
            !has_allow_policy || self.rules(Action::Allow).any(|rule| rule.matches(request, Action::Allow));
        if refuses || !is_allowed {
            return Decision::Refused;
        }
        let custom = || self.policies.iter().filter(|policy| policy.action == Action::Custom);
        let asks = |policy: &&Policy| policy.rules.iter().any(|rule| rule.matches(request, Action::Custom));
        let Some(policy) = custom().find(asks) else { return Decision::Admitted };
        let providers: BTreeSet<&str> = custom().map(|policy| policy.provider.as_str()).collect();
        if providers.len() > 1 { Decision::Refused } else { Decision::Asks(policy.provider.clone()) }
    }

    fn rules(&self, action: Action) -> impl Iterator<Item = &Rule> {
        self.policies.iter().filter(move |policy| policy.action == action).flat_map(|policy| &policy.rules)
    }
}
