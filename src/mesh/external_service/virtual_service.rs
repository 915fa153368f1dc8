//! The VirtualServices: timeouts and retries of the ports on which the proxy sees requests.

use super::{ExternalService, Named, Site};
use crate::{
    diagnostics::Path,
    known::{Known, as_known},
    mesh::{
        duration::Duration,
        istio::virtual_service::{HttpRoute, VirtualService},
        manifest::manifest,
        port::Protocol,
        resiliency::route_retries,
        stage,
    },
    object::{Key, ManagementScope, Object, Transition},
};

/// One a host, since a route names where it leads.
pub(super) fn virtual_service(site: &Site, named: &Named, key: Key) -> Known<Object> {
    let host = as_known(&named.host)?;
    let external = site.external;
    let mut http = Vec::new();
    for door in external.doors()?.into_iter().filter(|door| door.protocol.is_http()) {
        let timeout = external.timeout(door.protocol)?;
        let retries = route_retries(&external.retries, external.resiliency?, timeout)?;
        http.push(HttpRoute::to_port(host.as_str(), door.number, timeout, retries));
    }
    let mut origins = site.origins(&[("spec.hosts", site.hosts_argument()), ("spec.http", "port")]);
    for n in 0..http.len() {
        for (field, argument) in [("timeout", "request_timeout"), ("retries", "retries")] {
            origins.push((format!("spec.http[{n}].{field}"), Path::root().attribute(argument)));
        }
    }
    let spec = VirtualService {
        hosts: vec![host.to_string()],
        gateways: Vec::new(),
        export_to: site.export_to()?,
        http,
        tls: Vec::new(),
        tcp: Vec::new(),
    };
    Ok(Object {
        body: manifest(&key, site.metadata()?, &spec),
        key,
        scope: ManagementScope::Whole,
        stage: stage::ROUTES,
        transition: Transition::InPlace,
        origins,
    })
}

impl ExternalService {
    /// Of a whole request on a port that speaks `protocol`.
    pub(super) fn timeout(&self, protocol: Protocol) -> Known<Duration> {
        Ok(match self.request_timeout? {
            Some(written) => written,
            // A gRPC call may be a stream that lives for days, which no default knows.
            None if protocol == Protocol::Grpc => Duration::ZERO,
            None => self.resiliency?.resiliency().map_or(Duration::ZERO, |r| r.request_timeout),
        })
    }
}
