//! Changes of the provider of an external authorization.
//!
//! Istio refuses every request that the CUSTOM policies of two providers apply to, so no intermediate policy can ask both. The
//! provider changes by one write. If other policies change in the same apply, requests in between are judged by a mixture of
//! the old and the new configuration, which may admit more than both.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::{
    diagnostics::{Diagnostics, Path},
    json_path::{at, text},
    mesh::policy_evaluation::is_dry_run,
    object::{Key, Object, kind},
};

/// Whether one of the objects asks a provider, so that [`validate`] may find something.
pub fn asks_provider<'a>(mut planned: impl Iterator<Item = &'a Object>) -> bool {
    planned.any(|object| object.key.kind == &kind::AUTHORIZATION_POLICY && provider_of(&object.body).is_some())
}

/// Reports a provider that changes together with another AuthorizationPolicy of the resource. `prior` are the objects of the
/// arguments before, so that drift in the cluster is no change. Objects that are unknown are left out: the apply validates
/// again.
pub fn validate<'a>(
    prior: impl Iterator<Item = &'a Object>,
    planned: impl Iterator<Item = &'a Object>,
    out: &mut Diagnostics,
) {
    let (prior, planned) = (policies(prior), policies(planned));
    let (Some((old_key, old)), Some((new_key, new))) = (provider(&prior), provider(&planned)) else { return };
    if old == new {
        return;
    }
    let keys: BTreeSet<&Key> = prior.keys().chain(planned.keys()).copied().collect();
    let changed: Vec<&str> = keys
        .into_iter()
        .filter(|key| *key != new_key || old_key != new_key)
        .filter(|key| effect(prior.get(key)) != effect(planned.get(key)))
        .map(|key| key.name.as_str())
        .collect();
    if changed.is_empty() {
        return;
    }
    out.error(
        &Path::root().attribute("external_authorization").attribute("provider"),
        "Provider changes together with other policies",
        format!(
            "The provider changes from {old:?} to {new:?} beside other AuthorizationPolicies: {}. Istio refuses all \
             requests that two providers would be asked about, so the provider changes by one write, and other policies can't \
             change safely around it. Apply the change of the provider alone, then the others.",
            changed.join(", ")
        ),
    );
}

fn policies<'a>(objects: impl Iterator<Item = &'a Object>) -> BTreeMap<&'a Key, &'a Json> {
    let policies = objects.filter(|object| object.key.kind == &kind::AUTHORIZATION_POLICY);
    policies.map(|object| (&object.key, &object.body)).collect()
}

/// What a policy does: labels and other annotations have no effect on requests.
fn effect<'a>(policy: Option<&&'a Json>) -> Option<(&'a Json, bool)> {
    policy.map(|body| (at(body, &["spec"]), is_dry_run(body)))
}

/// The CUSTOM policy, of which a resource has one at most, and the provider that it asks.
fn provider<'a>(policies: &BTreeMap<&'a Key, &'a Json>) -> Option<(&'a Key, &'a str)> {
    policies.iter().find_map(|(key, body)| Some((*key, provider_of(body)?)))
}

fn provider_of(policy: &Json) -> Option<&str> {
    text(policy, &["spec", "provider", "name"])
}
