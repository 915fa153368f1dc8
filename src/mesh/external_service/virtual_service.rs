//! The VirtualServices: timeouts and retries of the ports on which the proxy sees requests.

use super::{Named, Site};
use crate::{
    known::{Known, part},
    mesh::{
        duration::Duration,
        istio::virtual_service::{HttpRoute, Retries, VirtualService},
        manifest::manifest,
        port::Protocol,
        stage,
    },
    object::{Holding, Key, Object, in_place},
};

/// One a host, since a route names where it leads.
pub(super) fn virtual_service(site: &Site, named: &Named, key: Key) -> Known<Object> {
    let host = part(&named.host)?;
    let preset = site.external.resiliency?;
    let http = site.external.doors()?.into_iter().filter(|door| door.protocol.is_http()).map(|door| {
        let timeout = match preset.resiliency() {
            // A gRPC call may be a stream that lives for days.
            Some(r) if door.protocol != Protocol::Grpc => r.request_timeout,
            _ => Duration::ZERO,
        };
        HttpRoute::to_port(host.as_str(), door.number, door.number, timeout, Retries::of(preset))
    });
    let spec = VirtualService {
        hosts: vec![host.to_string()],
        export_to: site.export_to()?,
        http: http.collect(),
        tls: Vec::new(),
        tcp: Vec::new(),
    };
    Ok(Object {
        body: manifest(&key, site.metadata()?, &spec),
        key,
        holding: Holding::Whole,
        stage: stage::ROUTES,
        transition: in_place,
        origins: site.origins(&[("spec.hosts", site.hosts_argument()), ("spec.http", "port")]),
    })
}
