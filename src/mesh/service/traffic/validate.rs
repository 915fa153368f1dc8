//! Rules across the arguments about resiliency, versions and failover.

use std::collections::BTreeSet;

use super::{
    super::{Service, ServiceContext, ServiceManagement, Unmanaged},
    Version, cors, headers, is_routed_tcp, routes,
    versions::{self, Share},
};
use crate::{
    diagnostics::{Diagnostics, Path},
    mesh::{
        Mesh, duration::Duration, labels, manifest::StringMap, port::Protocol, resiliency::Preset,
        timeouts::OperationTimeouts,
    },
    schema::{At, Attr},
};

impl Service {
    /// Reports violations of rules that need no provider arguments.
    pub(in super::super) fn validate_traffic(&self, out: &mut Diagnostics) {
        if self.management() == Ok(ServiceManagement::None) {
            self.validate_without_service(out);
        } else {
            self.validate_has_http_port_for_traffic(out);
        }
        validate_settle_time(self, out);
        self.validate_timeouts(out);
        self.validate_versions(out);
        if let Ok(Some(load_balancing)) = self.traffic.load_balancing.known() {
            load_balancing.validate(out);
        }
        if let Ok(Some(connection)) = self.traffic.connections.known() {
            connection.validate(out);
        }
        headers::validate(&self.traffic.headers, out);
        cors::validate(&self.traffic.cors, out);
        self.validate_routes(out);
        self.validate_failover(out);
        if let Attr::Known(preset) = self.traffic.resiliency {
            self.validate_with_preset(Some(preset), out);
        }
    }

    /// Reports violations of rules that need the provider's arguments.
    pub(in super::super) fn validate_traffic_in_mesh(&self, mesh: &Mesh, out: &mut Diagnostics) {
        if self.traffic.resiliency == Attr::Null {
            self.validate_with_preset(mesh.defaults.resiliency, out);
        }
        self.validate_route_hosts_in_mesh(mesh, out);
        if let Ok(context) = self.context(mesh) {
            validate_per_try_timeout(&context, out);
        }
    }

    /// Reports arguments about callers of a service that has no Service.
    fn validate_without_service(&self, out: &mut Diagnostics) {
        for (name, _) in self.traffic.arguments_set() {
            out.error(
                &Path::root().attribute(name),
                format!("{name} without a Service"),
                format!(
                    "With service = \"none\" the workload can't be called by name, so {name} has no effect. Remove it, or write \
                     service = \"existing\" or \"managed\"."
                ),
            );
        }
    }

    /// Reports arguments about requests of a service without HTTP ports.
    fn validate_has_http_port_for_traffic(&self, out: &mut Diagnostics) {
        if self.speaks_http() != Ok(false) {
            return;
        }
        let mut http_arguments: Vec<Path> = self
            .traffic
            .arguments_set()
            .filter(|(_, rendered_into)| *rendered_into == Unmanaged::VirtualService)
            .map(|(name, _)| name)
            .filter(|name| *name != "request_timeout" || self.traffic.request_timeout != Attr::Known(Duration::ZERO))
            .map(|name| Path::root().attribute(name))
            .collect();
        if let Ok(Some(limits)) = self.traffic.circuit_breaker.known() {
            http_arguments.extend(limits.http_limits());
        }
        if let Ok(Some(connection)) = self.traffic.connections.known() {
            http_arguments.extend(connection.http_settings());
        }
        for at in http_arguments {
            out.error(
                &at,
                "No HTTP port",
                format!(
                    "{at} applies to requests, which proxies see only on ports with http, http2 or grpc, and the service has none. Remove it, or correct the protocol of the port."
                ),
            );
        }
    }

    fn validate_timeouts(&self, out: &mut Diagnostics) {
        let traffic = &self.traffic;
        if traffic.streaming() == Ok(true) && traffic.request_timeout.is_set() {
            out.error(
                &Path::root().attribute("request_timeout"),
                "Timeout with streaming",
                "With streaming = true requests have no timeout. Remove one of the two; a route block may have a request_timeout of \
                 its own.",
            );
        }
        if let Ok(Some(retries)) = traffic.retries.known() {
            retries.validate(out);
        }
    }

    /// Reports settings that are missing because the preset has none.
    fn validate_with_preset(&self, preset: Option<Preset>, out: &mut Diagnostics) {
        if self.management() == Ok(ServiceManagement::None) {
            return;
        }
        let routes = self.routes().unwrap_or_default().iter().map(|route| &route.retries);
        for retries in [&self.traffic.retries].into_iter().chain(routes) {
            if let Ok(Some(retries)) = retries.known() {
                retries.validate_with_preset(preset, out);
            }
        }
        if let Ok(Some(limits)) = self.traffic.circuit_breaker.known() {
            limits.validate_with_preset(preset, out);
        }
        if let Ok(Some(detection)) = self.traffic.outlier_detection.known() {
            detection.validate_with_preset(preset, out);
        }
        if preset.and_then(Preset::settings).is_some() {
            return;
        }
        let has_failover = self.traffic.failover.known().is_ok_and(|rules| !rules.is_empty());
        let argument = has_failover
            .then_some("failover")
            .or_else(|| self.traffic.failover_priority.is_set().then_some("failover_priority"));
        if let (Some(name), Ok(None)) = (argument, self.traffic.outlier_detection.known()) {
            out.error(
                &Path::root().attribute(name),
                "Failover without outlier detection",
                "Requests go elsewhere when the near endpoints are ejected, and without a resiliency preset, or with \"none\", none \
                 ever is (IST0133). Write an outlier_detection block, or resiliency = \"medium\".",
            );
        }
    }

    fn validate_failover(&self, out: &mut Diagnostics) {
        let Ok(rules) = self.traffic.failover.known() else { return };
        if !rules.is_empty() && self.traffic.failover_priority.is_set() {
            out.error(
                &Path::root().attribute("failover_priority"),
                "failover combined with failover_priority",
                "failover says which region takes over, failover_priority by which labels endpoints are preferred. Remove one of \
                 them.",
            );
        }
        let mut regions = BTreeSet::new();
        for rule in rules {
            let Ok(from) = rule.from.required() else { continue };
            if rule.to.required() == Ok(from) {
                out.error(
                    &rule.at.attribute("to"),
                    "Failover to the same region",
                    format!("Requests of {from} stay there while any of its endpoints lives. Write another region."),
                );
            }
            if !regions.insert(from) {
                out.error(
                    &rule.at.attribute("from"),
                    "Region declared twice",
                    format!("{from} has a failover block above, and Istio takes one. Remove one of them."),
                );
            }
        }
    }

    fn validate_versions(&self, out: &mut Diagnostics) {
        let Ok(versions) = self.versions() else { return };
        let Some(first) = versions.first() else { return };
        let mut names = BTreeSet::new();
        let mut earlier: Vec<(&At<Version>, StringMap)> = Vec::new();
        for version in versions {
            if let Ok(name) = version.name.required()
                && !names.insert(name)
            {
                out.error(
                    &version.at.attribute("name"),
                    "Version declared twice",
                    format!("{name:?} is another version's name, too. Give each its own."),
                );
            }
            labels::validate_selector(&version.labels, &version.at.attribute("labels"), out);
            if let Ok(labels) = version.labels.required_elements() {
                self.validate_labels(version, &labels, out);
                if let Some((other, _)) = earlier.iter().find(|(_, other)| overlap(&labels, other)) {
                    out.error(
                        &version.at.attribute("labels"),
                        "Versions that share pods",
                        format!(
                            "Pods with the labels of one are pods of the other, too: {} and {}. Give the two another value of the same \
                             label, like version = \"v1\" and version = \"v2\".",
                            format_version(other),
                            format_version(version)
                        ),
                    );
                }
                earlier.push((version, labels));
            }
        }
        let shares: Vec<Share> = versions.iter().map(Share::from).collect();
        if self.takeover.is_unmanaged(Unmanaged::VirtualService) == Ok(true) {
            validate_no_weights(&shares, out);
        } else if versions::has_no_weights(versions) != Ok(true) {
            validate_weights(&shares, &Path::root().attribute("version"), out);
        }
        self.validate_ports_are_routed(first, out);
    }

    /// Reports labels that select no pod of the service, or all of them.
    fn validate_labels(&self, version: &At<Version>, labels: &StringMap, out: &mut Diagnostics) {
        let Ok(selector) = self.selector() else { return };
        let at = version.at.attribute("labels");
        if let Some((key, value, other)) =
            labels.iter().find_map(|(key, value)| Some((key, value, selector.get(key)?))).filter(|(_, a, b)| a != b)
        {
            out.error(
                &at.key(key),
                "Version labels contradict the selector",
                format!(
                    "selector asks for {key} = {other:?}, so none of its pods has {key} = {value:?}. Write labels in which versions \
                     differ."
                ),
            );
        } else if labels.iter().all(|(key, value)| selector.get(key) == Some(value)) {
            out.error(
                &at,
                "Version selects all pods",
                "Every pod that selector takes has these labels, so they don't distinguish versions. Write labels in which versions \
                 differ, like version = \"v1\".",
            );
        }
    }

    /// Reports ports whose connections can't be distributed among versions: see [`is_routed_tcp`].
    fn validate_ports_are_routed(&self, first: &At<Version>, out: &mut Diagnostics) {
        let Ok(ports) = self.ports() else { return };
        let reason =
            "proxies see no requests in TLS of the application, and tell its connections apart by server name alone";
        if !ports.is_empty() && self.speaks(|protocol| protocol.is_http() || is_routed_tcp(protocol)) == Ok(false) {
            out.error(
                &first.at,
                "Weights without an HTTP or TCP port",
                format!("The service's ports speak TLS: {reason}. Remove the version blocks."),
            );
            return;
        }
        for port in ports {
            if let Ok(protocol) = port.protocol()
                && protocol.is_tls()
            {
                out.warn(
                    &port.at.attribute("protocol"),
                    "This port isn't shared out among versions",
                    format!("It speaks {protocol}: {reason}. Its connections go to every version."),
                );
            }
        }
    }
}

/// Reports a settle time whose waits take as long as an operation may: the operation includes them.
fn validate_settle_time(service: &Service, out: &mut Diagnostics) {
    let Ok(Some(seconds)) = service.traffic.settle_seconds.copied() else { return };
    let timeouts = OperationTimeouts::of(&service.timeouts);
    // A delete waits before routes to other destinations go, and before versions go.
    // A create of what exists already, or an update, waits before routes lead to new destinations, before these routes leave the
    // old ones, and before old versions go; one that takes over from other objects once more.
    let waits = if service.takeover.replaces.is_set() { 4 } else { 3 };
    let operations =
        [("create", timeouts.create, waits), ("update", timeouts.update, waits), ("delete", timeouts.delete, 2)];
    for (name, limit, waits) in operations {
        if u64::from(seconds) * waits >= limit.as_secs() {
            let times = match waits {
                2 => "twice",
                3 => "three times",
                _ => "four times",
            };
            out.error(
                &Path::root().attribute("settle_seconds"),
                format!("settle_seconds outlasts timeouts.{name}"),
                format!(
                    "timeouts.{name} is {} s, and the operation may wait {times} for settle_seconds = {seconds}. Write a \
                     smaller settle_seconds, or a longer timeouts.{name}.",
                    limit.as_secs()
                ),
            );
        }
    }
}

/// Reports a timeout of one attempt that is not shorter than the timeout of the request.
fn validate_per_try_timeout(context: &ServiceContext, out: &mut Diagnostics) {
    // All ports that have a timeout have the same one.
    if let (Ok(Some(retries)), Ok(Some(timeout)), Ok(false)) = (
        context.service.traffic.retries.known(),
        routes::default_timeout(context, Protocol::Http),
        context.service.traffic.streaming(),
    ) {
        retries.validate_with_timeout(timeout, out);
    }
}

/// Reports weights where another tool manages the VirtualService.
fn validate_no_weights(shares: &[Share], out: &mut Diagnostics) {
    for share in shares.iter().filter(|share| share.weight.is_set()) {
        out.error(
            &share.at.attribute("weight"),
            "weight without a VirtualService",
            "Weights are written into the VirtualService, which unmanaged leaves to another tool. Remove weight, or take \
             VirtualService out of unmanaged.",
        );
    }
}

/// Reports weights that don't add up to 100, of a route or of the versions; `at` is the path of the blocks.
pub(super) fn validate_weights(shares: &[Share], at: &Path, out: &mut Diagnostics) {
    let weights: Vec<Option<u32>> = match shares.iter().map(|share| share.weight.copied()).collect() {
        Ok(weights) => weights,
        Err(_) => return,
    };
    let sum: u32 = weights.iter().flatten().sum();
    if shares.len() > 1 && weights.contains(&None) {
        let missing: Vec<&Share> = shares.iter().filter(|share| share.weight == Attr::Null).collect();
        let names: Vec<String> = missing.iter().map(|share| share.at.to_string()).collect();
        let at = missing.first().map_or_else(|| at.clone(), |share| share.at.attribute("weight"));
        out.error(
            &at,
            "Missing weight",
            format!(
                "No weight: {}. The other weights add up to {sum}. If one block sets a weight or a route has several destinations, \
                 each needs one, and they add up to 100. Write weight = 0 for one that gets no requests.",
                names.join(", ")
            ),
        );
    } else if sum != 100 && weights != [None] && !weights.is_empty() {
        out.error(at, "Weights don't add up to 100", format!("The weights add up to {sum}, and must add up to 100."));
    }
}

/// Whether the pods of one version are among those of the other.
fn overlap(one: &StringMap, other: &StringMap) -> bool {
    let is_subset = |a: &StringMap, b: &StringMap| a.iter().all(|(key, value)| b.get(key) == Some(value));
    is_subset(one, other) || is_subset(other, one)
}

/// Formats a version for a message: its quoted name, or else the path of its block.
pub(super) fn format_version(version: &At<Version>) -> String {
    version.name.required().map_or_else(|_| version.at.to_string(), |name| format!("{name:?}"))
}
