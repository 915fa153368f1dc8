//! Whether AuthorizationPolicies, live or rendered, can allow a caller.

use serde_json::Value as Json;

use crate::{
    json_path::at,
    mesh::{
        live_objects::{items, strings},
        names,
        reference::Caller,
    },
};

/// The name of an account or namespace that no rule can name.
const UNNAMED: &str = "~";

/// The identity of a workload that calls, which rules compare.
pub(super) struct CallerIdentity<'a> {
    pub(super) principal: String,
    pub(super) namespace: &'a str,
    pub(super) account: &'a str,
}

impl<'a> CallerIdentity<'a> {
    /// The identity of a [resolved](Caller::resolve) caller. For a set of callers it is one that no rule names by its account, or by its
    /// namespace where the set isn't of one: a rule that may match it may match every caller of the set.
    pub(super) fn of(caller: &'a Caller, mesh_trust_domain: &str) -> Self {
        let namespace = caller.namespace().unwrap_or(UNNAMED);
        let (trust_domain, account) = match caller {
            Caller::Principal { trust_domain, service_account, .. } => {
                (trust_domain.as_str(), service_account.as_str())
            }
            Caller::Workload { service_account, .. } => (mesh_trust_domain, service_account.as_str()),
            Caller::Anonymous | Caller::Any | Caller::Namespace(_) => (mesh_trust_domain, UNNAMED),
        };
        Self { principal: names::principal(trust_domain, namespace, account), namespace, account }
    }

    /// Whether a policy may allow requests of the caller. Only the sources of its rules are compared, since the requests
    /// aren't known.
    pub(super) fn may_be_allowed_by(&self, policy: &Json) -> bool {
        items(policy, &["spec", "rules"]).iter().any(|rule| {
            let from = items(rule, &["from"]);
            from.is_empty() || from.iter().any(|from| self.may_match(at(from, &["source"])))
        })
    }

    /// Whether a source may match the caller. Conditions on its address and its end user aren't known, and count as met.
    fn may_match(&self, source: &Json) -> bool {
        // A service account without a namespace is in the namespace of the policy, which may be the caller's.
        let account = format!("{}/{}", self.namespace, self.account);
        let fields = [
            ("principals", "notPrincipals", self.principal.as_str()),
            ("namespaces", "notNamespaces", self.namespace),
            ("serviceAccounts", "notServiceAccounts", account.as_str()),
        ];
        fields.iter().all(|(included, excluded, own)| {
            let mut patterns = strings(source, &[included]).peekable();
            let is_included = patterns.peek().is_none()
                || patterns.any(|pattern| {
                    matches_pattern(pattern, own) || *included == "serviceAccounts" && pattern == self.account
                });
            is_included && !strings(source, &[excluded]).any(|pattern| matches_pattern(pattern, own))
        })
    }
}

/// Whether a text matches a pattern of a rule: an exact text, or one with `*` at its start or end.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => text.ends_with(end),
        (_, Some(start)) => text.starts_with(start),
        _ => pattern == text,
    }
}
