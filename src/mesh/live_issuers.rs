//! The live check of token issuers: a rule on tokens needs a RequestAuthentication that verifies them, or it never matches.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::{
    Mesh,
    checks::{Code::MissingIssuer, Findings},
    live_objects::{items, selector_matches_labels, string_map, strings, summarize_names},
    manifest::StringMap,
};
use crate::{
    json_path::{at, text},
    known::Known,
    object::kind,
    query::QueryResults,
};

/// The condition key of an AuthorizationPolicy for the issuer of a token.
const ISSUER: &str = "request.auth.claims[iss]";

/// The workloads that rendered policies are for.
pub(super) struct Workloads<'a> {
    /// How messages name them: `this service`.
    pub(super) name: &'static str,
    pub(super) namespace: &'a str,
    pub(super) labels: &'a StringMap,
}

/// The conditions on the issuer of a token in rendered policies.
fn issuer_conditions<'a>(policies: &[&'a Json]) -> impl Iterator<Item = &'a Json> {
    let conditions =
        policies.iter().flat_map(|policy| items(policy, &["spec", "rules"])).flat_map(|rule| items(rule, &["when"]));
    conditions.filter(|condition| text(condition, &["key"]) == Some(ISSUER))
}

/// Whether rendered policies have rules on tokens.
pub(super) fn are_required(policies: &[&Json]) -> bool {
    issuer_conditions(policies).next().is_some()
}

/// Reports issuers that rendered policies name and that no live RequestAuthentication of the workloads verifies.
pub(super) fn check(
    policies: &[&Json],
    workloads: &Workloads,
    mesh: &Mesh,
    results: &QueryResults,
    out: &mut Findings,
) -> Known<()> {
    if !are_required(policies) {
        return Ok(());
    }
    let Workloads { name, namespace: home, .. } = workloads;
    let root = &mesh.root_namespace;
    let verified = verified_issuers(workloads, mesh, results)?;
    let requires_end_user =
        issuer_conditions(policies).any(|condition| strings(condition, &["notValues"]).any(|value| value == "*"));
    if verified.is_empty() && requires_end_user {
        out.report(
            MissingIssuer,
            "require_end_user",
            "No RequestAuthentication verifies tokens",
            &format!(
                "No RequestAuthentication in {home} or {root} verifies tokens for {name}, so no request ever has an end user, \
                 and all are refused. Declare the issuer in mesh_global_defaults: jwt {{ issuer = \"…\" }}."
            ),
        );
        return Ok(());
    }
    let required: BTreeSet<&str> =
        issuer_conditions(policies).flat_map(|condition| strings(condition, &["values"])).collect();
    let missing: Vec<&str> = required.difference(&verified).copied().collect();
    if !missing.is_empty() {
        out.report(
            MissingIssuer,
            "",
            "No RequestAuthentication for the issuer",
            &format!(
                "No RequestAuthentication in {home} or {root} verifies tokens of {} for {name}, so no request ever has an end \
                 user of it, and rules that require one admit no request. Declare the issuer in mesh_global_defaults: jwt {{ issuer = \"…\" }}.",
                summarize_names(missing)
            ),
        );
    }
    Ok(())
}

/// The issuers whose tokens a live RequestAuthentication of the workloads verifies.
fn verified_issuers<'a>(workloads: &Workloads, mesh: &Mesh, results: &'a QueryResults) -> Known<BTreeSet<&'a str>> {
    let mut live = results.list(&kind::REQUEST_AUTHENTICATION, workloads.namespace)?;
    live.extend(results.list(&kind::REQUEST_AUTHENTICATION, &mesh.root_namespace)?);
    let applies = |live: &&Json| {
        selector_matches_labels(&string_map(live, &["spec", "selector", "matchLabels"]), workloads.labels)
            && at(live, &["spec", "targetRefs"]).is_null()
    };
    let rules = live.into_iter().filter(applies).flat_map(|live| items(live, &["spec", "jwtRules"]));
    Ok(rules.filter_map(|rule| text(rule, &["issuer"])).collect())
}
