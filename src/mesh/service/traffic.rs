//! How failures are met: limits and ejection towards the host, timeouts and retries of requests.

use super::{Port, Site, access, origins};
use crate::{
    diagnostics::Path,
    known::Known,
    mesh::{
        duration::Duration,
        istio::{
            destination_rule::{self, DestinationRule, TrafficPolicy},
            virtual_service::{HttpRoute, Retries, VirtualService},
        },
        manifest::manifest,
        port::Protocol,
        resiliency::Preset,
        stage,
    },
    object::{Holding, Key, Object, in_place},
};

/// How failures are met.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// How failures are met, where it is written.
    pub resiliency: Known<Option<Preset>>,
    /// Of a whole request, where it is written.
    pub request_timeout: Known<Option<Duration>>,
}

impl Traffic {
    /// The arguments that are written which only a VirtualService holds.
    pub(super) fn routing(&self) -> Vec<&'static str> {
        let timeout = matches!(self.request_timeout, Ok(Some(_))).then_some("request_timeout");
        timeout.into_iter().collect()
    }

    /// The arguments that are written which only a DestinationRule holds.
    pub(super) fn policy(&self) -> Vec<&'static str> {
        Vec::new()
    }
}

/// Always there: without it the root namespace's would hold, under `resiliency = "none"` too.
pub(super) fn destination_rule(site: &Site, key: Key) -> Known<Object> {
    let traffic = if site.service.speaks_http()? {
        destination_rule::Traffic::Requests
    } else {
        destination_rule::Traffic::Connections
    };
    let spec = DestinationRule {
        host: site.host(),
        export_to: access::export_to(site)?,
        traffic_policy: site.resiliency()?.resiliency().map(|r| TrafficPolicy::of(&r, traffic)),
    };
    Ok(Object {
        body: manifest(&key, site.metadata()?, &spec),
        key,
        holding: Holding::Whole,
        stage: stage::TARGETS,
        transition: in_place,
        origins: origins(&[
            ("spec.host", Path::root().attribute("name")),
            ("spec.exportTo", access::export_argument(site)),
            ("spec.trafficPolicy", Path::root().attribute("resiliency")),
        ]),
    })
}

/// For every service with an HTTP port: Istio's hidden default retries never apply. Other ports need no route.
pub(super) fn virtual_service(site: &Site, key: Key) -> Known<Object> {
    let host = site.host();
    let mut origins =
        origins(&[("spec.hosts", Path::root().attribute("name")), ("spec.exportTo", access::export_argument(site))]);
    let mut http = Vec::new();
    for port in site.service.ports()? {
        if let Some(route) = http_route(site, &host, port)? {
            origins.push((format!("spec.http[{}]", http.len()), port.at.clone()));
            origins.push((format!("spec.http[{}].timeout", http.len()), Path::root().attribute("request_timeout")));
            http.push(route);
        }
    }
    let spec = VirtualService { hosts: vec![host], export_to: access::export_to(site)?, http };
    Ok(Object {
        body: manifest(&key, site.metadata()?, &spec),
        key,
        holding: Holding::Whole,
        stage: stage::ROUTES,
        transition: in_place,
        origins,
    })
}

/// One port, one route: a route for several ports would send all of them to one.
fn http_route(site: &Site, host: &str, port: &Port) -> Known<Option<HttpRoute>> {
    let protocol = port.protocol?;
    if !protocol.is_http() {
        return Ok(None);
    }
    let preset = site.resiliency()?;
    let timeout = match site.service.traffic.request_timeout? {
        Some(written) => written,
        // A gRPC call may be a stream that lives for days, which no default knows.
        None if protocol == Protocol::Grpc => Duration::ZERO,
        None => site.mesh.defaults.request_timeout.unwrap_or_else(|| usual_timeout(preset)),
    };
    Ok(Some(HttpRoute::to_port(host, port.number?, timeout, Retries::of(preset))))
}

fn usual_timeout(preset: Preset) -> Duration {
    preset.resiliency().map_or(Duration::ZERO, |r| r.request_timeout)
}
