//! `resiliency`, `request_timeout` and `retries`: a DestinationRule for every service without one of its own, and an
//! EnvoyFilter for the routes that istiod generates for services without a VirtualService.

use super::{
    GlobalDefaults,
    context::{DefaultsContext, spec_from},
};
use crate::{
    diagnostics::Path,
    known::{Known, Unknown},
    mesh::{
        Rendered,
        duration::Duration,
        istio::{
            ExportTo,
            destination_rule::{DestinationRule, TrafficKind, TrafficPolicy},
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

impl GlobalDefaults {
    /// Renders the DestinationRule and the EnvoyFilter.
    pub(super) fn render_resiliency(&self, context: &DefaultsContext) -> Rendered {
        let mut objects = Vec::new();
        if let Some(preset) = self.resiliency.copied()? {
            let rule = |key| destination_rule(preset, context, key);
            objects.push(context.render(&kind::DESTINATION_RULE, "default", rule));
        }
        if self.changes_routes()? {
            objects.push(context.render(&kind::ENVOY_FILTER, ROUTE, |key| self.envoy_filter(context, key)));
        }
        Ok(objects)
    }

    /// Whether an argument changes generated routes. One that is known to be set suffices.
    fn changes_routes(&self) -> Known<bool> {
        let arguments = [
            self.resiliency.known().map(|preset| preset.is_some()),
            self.retries.known().map(|block| block.is_some()),
            self.request_timeout.known().map(|timeout| timeout.is_some()),
        ];
        if arguments.contains(&Ok(true)) {
            return Ok(true);
        }
        if arguments.contains(&Err(Unknown)) { Err(Unknown) } else { Ok(false) }
    }

    /// Only generated routes have the name `default`, so routes of VirtualServices are unchanged. A generated route serves
    /// streams as well as requests, so the preset's timeout, which would cut streams, doesn't apply.
    fn envoy_filter(&self, context: &DefaultsContext, key: Key) -> Known<Object> {
        let timeout = self.request_timeout.copied()?;
        let route = RouteAction { timeout, retry_policy: self.envoy_retry_policy(timeout)? };
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
        let argument = if timeout.is_some() {
            "request_timeout"
        } else if self.retries.known()?.is_some() {
            "retries"
        } else {
            "resiliency"
        };
        context.object(key, &spec, stage::TARGETS, spec_from(&Path::root().attribute(argument)))
    }

    fn envoy_retry_policy(&self, timeout: Option<Duration>) -> Known<Option<RetryPolicy>> {
        let (preset, block) = (self.resiliency.copied()?, self.retries.known()?);
        if preset.is_none() && block.is_none() {
            return Ok(None);
        }
        // Without a preset, the fields that the block leaves unset are those of `medium`.
        let numbers = preset.unwrap_or(Preset::Medium).settings();
        let Some(retries) = resiliency::effective_retries(&self.retries, numbers)? else {
            return Ok(Some(RetryPolicy { num_retries: 0, retry_on: None, per_try_timeout: None }));
        };
        let medium = || Preset::Medium.settings().map(|numbers| numbers.per_try_timeout);
        let is_idempotent = block.map_or(Ok(false), |block| block.idempotent.or(false))?;
        let per_try_timeout = retries.per_try_timeout.or(retries.preset_per_try_timeout);
        let per_try_timeout = if is_idempotent { per_try_timeout.or_else(medium) } else { per_try_timeout };
        // A limit of one try has no effect if the whole request ends earlier.
        let per_try_timeout = per_try_timeout.filter(|limit| timeout.is_none_or(|timeout| *limit < timeout));
        Ok(Some(RetryPolicy { num_retries: retries.attempts, retry_on: Some(retries.retry_on), per_try_timeout }))
    }
}

/// The rule applies to every Service without a rule of its own, and is exported to all namespaces.
fn destination_rule(preset: Preset, context: &DefaultsContext, key: Key) -> Known<Object> {
    let spec = DestinationRule {
        workload_selector: None,
        host: format!("*.svc.{}", context.mesh.cluster_domain),
        export_to: ExportTo::from(["*".to_owned()]),
        traffic_policy: preset.settings().map(|r| TrafficPolicy::from_preset(&r, TrafficKind::Requests)),
        subsets: Vec::new(),
    };
    context.object(key, &spec, stage::TARGETS, spec_from(&Path::root().attribute("resiliency")))
}
