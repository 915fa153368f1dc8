//! What must hold across arguments about failures, versions and failover.

use std::collections::BTreeSet;

use super::{
    super::{Management, Service, Site, Unmanaged},
    Failover, is_shared_tcp, routes,
    versions::{Share, Version},
};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::as_known,
    mesh::{Mesh, duration::Duration, manifest::Texts, port::Protocol, resiliency::Preset},
};

impl Service {
    /// Rules that need no provider arguments.
    pub(in super::super) fn check_traffic(&self, out: &mut Diagnostics) {
        if self.management == Ok(Management::None) {
            self.check_nobody_calls(out);
        } else {
            self.check_sees_requests(out);
        }
        self.check_timeouts(out);
        self.check_versions(out);
        self.check_routes(out);
        self.check_failover(out);
        if let Ok(Some(preset)) = self.traffic.resiliency {
            self.check_under(preset, out);
        }
    }

    /// Rules that need the provider's arguments.
    pub(in super::super) fn check_traffic_in_mesh(&self, mesh: &Mesh, out: &mut Diagnostics) {
        if self.traffic.resiliency == Ok(None) {
            self.check_under(mesh.defaults.resiliency, out);
        }
        if let Ok(site) = self.site(mesh) {
            check_tries(&site, out);
        }
    }

    fn check_nobody_calls(&self, out: &mut Diagnostics) {
        for (name, _) in self.traffic.written() {
            out.error(
                &Path::root().attribute(name),
                format!("{name} without a Service"),
                format!(
                    "With service = \"none\" nobody calls the workload by name, so {name} would have no effect. Remove it, or write \
                     service = \"existing\" or \"managed\"."
                ),
            );
        }
    }

    fn check_sees_requests(&self, out: &mut Diagnostics) {
        if self.speaks_http() != Ok(false) {
            return;
        }
        let mut about_requests: Vec<Path> = self
            .traffic
            .written()
            .filter(|(_, held_by)| *held_by == Unmanaged::VirtualService)
            .map(|(name, _)| name)
            .filter(|name| *name != "request_timeout" || self.traffic.request_timeout != Ok(Some(Duration::ZERO)))
            .map(|name| Path::root().attribute(name))
            .collect();
        if let Ok(Some(limits)) = self.traffic.circuit_breaker.known() {
            about_requests.extend(limits.http_limits());
        }
        for at in about_requests {
            out.error(
                &at,
                "No HTTP port",
                format!(
                    "{at} is about requests, which proxies see only on ports that speak http, http2 or grpc, and the service has \
                     none. Remove it, or correct the protocol of the port."
                ),
            );
        }
    }

    fn check_timeouts(&self, out: &mut Diagnostics) {
        let traffic = &self.traffic;
        if traffic.streaming == Ok(true) && matches!(traffic.request_timeout, Ok(Some(_))) {
            out.error(
                &Path::root().attribute("request_timeout"),
                "A timeout of streams",
                "With streaming = true requests have no timeout. Remove one of the two; a route block may have a request_timeout of \
                 its own.",
            );
        }
        if let Ok(Some(retries)) = traffic.retries.known() {
            retries.validate(out);
        }
    }

    /// What a preset without numbers leaves open.
    fn check_under(&self, preset: Preset, out: &mut Diagnostics) {
        if let Ok(Some(retries)) = self.traffic.retries.known() {
            retries.validate_under(preset, out);
        }
        if preset != Preset::None {
            return;
        }
        let place =
            as_known(&self.traffic.failover).is_ok_and(|rules| !rules.is_empty()).then_some("failover").or_else(|| {
                as_known(&self.traffic.failover_priority)
                    .is_ok_and(|labels| !labels.is_empty())
                    .then_some("failover_priority")
            });
        if let (Some(name), Ok(ejection)) = (place, self.traffic.outlier_detection.known())
            && ejection.is_none_or(|block| block.is_empty())
        {
            out.error(
                &Path::root().attribute(name),
                "Failover without outlier detection",
                "Requests go elsewhere when the near endpoints are left out, and with resiliency = \"none\" none ever is (IST0133). \
                 Write an outlier_detection block, or another resiliency.",
            );
        }
    }

    fn check_failover(&self, out: &mut Diagnostics) {
        let Ok(rules) = as_known(&self.traffic.failover) else { return };
        if !rules.is_empty() && as_known(&self.traffic.failover_priority).is_ok_and(|labels| !labels.is_empty()) {
            out.error(
                &Path::root().attribute("failover_priority"),
                "Two ways of failover",
                "failover says which region takes over, failover_priority by which labels endpoints are preferred. Remove one of \
                 them.",
            );
        }
        let mut regions = BTreeSet::new();
        for Failover { at, from, to } in rules {
            let Ok(from) = from else { continue };
            if to.as_ref() == Ok(from) {
                out.error(
                    &at.attribute("to"),
                    "Failover to the same region",
                    format!("Requests of {from} stay there while any of its endpoints lives. Write another region."),
                );
            }
            if !regions.insert(from) {
                out.error(
                    &at.attribute("from"),
                    "Region declared twice",
                    format!("{from} has a failover block above, and Istio takes one. Remove one of them."),
                );
            }
        }
    }

    fn check_versions(&self, out: &mut Diagnostics) {
        let Ok(versions) = self.versions() else { return };
        let Some(first) = versions.first() else { return };
        let mut names = BTreeSet::new();
        let mut before: Vec<(&Version, &Texts)> = Vec::new();
        for version in versions {
            if let Ok(name) = &version.name
                && !names.insert(name)
            {
                out.error(
                    &version.at.attribute("name"),
                    "Version declared twice",
                    format!("{name:?} is another version's name, too. Give each its own."),
                );
            }
            if let Ok(labels) = &version.labels {
                self.check_labels(version, labels, out);
                if let Some((other, _)) = before.iter().find(|(_, other)| overlap(labels, other)) {
                    out.error(
                        &version.at.attribute("labels"),
                        "Versions that share pods",
                        format!(
                            "Pods with the labels of one are pods of the other, too: {} and {}. Give the two another value of the same \
                             label, like version = \"v1\" and version = \"v2\".",
                            named(other),
                            named(version)
                        ),
                    );
                }
                before.push((version, labels));
            }
        }
        let shares: Vec<Share> = versions.iter().map(Version::share).collect();
        if self.others.leaves(Unmanaged::VirtualService) == Ok(true) {
            check_no_shares(&shares, out);
        } else {
            check_shares(&shares, &Path::root().attribute("version"), out);
        }
        self.check_shared_ports(first, out);
    }

    fn check_labels(&self, version: &Version, labels: &Texts, out: &mut Diagnostics) {
        let Ok(selector) = as_known(&self.selector) else { return };
        let at = version.at.attribute("labels");
        if let Some((key, value, other)) =
            labels.iter().find_map(|(key, value)| Some((key, value, selector.get(key)?))).filter(|(_, a, b)| a != b)
        {
            out.error(
                &at.key(key),
                "Labels that no pod of the service has",
                format!(
                    "selector asks for {key} = {other:?}, so none of its pods has {key} = {value:?}. Write labels in which versions \
                     differ."
                ),
            );
        } else if labels.iter().all(|(key, value)| selector.get(key) == Some(value)) {
            out.error(
                &at,
                "A version of all pods",
                "Every pod that selector takes has these labels, so they tell no version apart. Write labels in which versions \
                 differ, like version = \"v1\".",
            );
        }
    }

    /// With TLS of the application, connections can't be shared out: see [`is_shared_tcp`].
    fn check_shared_ports(&self, first: &Version, out: &mut Diagnostics) {
        let Ok(ports) = self.ports() else { return };
        let why =
            "proxies see no requests in TLS of the application, and tell its connections apart by server name alone";
        if !ports.is_empty() && self.speaks(|protocol| protocol.is_http() || is_shared_tcp(protocol)) == Ok(false) {
            out.error(
                &first.at,
                "No port to share out",
                format!("The service's ports speak TLS: {why}. Remove the version blocks."),
            );
            return;
        }
        for port in ports {
            if let Ok(protocol) = port.protocol
                && protocol.is_tls()
            {
                out.warn(
                    &port.at.attribute("protocol"),
                    "This port isn't shared out among versions",
                    format!("It speaks {protocol}: {why}. Its connections go to every version."),
                );
            }
        }
    }
}

/// A try that may take as long as the request is the only one.
fn check_tries(site: &Site, out: &mut Diagnostics) {
    // Of all ports that have a timeout it is the same one.
    if let (Ok(Some(retries)), Ok(timeout), Ok(false)) = (
        site.service.traffic.retries.known(),
        routes::usual_timeout(site, Protocol::Http),
        site.service.traffic.streaming,
    ) {
        retries.validate_within(timeout, out);
    }
}

/// Where the routes are somebody else's, so are the shares.
fn check_no_shares(shares: &[Share], out: &mut Diagnostics) {
    for share in shares.iter().filter(|share| matches!(share.weight, Ok(Some(_)))) {
        out.error(
            &share.at.attribute("weight"),
            "weight without a VirtualService",
            "Weights are written into the VirtualService, and unmanaged leaves that to somebody else. Remove weight, or take \
             VirtualService out of unmanaged.",
        );
    }
}

/// Shares of one route, or of the versions as a whole: `at`.
pub(super) fn check_shares(shares: &[Share], at: &Path, out: &mut Diagnostics) {
    let weights: Vec<Option<u32>> = match shares.iter().map(|share| share.weight).collect() {
        Ok(weights) => weights,
        Err(_) => return,
    };
    let sum: u32 = weights.iter().flatten().sum();
    if shares.len() > 1 && weights.contains(&None) {
        for share in shares.iter().filter(|share| share.weight == Ok(None)) {
            out.error(
                &share.at.attribute("weight"),
                "Missing weight",
                format!(
                    "Where there are several, each has a weight, and they add up to 100; those written add up to {sum}. Write \
                     weight = 0 for one that gets nothing here."
                ),
            );
        }
    } else if sum != 100 && weights != [None] && !weights.is_empty() {
        out.error(
            at,
            "Weights don't add up to 100",
            format!("Weights are percent, and these add up to {sum}. Make them 100 in all."),
        );
    }
}

/// Whether one's pods are among the other's.
fn overlap(one: &Texts, other: &Texts) -> bool {
    let within = |a: &Texts, b: &Texts| a.iter().all(|(key, value)| b.get(key) == Some(value));
    within(one, other) || within(other, one)
}

/// A version as messages show it.
pub(super) fn named(version: &Version) -> String {
    version.name.as_ref().map_or_else(|_| version.at.to_string(), |name| format!("{name:?}"))
}
