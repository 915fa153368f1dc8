//! What callers do on their way to the service, and the versions that routes name.

use serde_json::Value as Json;

use super::{
    super::{Site, access, origins},
    limits, versions,
};
use crate::{
    diagnostics::Path,
    known::Known,
    mesh::{istio::destination_rule::DestinationRule, manifest::manifest, stage},
    object::{Key, ManagementScope, Object, Transition, UpdateStrategy},
};

/// Always there: without it the root namespace's would hold, under `resiliency = "none"` too.
pub(in super::super) fn destination_rule(site: &Site, key: Key) -> Known<Object> {
    let subsets = versions::subsets(site.service)?;
    let spec = DestinationRule {
        host: site.host(),
        export_to: access::export_to(site)?,
        workload_selector: None,
        traffic_policy: limits::policy(site)?,
        subsets,
    };
    let mut origins = origins(&[
        ("spec.host", Path::root().attribute("name")),
        ("spec.exportTo", access::export_argument(site)),
        ("spec.subsets", Path::root().attribute("version")),
        ("spec.trafficPolicy", Path::root().attribute("resiliency")),
    ]);
    let policy = spec.traffic_policy.as_ref();
    for (is_written, field, argument) in [
        (policy.is_some_and(|p| p.connection_pool.is_some()), "connectionPool", "circuit_breaker"),
        (policy.is_some_and(|p| p.outlier_detection.is_some()), "outlierDetection", "outlier_detection"),
        (policy.is_some_and(|p| p.load_balancer.is_some()), "loadBalancer", "failover"),
    ] {
        if is_written {
            origins.push((format!("spec.trafficPolicy.{field}"), Path::root().attribute(argument)));
        }
    }
    Ok(Object {
        body: manifest(&key, site.metadata()?, &spec),
        key,
        scope: ManagementScope::Whole,
        stage: stage::TARGETS,
        transition: Transition::Computed {
            strategy: keep_subsets,
            // Where it is unknown, there is only a plan, which doesn't wait.
            propagation_delay: site.service.traffic.drain.map_or_else(|_| std::time::Duration::ZERO, Into::into),
        },
        origins,
    })
}

/// A subset that goes stays until the routes have left it: a route to a subset that a proxy doesn't know answers 503. One whose
/// labels change has the new ones at once, since the proxies exchange its endpoints in one step.
fn keep_subsets(live: &Json, wanted: &Json) -> UpdateStrategy {
    let (before, after) = (subsets(live), subsets(wanted));
    let named = |subsets: &[Json], name: &Json| subsets.iter().find(|subset| subset.get("name") == Some(name)).cloned();
    let name = |subset: &Json| subset.get("name").cloned().unwrap_or_default();
    if before.iter().all(|subset| named(&after, &name(subset)).is_some()) {
        return UpdateStrategy::InPlace;
    }
    // In the live order, so that what has no more than the routes to leave is written once.
    let kept = before.iter().map(|subset| named(&after, &name(subset)).unwrap_or_else(|| subset.clone()));
    let added = after.iter().filter(|subset| named(&before, &name(subset)).is_none()).cloned();
    let both = Json::Array(kept.chain(added).collect());
    let mut first = wanted.clone();
    if let Some(spec) = first.get_mut("spec").and_then(Json::as_object_mut) {
        spec.insert("subsets".to_owned(), both);
    }
    UpdateStrategy::TwoStep { intermediate: first }
}

fn subsets(body: &Json) -> Vec<Json> {
    body.pointer("/spec/subsets").and_then(Json::as_array).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A rule with these subsets, `name=version`; none: without the field.
    fn rule(subsets: &[&str]) -> Json {
        let subset = |text: &&str| {
            let (name, version) = text.split_once('=').unwrap_or_default();
            json!({ "name": name, "labels": { "version": version } })
        };
        let subsets: Vec<Json> = subsets.iter().map(subset).collect();
        if subsets.is_empty() { json!({ "spec": {} }) } else { json!({ "spec": { "subsets": subsets } }) }
    }

    #[test]
    fn what_goes_is_kept_for_a_while() {
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
        for (live, wanted, expected) in table {
            assert_eq!(keep_subsets(&rule(live), &rule(wanted)), expected, "{live:?} to {wanted:?}");
        }
    }

    #[test]
    fn a_rule_with_subsets_goes_slowly() {
        assert!(matches!(keep_subsets(&rule(&["v1=1"]), &Json::Null), UpdateStrategy::TwoStep { .. }));
        assert_eq!(keep_subsets(&rule(&[]), &Json::Null), UpdateStrategy::InPlace);
    }
}
