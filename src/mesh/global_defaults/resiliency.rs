//! How failures are met by callers of services that don't say it themselves: a DestinationRule for every service without one
//! of its own, and an EnvoyFilter for the routes that istiod generates for services without a VirtualService.

use super::Site;
use crate::{
    known::{Known, Unknown, as_known},
    mesh::{
        Rendered,
        duration::Duration,
        istio::{
            ExportTo,
            destination_rule::{DestinationRule, Traffic, TrafficPolicy},
            envoy_filter::{
                ConfigPatch, EnvoyFilter, Match, NamedRoute, Patch, RetryPolicy, RouteAction, RouteConfiguration,
                Value, VirtualHost,
            },
        },
        resiliency::{Preset, Resiliency},
        stage,
    },
    object::{Key, Object, kind},
};

/// The name of the EnvoyFilter.
pub(super) const ROUTE: &str = "default-route";

/// What is sent again where no preset says it.
const USUAL: Option<Resiliency> = Preset::Medium.resiliency();

/// Sending again, as far as it is written.
#[derive(Clone, Debug)]
pub struct Retries {
    /// How often, at most.
    pub attempts: Known<Option<u32>>,
    /// Of one try.
    pub per_try_timeout: Known<Option<Duration>>,
    /// Whether it does no harm to send what may have arrived.
    pub idempotent: Known<bool>,
}

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
        as_known(&defaults.retries).map(Option::is_some),
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
        traffic_policy: preset.resiliency().map(|r| TrafficPolicy::from_resiliency(&r, Traffic::Requests)),
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
    } else if as_known(&site.defaults.retries)?.is_some() {
        "retries"
    } else {
        "resiliency"
    };
    site.object(key, &spec, stage::TARGETS, &[("spec", argument)])
}

fn retry_policy(site: &Site) -> Known<Option<RetryPolicy>> {
    let preset = site.defaults.resiliency?;
    let written = as_known(&site.defaults.retries)?.as_ref();
    if preset.is_none() && written.is_none() {
        return Ok(None);
    }
    let numbers = preset.map_or(USUAL, Preset::resiliency);
    let attempts = written.map_or(Ok(None), |written| written.attempts)?;
    let num_retries = attempts.or(numbers.map(|numbers| numbers.retry_attempts)).unwrap_or(0);
    let (Some(numbers), 1..) = (numbers.or(USUAL), num_retries) else {
        return Ok(Some(RetryPolicy { num_retries: 0, retry_on: None, per_try_timeout: None }));
    };
    if !written.map_or(Ok(false), |written| written.idempotent)? {
        return Ok(Some(RetryPolicy { num_retries, retry_on: Some(numbers.retry_on), per_try_timeout: None }));
    }
    let per_try = written.map_or(Ok(None), |written| written.per_try_timeout)?.unwrap_or(numbers.per_try_timeout);
    // A request that ends before its first try would needs no limit of a try.
    let per_try_timeout = site.defaults.request_timeout?.is_none_or(|whole| per_try < whole).then_some(per_try);
    Ok(Some(RetryPolicy { num_retries, retry_on: Some(numbers.idempotent_retry_on), per_try_timeout }))
}
