//! deny-all: the policy of all workloads, whose rules are the requests that each of them accepts.

use std::collections::BTreeSet;

use super::{Allow, Authorization};
use crate::{
    diagnostics::Diagnostics,
    known::{Known, Unknown},
    mesh::{
        global_defaults::context::{DefaultsContext, spec_and_elements_from, spec_from},
        istio::{
            DRY_RUN,
            authorization_policy::{AuthorizationPolicy, Operation, Rule, Source, To},
        },
        reference::Caller,
        sources::sources,
        stage,
    },
    object::{Key, Object},
    schema::{At, Attr},
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
        self.allow.known()?.iter().map(|block| block.rule(context)).collect()
    }

    /// Reports `allow` blocks that would allow every request.
    pub(in crate::mesh::global_defaults) fn validate(&self, out: &mut Diagnostics) {
        for block in self.allow.known().into_iter().flatten() {
            block.validate(out);
        }
    }
}

impl Allow {
    fn rule(&self, context: &DefaultsContext) -> Known<Rule> {
        let home = context.root_namespace();
        let callers: BTreeSet<Caller> =
            self.from.required_elements()?.iter().map(|caller| caller.resolve(home, context.mesh)).collect();
        let operation = Operation {
            methods: self.methods.elements_or_empty()?,
            paths: self.paths.elements_or_empty()?,
            ports: self.ports.elements_or_empty()?,
            ..Operation::default()
        };
        let to = To::unless_any(operation);
        let addresses = Source { ip_blocks: self.ip_blocks.elements_or_empty()?, ..Source::default() };
        let from = sources(&callers, &addresses, home, context.mesh);
        let rule = Rule { from, to, when: Vec::new() };
        // An empty rule would allow every request, and Istio reads an empty set as "any". Both have been reported.
        if rule == Rule::default() || callers.is_empty() { Err(Unknown) } else { Ok(rule) }
    }

    /// Whether the block restricts nothing but the callers.
    fn allows_every_operation(&self) -> bool {
        self.ports == Attr::Null
            && self.paths == Attr::Null
            && self.methods == Attr::Null
            && self.ip_blocks == Attr::Null
    }
}

impl At<Allow> {
    fn validate(&self, out: &mut Diagnostics) {
        let Ok(from) = self.from.required_elements() else { return };
        let open = from.iter().find(|caller| matches!(caller, Caller::Anonymous | Caller::Any));
        if let Some(caller) = open
            && self.allows_every_operation()
        {
            out.error(
                &self.at,
                "Everybody may call everything",
                format!(
                    "The block lets {} call every workload in every way, so that deny-all would deny {}. Write ports, paths, \
                     methods or ip_blocks: scrapers and health checks need a port or a path.",
                    if *caller == Caller::Any { "every workload" } else { "everybody" },
                    if *caller == Caller::Any { "no workload anything" } else { "nobody anything" }
                ),
            );
        }
    }
}
