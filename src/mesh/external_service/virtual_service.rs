//! The VirtualServices: timeouts and retries of the ports on which the proxy sees requests.

use super::{NamedHost, ObjectContext, propagation};
use crate::{
    diagnostics::Path,
    known::Known,
    mesh::{
        istio::virtual_service::{HttpRoute, VirtualService},
        manifest::manifest,
        resiliency::route_retries,
        stage,
    },
    object::{Key, Object},
};

/// Renders the VirtualService of one host. Each host has its own, since a route names its destination.
pub(super) fn virtual_service(context: &ObjectContext, host: &NamedHost, key: Key) -> Known<Object> {
    let external = context.external;
    let host = host.host.as_ref().map_err(|unknown| *unknown)?;
    let mut http = Vec::new();
    for port in external.resolved_ports()?.into_iter().filter(|port| port.protocol.is_http()) {
        let timeout = external.request_timeout.copied()?;
        let retries = route_retries(&external.retries, external.resiliency.copied()?, timeout)?;
        http.push(HttpRoute::to_port(host.as_str(), port.number, timeout, retries));
    }
    let mut origins = context.origins(&[("spec.hosts", external.hosts_argument()), ("spec.http", "port")]);
    for n in 0..http.len() {
        for (field, argument) in [("timeout", "request_timeout"), ("retries", "retries")] {
            origins.push((format!("spec.http[{n}].{field}"), Path::root().attribute(argument)));
        }
    }
    let spec = VirtualService {
        hosts: vec![host.to_string()],
        gateways: Vec::new(),
        export_to: context.export_to()?,
        http,
        tls: Vec::new(),
        tcp: Vec::new(),
    };
    let body = manifest(&key, context.metadata()?, &spec);
    let route = Object::whole(key, body, stage::ROUTES).with_origins(origins);
    Ok(route.with_settle_time(propagation::NEW_DESTINATIONS).with_transition(propagation::DIRECT_ROUTE))
}
