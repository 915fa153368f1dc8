//! `resiliency`, `request_timeout` and `retries`: a DestinationRule for every service without one of its own, and an
//! EnvoyFilter for the routes of services that set neither timeout nor retries.

use super::{
    GlobalDefaults,
    context::{DefaultsContext, spec_from},
};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::{Known, any},
    mesh::{
        Rendered,
        istio::{
            ExportTo,
            destination_rule::{DestinationRule, LocalityLbSetting, TrafficKind, TrafficPolicy},
            envoy_filter::{
                ConfigPatch, EnvoyFilter, Match, NamedRoute, Patch, RetryPolicy, RouteAction, RouteConfiguration,
                Value, VirtualHost, Within,
            },
            virtual_service::HttpRoute,
        },
        locality_check, names,
        resiliency::{EffectiveRetries, Preset, PresetSettings, effective_retries, load_balancer, selects_endpoints},
        stage,
    },
    object::{Key, Object, kind},
    schema::Attr,
};

impl GlobalDefaults {
    /// Renders the DestinationRule and the EnvoyFilter.
    pub(super) fn render_resiliency(&self, context: &DefaultsContext) -> Rendered {
        let mut objects = Vec::new();
        if let Some(settings) = self.resiliency.copied()?.and_then(Preset::settings) {
            let rule = |key| self.destination_rule(&settings, context, key);
            objects.push(context.render(&kind::DESTINATION_RULE, "default", rule));
        }
        if self.changes_routes()? {
            objects.push(
                context.render(&kind::ENVOY_FILTER, names::DEFAULT_ROUTE_FILTER, |key| self.envoy_filter(context, key)),
            );
        }
        Ok(objects)
    }

    fn changes_routes(&self) -> Known<bool> {
        any([
            self.resiliency.known().map(|preset| preset.is_some()),
            self.retries.known().map(|block| block.is_some()),
            self.request_timeout.known().map(|timeout| timeout.is_some()),
        ])
    }

    /// Reports settings that are missing because there is no preset that has them.
    pub(super) fn validate_resiliency(&self, out: &mut Diagnostics) {
        if let Ok(Some(load_balancing)) = self.load_balancing.known() {
            load_balancing.validate(out);
            let has_rule = self.resiliency.copied().map(|preset| preset.and_then(Preset::settings).is_some());
            if has_rule == Ok(false) && selects_endpoints(&self.load_balancing) == Ok(true) {
                out.error(
                    &load_balancing.at,
                    "load_balancing without resiliency",
                    "It is written into the DestinationRule of resiliency, and there is none. Write resiliency = \"low\", \"medium\" or \
                     \"high\", or remove the block.",
                );
            }
        }
        let Ok(Some(retries)) = self.retries.known() else { return };
        retries.validate(out);
        if let Ok(preset) = self.resiliency.copied() {
            retries.validate_with_preset(preset, out);
        }
        if let Attr::Known(timeout) = self.request_timeout {
            retries.validate_with_timeout(timeout, out);
        }
    }

    /// Whether retries are known to be switched off for the whole mesh.
    pub(super) fn disables_retries(&self) -> bool {
        let retries = self.resiliency.copied().and_then(|preset| effective_retries(&self.retries, preset, None));
        retries.is_ok_and(|retries| retries.is_some_and(|retries| retries.attempts == 0))
    }

    /// Whether the DestinationRule is known to switch locality load balancing off although no argument says so.
    pub(super) fn disables_locality(&self) -> bool {
        let has_settings = self.resiliency.copied().is_ok_and(|preset| preset.and_then(Preset::settings).is_some());
        has_settings && locality_check::is_unset(self.load_balancing.known())
    }

    /// Routes of VirtualServices that have a timeout or retries of their own are unchanged, since they don't have the name.
    fn envoy_filter(&self, context: &DefaultsContext, key: Key) -> Known<Object> {
        let timeout = self.request_timeout.copied()?;
        let retries = effective_retries(&self.retries, self.resiliency.copied()?, timeout)?;
        let route = RouteAction { timeout, retry_policy: retries.map(retry_policy) };
        let spec = EnvoyFilter {
            workload_selector: None,
            priority: None,
            config_patches: vec![ConfigPatch {
                apply_to: "HTTP_ROUTE",
                r#match: Match {
                    context: "SIDECAR_OUTBOUND",
                    within: Within::RouteConfiguration(RouteConfiguration {
                        vhost: VirtualHost { route: NamedRoute { name: HttpRoute::GENERATED, action: "ROUTE" } },
                    }),
                },
                patch: Patch { operation: "MERGE", value: Value::Route { route } },
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

    /// The rule applies to every Service without a rule of its own, and is exported to all namespaces.
    fn destination_rule(&self, settings: &PresetSettings, context: &DefaultsContext, key: Key) -> Known<Object> {
        let policy = TrafficPolicy::from_preset(settings, TrafficKind::Requests);
        let load_balancer = load_balancer(&self.load_balancing, LocalityLbSetting::default(), true)?;
        let spec = DestinationRule {
            workload_selector: None,
            host: format!("*.svc.{}", context.mesh.cluster_domain),
            export_to: ExportTo::from(["*".to_owned()]),
            traffic_policy: Some(TrafficPolicy { load_balancer, ..policy }),
            subsets: Vec::new(),
        };
        context.object(key, &spec, stage::TARGETS, spec_from(&Path::root().attribute("resiliency")))
    }
}

/// The retries of the EnvoyFilter. A merge of zero retries would leave Istio's two in place, so retries are switched off by a
/// condition that no response meets.
fn retry_policy(retries: EffectiveRetries) -> RetryPolicy {
    let EffectiveRetries { attempts: num_retries, retry_on, per_try_timeout } = retries;
    if num_retries == 0 {
        let retry_on = Some("retriable-headers".to_owned());
        return RetryPolicy { num_retries, retry_on, retriable_status_codes: Vec::new(), per_try_timeout: None };
    }
    // Envoy has status codes in a list of their own.
    let codes = retry_on.split(',').filter_map(|condition| condition.parse().ok());
    let retriable_status_codes: Vec<u32> = codes.collect();
    let words = retry_on.split(',').filter(|condition| condition.parse::<u32>().is_err());
    let with_codes = (!retriable_status_codes.is_empty()).then_some("retriable-status-codes");
    let retry_on = Some(words.chain(with_codes).collect::<Vec<_>>().join(","));
    RetryPolicy { num_retries, retry_on, retriable_status_codes, per_try_timeout }
}
