//! How AuthorizationPolicies change while others of the same resource change, so that no request has more or less access
//! in between than before or after.
//!
//! | order | on the way in | on the way out |
//! | --- | --- | --- |
//! | 1 | RequestAuthentications | deny-all |
//! | 2 | what subtracts (DENY, CUSTOM), with the rules of before and of after | other ALLOW policies |
//! | 3 | other ALLOW policies | what subtracts, with the rules of after only |
//! | 4 | strict mutual TLS of the mesh | RequestAuthentications |
//! | 5 | deny-all | |
//! | 6 | mutual TLS of services, then of namespaces | |
//!
//! While ALLOW policies change, what subtracts before and what subtracts after are both in effect: so a caller that the new
//! ALLOW policy admits and the old DENY policy refuses gets in only where the new policies mean it.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::DRY_RUN;
use crate::{
    json_path::{at, set},
    mesh::policy_evaluation::is_dry_run,
    object::{Transition, UpdateStrategy},
};

/// The change of a policy whose old and new rules are both in effect until the other policies have changed.
pub const UNITED: Transition = Transition::Computed { strategy: unite, propagation_delay: Duration::ZERO };

/// The change of a deny-all policy. One that isn't enforced any more stays so until mutual TLS has changed: clear
/// text that strict mutual TLS is about to refuse isn't admitted in between.
pub const ENFORCED_UNTIL_THE_END: Transition =
    Transition::Computed { strategy: keep_enforced, propagation_delay: Duration::ZERO };

/// The change of a RequestAuthentication: tokens of issuers that are removed stay valid until the policies have changed that
/// require them.
pub const UNITED_ISSUERS: Transition =
    Transition::Computed { strategy: unite_issuers, propagation_delay: Duration::ZERO };

/// Decides how a policy changes. A dry run counts as a policy without rules. The provider of a CUSTOM policy can't be united,
/// since Istio refuses requests where two providers are asked, so it changes by one write. Policies with different selectors
/// have different names.
fn unite(live: &Json, desired: &Json) -> UpdateStrategy {
    let provider = |body: &Json| at(body, &["spec", "provider"]).clone();
    if desired.is_null() || !is_enforced(live) || provider(live) != provider(desired) {
        return UpdateStrategy::InPlace;
    }
    let before = list(live, "rules");
    let after = if is_enforced(desired) { list(desired, "rules") } else { Vec::new() };
    if before.iter().all(|rule| after.contains(rule)) && is_enforced(desired) {
        return UpdateStrategy::InPlace;
    }
    // The live rules come first, so that a policy that already has the rules of both is not written twice.
    let added: Vec<Json> = after.into_iter().filter(|rule| !before.contains(rule)).collect();
    let mut intermediate = desired.clone();
    set(&mut intermediate, &["spec", "rules"], Json::Array(before.into_iter().chain(added).collect()));
    if !is_enforced(desired) {
        set(&mut intermediate, &["metadata", "annotations", DRY_RUN], json!("false"));
    }
    UpdateStrategy::TwoStep { intermediate }
}

fn keep_enforced(live: &Json, desired: &Json) -> UpdateStrategy {
    if desired.is_null() || !is_enforced(live) || is_enforced(desired) {
        return UpdateStrategy::InPlace;
    }
    UpdateStrategy::TwoStep { intermediate: live.clone() }
}

/// Decides how a RequestAuthentication changes. A rule with the issuer of a live one replaces it at once.
fn unite_issuers(live: &Json, desired: &Json) -> UpdateStrategy {
    let issuer = |rule: &Json| at(rule, &["issuer"]).clone();
    let mut rules = list(desired, "jwtRules");
    let issuers: Vec<Json> = rules.iter().map(issuer).collect();
    let removed: Vec<Json> =
        list(live, "jwtRules").into_iter().filter(|rule| !issuers.contains(&issuer(rule))).collect();
    if desired.is_null() || removed.is_empty() {
        return UpdateStrategy::InPlace;
    }
    rules.extend(removed);
    let mut intermediate = desired.clone();
    set(&mut intermediate, &["spec", "jwtRules"], Json::Array(rules));
    UpdateStrategy::TwoStep { intermediate }
}

fn is_enforced(body: &Json) -> bool {
    !is_dry_run(body)
}

fn list(body: &Json, field: &str) -> Vec<Json> {
    at(body, &["spec", field]).as_array().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A policy with rules of these names.
    fn policy(dry_run: bool, rules: &[&str]) -> Json {
        let rules: Vec<Json> = rules.iter().map(|rule| json!({ "from": rule })).collect();
        json!({
            "metadata": { "name": "p", "annotations": { DRY_RUN: dry_run.to_string() } },
            "spec": { "rules": rules },
        })
    }

    fn enforced(rules: &[&str]) -> Json {
        policy(false, rules)
    }

    fn dry(rules: &[&str]) -> Json {
        policy(true, rules)
    }

    #[test]
    fn enforced_rules_are_united() {
        let via = |rules: &[&str]| UpdateStrategy::TwoStep { intermediate: enforced(rules) };
        let table = [
            (enforced(&["x"]), enforced(&["x", "y"]), UpdateStrategy::InPlace),
            (enforced(&["x", "y"]), enforced(&["y", "x"]), UpdateStrategy::InPlace),
            (enforced(&["x"]), enforced(&["y"]), via(&["x", "y"])),
            (enforced(&["x", "y"]), enforced(&["y"]), via(&["x", "y"])),
            (enforced(&["x"]), dry(&["y"]), via(&["x"])),
            (enforced(&["x"]), dry(&["x"]), via(&["x"])),
            (dry(&["x"]), enforced(&["y"]), UpdateStrategy::InPlace),
            (dry(&["x"]), dry(&["y"]), UpdateStrategy::InPlace),
            (enforced(&["x"]), Json::Null, UpdateStrategy::InPlace),
        ];
        for (live, desired, expected) in table {
            assert_eq!(unite(&live, &desired), expected, "{live} to {desired}");
        }
    }

    #[test]
    fn deny_all_is_enforced_until_the_end() {
        let kept = UpdateStrategy::TwoStep { intermediate: enforced(&[]) };
        assert_eq!(keep_enforced(&enforced(&[]), &dry(&[])), kept);
        for (live, desired) in [(dry(&[]), enforced(&[])), (enforced(&[]), enforced(&[])), (enforced(&[]), Json::Null)]
        {
            assert_eq!(keep_enforced(&live, &desired), UpdateStrategy::InPlace, "{live} to {desired}");
        }
    }

    #[test]
    fn provider_changes_by_one_write() {
        let custom = |provider: &str, rule: &str| json!({ "metadata": { "name": "p" }, "spec": { "provider": { "name": provider }, "rules": [rule] } });
        assert_eq!(unite(&custom("a", "x"), &custom("b", "y")), UpdateStrategy::InPlace);
        assert_ne!(unite(&custom("a", "x"), &custom("a", "y")), UpdateStrategy::InPlace);
    }

    #[test]
    fn removed_issuers_stay_until_the_policies_have_changed() {
        let tokens = |rules: &[(&str, &str)]| {
            let rules: Vec<Json> =
                rules.iter().map(|(issuer, jwks)| json!({ "issuer": issuer, "jwks": jwks })).collect();
            json!({ "spec": { "jwtRules": rules } })
        };
        let via = |rules: &[(&str, &str)]| UpdateStrategy::TwoStep { intermediate: tokens(rules) };
        let table = [
            (tokens(&[("a", "1")]), tokens(&[("a", "1"), ("b", "1")]), UpdateStrategy::InPlace),
            (tokens(&[("a", "1")]), tokens(&[("a", "2")]), UpdateStrategy::InPlace),
            (tokens(&[("a", "1")]), tokens(&[("b", "1")]), via(&[("b", "1"), ("a", "1")])),
            (tokens(&[("a", "1")]), Json::Null, UpdateStrategy::InPlace),
        ];
        for (live, desired, expected) in table {
            assert_eq!(unite_issuers(&live, &desired), expected, "{live} to {desired}");
        }
    }
}
