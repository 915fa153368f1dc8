//! The `allow` blocks of deny-all, of the mesh and of namespaces: requests that every workload accepts.

use std::collections::BTreeSet;

use super::Allow;
use crate::{
    diagnostics::Diagnostics,
    known::{Known, Unknown},
    mesh::{
        Mesh,
        istio::authorization_policy::{Operation, Rule, Source, To},
        policy_paths::validate_paths,
        reference::Caller,
        sources::sources,
    },
    schema::{At, Attr},
};

impl Allow {
    /// Renders the rule. References without a namespace are in `home`.
    pub(in crate::mesh) fn rule(&self, home: &str, mesh: &Mesh) -> Known<Rule> {
        let callers: BTreeSet<Caller> =
            self.from.required_elements()?.iter().map(|caller| caller.resolve(home, mesh)).collect();
        let operation = Operation {
            methods: self.methods.elements_or_empty()?,
            paths: self.paths.elements_or_empty()?,
            ports: self.ports.elements_or_empty()?,
            ..Operation::default()
        };
        let to = To::unless_any(operation);
        let addresses = Source { ip_blocks: self.ip_blocks.elements_or_empty()?, ..Source::default() };
        let from = sources(&callers, &addresses, home, mesh);
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
    /// Reports a block that would allow every request.
    pub(in crate::mesh) fn validate(&self, out: &mut Diagnostics) {
        validate_paths(&self.paths, &self.at.attribute("paths"), out);
        let Ok(from) = self.from.required_elements() else { return };
        let open = from.iter().find(|caller| matches!(caller, Caller::Anonymous | Caller::Any));
        if let Some(caller) = open
            && self.allows_every_operation()
        {
            out.error(
                &self.at,
                "Rule of deny-all admits every request",
                format!(
                    "The block admits every request of every {}, so that deny-all refuses no {0}. Write ports, paths, methods or \
                     ip_blocks: scrapers and health checks need a port or a path.",
                    if *caller == Caller::Any { "workload" } else { "client" },
                ),
            );
        }
    }
}
