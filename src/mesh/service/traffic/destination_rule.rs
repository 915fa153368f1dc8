//! The DestinationRule: the traffic policy of callers, and the subsets that routes name.

use serde_json::Value as Json;

use super::{
    super::{ServiceContext, access, origins},
    limits, versions,
    virtual_service::settle_duration,
};
use crate::{
    diagnostics::Path,
    known::Known,
    mesh::{istio::destination_rule::DestinationRule, manifest::manifest, stage},
    object::{Key, Object, Transition, UpdateStrategy},
};

/// Renders the DestinationRule. With `resiliency = "none"` it has no traffic policy, and keeps that of the root namespace away.
pub(in super::super) fn destination_rule(context: &ServiceContext, key: Key) -> Known<Object> {
    let subsets = versions::subsets(context.service)?;
    let spec = DestinationRule {
        host: context.host(),
        export_to: access::export_to(context)?,
        workload_selector: None,
        traffic_policy: limits::traffic_policy(context)?,
        subsets,
    };
    let mut origins = origins(&[
        ("spec.host", Path::root().attribute("name")),
        ("spec.exportTo", access::export_argument(context)),
        ("spec.subsets", Path::root().attribute("version")),
        ("spec.trafficPolicy", Path::root().attribute("resiliency")),
    ]);
    let policy = spec.traffic_policy.as_ref();
    let traffic = &context.service.traffic;
    let is_limited = traffic.circuit_breaker.is_set() || !traffic.connections.is_set();
    let pool_argument = if is_limited { "circuit_breaker" } else { "connections" };
    for (is_set, field, argument) in [
        (policy.is_some_and(|p| p.connection_pool.is_some()), "connectionPool", pool_argument),
        (policy.is_some_and(|p| p.outlier_detection.is_some()), "outlierDetection", "outlier_detection"),
        (policy.is_some_and(|p| p.load_balancer.is_some()), "loadBalancer", "failover"),
    ] {
        if is_set {
            origins.push((format!("spec.trafficPolicy.{field}"), Path::root().attribute(argument)));
        }
    }
    let transition = Transition::Computed { strategy: keep_subsets, propagation_delay: settle_duration(context) };
    let body = manifest(&key, context.metadata()?, &spec);
    Ok(Object::whole(key, body, stage::TARGETS).with_transition(transition).taking_over().with_origins(origins))
}

/// Keeps removed subsets until the routes have left them, since a route to a subset that a proxy doesn't know answers 503. A
/// subset whose labels change gets the new ones at once: proxies exchange its endpoints in one step.
fn keep_subsets(live: &Json, desired: &Json) -> UpdateStrategy {
    let (before, after) = (subsets(live), subsets(desired));
    let find = |subsets: &[Json], name: &Json| subsets.iter().find(|subset| subset.get("name") == Some(name)).cloned();
    let name = |subset: &Json| subset.get("name").cloned().unwrap_or_default();
    if before.iter().all(|subset| find(&after, &name(subset)).is_some()) {
        return UpdateStrategy::InPlace;
    }
    // The live order is kept: if only removals are left, the first step then changes nothing and is skipped.
    let present = before.iter().map(|subset| find(&after, &name(subset)).unwrap_or_else(|| subset.clone()));
    let added = after.iter().filter(|subset| find(&before, &name(subset)).is_none()).cloned();
    let both = Json::Array(present.chain(added).collect());
    let mut intermediate = desired.clone();
    if let Some(spec) = intermediate.get_mut("spec").and_then(Json::as_object_mut) {
        spec.insert("subsets".to_owned(), both);
    }
    UpdateStrategy::TwoStep { intermediate }
}

fn subsets(body: &Json) -> Vec<Json> {
    body.pointer("/spec/subsets").and_then(Json::as_array).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Makes a rule with subsets that are given as `name=version`. Without subsets it has no such field.
    fn rule(subsets: &[&str]) -> Json {
        let subset = |text: &&str| {
            let (name, version) = text.split_once('=').unwrap_or_default();
            json!({ "name": name, "labels": { "version": version } })
        };
        let subsets: Vec<Json> = subsets.iter().map(subset).collect();
        if subsets.is_empty() { json!({ "spec": {} }) } else { json!({ "spec": { "subsets": subsets } }) }
    }

    #[test]
    fn removed_subsets_are_kept_in_the_first_step() {
        let via = |subsets: &[&str]| UpdateStrategy::TwoStep { intermediate: rule(subsets) };
        let table: [(&[&str], &[&str], UpdateStrategy); 8] = [
            (&[], &["v1=1"], UpdateStrategy::InPlace),
            (&["v1=1"], &["v1=1", "v2=2"], UpdateStrategy::InPlace),
            (&["v1=1", "v2=2"], &["v2=2"], via(&["v1=1", "v2=2"])),
            (&["v1=1"], &["v2=2"], via(&["v1=1", "v2=2"])),
            (&["v1=1"], &[], via(&["v1=1"])),
            (&["v1=1", "v2=2"], &["v2=2", "v1=1"], UpdateStrategy::InPlace),
            (&["v1=1"], &["v1=1b"], UpdateStrategy::InPlace),
            (&["stable=1", "canary=2"], &["stable=2"], via(&["stable=2", "canary=2"])),
        ];
        for (live, desired, expected) in table {
            assert_eq!(keep_subsets(&rule(live), &rule(desired)), expected, "{live:?} to {desired:?}");
        }
    }

    #[test]
    fn deletion_of_a_rule_with_subsets_takes_two_steps() {
        assert!(matches!(keep_subsets(&rule(&["v1=1"]), &Json::Null), UpdateStrategy::TwoStep { .. }));
        assert_eq!(keep_subsets(&rule(&[]), &Json::Null), UpdateStrategy::InPlace);
    }
}
