//! How failures are met by callers of services that don't say it themselves: a DestinationRule for every service without one
//! of its own, and an EnvoyFilter for the routes that istiod generates for services without a VirtualService.

use super::Site;
use crate::{
    known::{Known, Unknown},
    mesh::{
        Rendered,
        istio::{
            ExportTo,
            destination_rule::{DestinationRule, Traffic, TrafficPolicy},
            envoy_filter::{
                ConfigPatch, EnvoyFilter, Match, NamedRoute, Patch, RetryPolicy, RouteAction, RouteConfiguration,
                Value, VirtualHost,
            },
        },
        resiliency::{self, Preset},
        stage,
    },
    object::{Key, Object, kind},
};

/// The name of the EnvoyFilter.
pub(super) const ROUTE: &str = "default-route";

pub(super) fn objects(site: &Site) -> Rendered {
    let mut objects = Vec::new();
    if let Some(preset) = site.defaults.resiliency? {
        let key = site.key(&kind::DESTINATION_RULE, "default");
        objects.push((key.clone(), destination_rule(site, key, preset)));
    }
    if has_route(site)? {
        let key = site.key(&kind::ENVOY_FILTER, ROUTE);
        objects.push((key.clone(), envoy_filter(site, key)));
    }
    Ok(objects)
}

/// Whether anything is said of routes: what is known to be said suffices.
fn has_route(site: &Site) -> Known<bool> {
    let defaults = site.defaults;
    let written = [
        defaults.resiliency.map(|preset| preset.is_some()),
        defaults.retries.known().map(|block| block.is_some()),
        defaults.request_timeout.map(|timeout| timeout.is_some()),
    ];
    if written.contains(&Ok(true)) {
        return Ok(true);
    }
    if written.contains(&Err(Unknown)) { Err(Unknown) } else { Ok(false) }
}

/// For every Service that has no rule of its own, seen from every namespace.
fn destination_rule(site: &Site, key: Key, preset: Preset) -> Known<Object> {
    let spec = DestinationRule {
        workload_selector: None,
        host: format!("*.svc.{}", site.mesh.cluster_domain),
        export_to: ExportTo::from(["*".to_owned()]),
        traffic_policy: preset.resiliency().map(|r| TrafficPolicy::of(&r, Traffic::Requests)),
        subsets: Vec::new(),
    };
    site.object(key, &spec, stage::TARGETS, &[("spec", "resiliency")])
}

/// Only generated routes are called `default`: what a team's VirtualService says wins. A generated route can't tell a stream
/// from a request, so it gets a timeout only where one is written.
fn envoy_filter(site: &Site, key: Key) -> Known<Object> {
    let route = RouteAction { timeout: site.defaults.request_timeout?, retry_policy: retry_policy(site)? };
    let spec = EnvoyFilter {
        config_patches: vec![ConfigPatch {
            apply_to: "HTTP_ROUTE",
            r#match: Match {
                context: "SIDECAR_OUTBOUND",
                route_configuration: RouteConfiguration {
                    vhost: VirtualHost { route: NamedRoute { name: "default" } },
                },
            },
            patch: Patch { operation: "MERGE", value: Value { route } },
        }],
    };
    let argument = if site.defaults.request_timeout?.is_some() {
        "request_timeout"
    } else if site.defaults.retries.known()?.is_some() {
        "retries"
    } else {
        "resiliency"
    };
    site.object(key, &spec, stage::TARGETS, &[("spec", argument)])
}

fn retry_policy(site: &Site) -> Known<Option<RetryPolicy>> {
    let (preset, block) = (site.defaults.resiliency?, &site.defaults.retries);
    if preset.is_none() && block.known()?.is_none() {
        return Ok(None);
    }
    // Where only the block is set, the numbers that it leaves open are those of `medium`.
    let numbers = preset.unwrap_or(Preset::Medium).resiliency();
    let Some(policy) = resiliency::retry_policy(block, numbers)? else {
        return Ok(Some(RetryPolicy { num_retries: 0, retry_on: None, per_try_timeout: None }));
    };
    let usual = || Preset::Medium.resiliency().map(|numbers| numbers.per_try_timeout);
    let idempotent = block.known()?.map_or(Ok(false), |block| block.idempotent.or(false))?;
    let own = policy.per_try_timeout.or(policy.preset_per_try_timeout);
    let per_try_timeout = if idempotent { own.or_else(usual) } else { own };
    // A request that ends before its first try would needs no limit of a try.
    let whole = site.defaults.request_timeout?;
    let per_try_timeout = per_try_timeout.filter(|per_try| whole.is_none_or(|whole| *per_try < whole));
    Ok(Some(RetryPolicy { num_retries: policy.attempts, retry_on: Some(policy.retry_on), per_try_timeout }))
}
