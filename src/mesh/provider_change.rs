//! Changes of the provider of an external authorization.
//!
//! Istio refuses every request that the CUSTOM policies of two providers apply to, so no intermediate policy can ask both. The
//! provider changes by one write. If other policies change in the same apply, requests in between are judged by a mixture of
//! the old and the new configuration, which may admit more than both.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::{
    diagnostics::{Diagnostics, Path},
    json_path::text,
    object::{Key, Object, kind},
};

/// Reports a provider that changes together with another AuthorizationPolicy of the resource. `prior` are the objects of the
/// state. Planned objects that are unknown are ignored: the apply validates again.
pub fn validate<'a>(prior: &BTreeMap<Key, Json>, planned: impl Iterator<Item = &'a Object>, out: &mut Diagnostics) {
    let policies = |(key, body): (&'a Key, &'a Json)| (key.kind == &kind::AUTHORIZATION_POLICY).then_some((key, body));
    let planned: BTreeMap<&Key, &Json> = planned.filter_map(|object| policies((&object.key, &object.body))).collect();
    let prior: BTreeMap<&Key, &Json> =
        prior.iter().filter(|(key, _)| key.kind == &kind::AUTHORIZATION_POLICY).collect();
    let (Some((old_key, old)), Some((new_key, new))) = (provider(&prior), provider(&planned)) else { return };
    if old == new {
        return;
    }
    let keys: BTreeSet<&Key> = prior.keys().chain(planned.keys()).copied().collect();
    let changed: Vec<&str> = keys
        .into_iter()
        .filter(|key| *key != new_key || old_key != new_key)
        .filter(|key| prior.get(key) != planned.get(key))
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

/// The CUSTOM policy, of which a resource has one at most, and the provider that it asks.
fn provider<'a>(policies: &BTreeMap<&'a Key, &'a Json>) -> Option<(&'a Key, &'a str)> {
    policies.iter().find_map(|(key, body)| Some((*key, text(body, &["spec", "provider", "name"])?)))
}
