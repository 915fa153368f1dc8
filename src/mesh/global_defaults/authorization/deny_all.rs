//! deny-all: the policy of all workloads, whose rules are the requests that each of them accepts.

use super::Authorization;
use crate::{
    diagnostics::Diagnostics,
    known::Known,
    mesh::{
        global_defaults::context::{DefaultsContext, spec_and_elements_from, spec_from},
        istio::{
            DRY_RUN,
            authorization_policy::{AuthorizationPolicy, Rule},
        },
        stage,
    },
    object::{Key, Object},
    schema::At,
};

/// The name of the policy that denies requests, or counts them in a dry run.
pub(in crate::mesh::global_defaults) const DENY_ALL: &str = "deny-all";
/// The name of the policy that marks requests for access logs.
pub(in crate::mesh::global_defaults) const AUDIT: &str = "deny-all-audit";

impl At<Authorization> {
    /// An AUDIT policy needs a rule that matches every request: without a rule it matches none.
    pub(super) fn audit(&self, context: &DefaultsContext, key: Key) -> Known<Object> {
        let spec =
            AuthorizationPolicy { selector: None, action: "AUDIT", provider: None, rules: vec![Rule::default()] };
        context.object(key, &spec, stage::OPENING, spec_from(&self.at))
    }

    /// deny-all is an ALLOW policy, so that other ALLOW policies add to it. Fields with Istio's default values are set, too, so
    /// that the provider owns them.
    pub(super) fn deny_all(&self, dry_run: bool, context: &DefaultsContext, key: Key) -> Known<Object> {
        let allow = self.allow.known()?;
        let spec = AuthorizationPolicy { selector: None, action: "ALLOW", provider: None, rules: self.rules(context)? };
        let origins = spec_and_elements_from(&self.at, "spec.rules", allow.iter().map(|block| &block.at));
        context.with_annotation(DRY_RUN, &dry_run.to_string()).object(key, &spec, stage::CLOSING, origins)
    }

    /// The requests that every workload accepts.
    pub(super) fn rules(&self, context: &DefaultsContext) -> Known<Vec<Rule>> {
        self.allow.known()?.iter().map(|block| block.rule(context.root_namespace(), context.mesh)).collect()
    }

    /// Reports `allow` blocks that would allow every request.
    pub(in crate::mesh::global_defaults) fn validate(&self, out: &mut Diagnostics) {
        for block in self.allow.known().into_iter().flatten() {
            block.validate(out);
        }
    }
}
