//! AuthorizationPolicies: an ALLOW rule names who is admitted.

use super::TeamRule;

/// A source names a caller if one of its positive fields is set. Address blocks are callers, too, if they aren't about all
/// addresses: prefixes shorter than 8 bits count as such.
const NAMES_SOURCE: &str = "[from.?source.?principals, from.?source.?requestPrincipals, from.?source.?namespaces, \
                            from.?source.?serviceAccounts].exists(names, size(names.orValue([])) > 0) || \
                            [from.?source.?ipBlocks, from.?source.?remoteIpBlocks].exists(blocks, \
                            size(blocks.orValue([])) > 0 && \
                            blocks.orValue([]).all(block, !block.matches(\"/[0-7]$\")))";

/// A condition on the identity of a workload or an end user.
const NAMES_IDENTITY: &str = "size(condition.?values.orValue([])) > 0 && condition.?key.orValue(\"\").matches(\
                              \"^(source[.](principal|namespace|serviceAccount)|request[.]auth[.].+)$\")";

/// Paths of which none is a pattern for all paths, like `*`, `/*` and `/{**}`.
const NAMES_PATHS: &str = "size(to.?operation.?paths.orValue([])) > 0 && to.operation.paths.all(path, \
                           !(path.contains(\"*\") && path.matches(\"^[/*{}]*$\")))";

/// Every rule of an ALLOW policy names callers, or else paths. All other fields, and those that begin with `not`, leave practically
/// everything admitted.
pub(super) fn rule() -> TeamRule {
    TeamRule::new(
        "AuthorizationPolicy",
        format!(
            "object.?spec.?action.orValue(\"ALLOW\") != \"ALLOW\" || object.?spec.?rules.orValue([]).all(rule, \
             (size(rule.?from.orValue([])) > 0 && rule.from.all(from, {NAMES_SOURCE})) || \
             rule.?when.orValue([]).exists(condition, {NAMES_IDENTITY}) || \
             (size(rule.?to.orValue([])) > 0 && rule.to.all(to, {NAMES_PATHS})))"
        ),
        "each rule of an ALLOW policy must name its callers or paths. A rule that is empty, or that has only ports, \
         methods or negated fields (such as notPorts and notNamespaces), admits every client.",
    )
}
