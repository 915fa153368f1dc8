//! The routes of one listener: the one for all of its requests comes last.

use super::{super::Site, virtual_service::Listener};
use crate::{
    diagnostics::Path,
    known::Known,
    mesh::{
        duration::Duration,
        istio::virtual_service::{HttpRoute, PortMatch, Retries, RouteDestination, TcpRoute, TlsMatch, TlsRoute},
        port::Protocol,
        resiliency::Preset,
    },
};

/// A route, and where its fields come from: `(".timeout", path)`.
pub(super) type Routed = (HttpRoute, Vec<(&'static str, Path)>);

/// A route for several listeners would send all of them to one port, so each has its own.
pub(super) fn http(site: &Site, listener: Listener) -> Known<Vec<Routed>> {
    Ok(vec![usual(site, listener)?])
}

/// Connections that ask for the global name.
pub(super) fn tls(site: &Site, listener: Listener, global: &str) -> Known<TlsRoute> {
    let matches = vec![TlsMatch { port: listener.number?, sni_hosts: vec![global.to_owned()] }];
    Ok(TlsRoute { matches, route: vec![RouteDestination::to_port(&site.host(), listener.port.number?)] })
}

/// All connections.
pub(super) fn tcp(site: &Site, listener: Listener) -> Known<TcpRoute> {
    let matches = vec![PortMatch { port: listener.number? }];
    Ok(TcpRoute { matches, route: vec![RouteDestination::to_port(&site.host(), listener.port.number?)] })
}

/// All requests.
fn usual(site: &Site, listener: Listener) -> Known<Routed> {
    let preset = site.resiliency()?;
    let timeout = match site.service.traffic.request_timeout? {
        Some(written) => written,
        // A gRPC call may be a stream that lives for days, which no default knows.
        None if listener.port.protocol? == Protocol::Grpc => Duration::ZERO,
        None => site.mesh.defaults.request_timeout.unwrap_or_else(|| usual_timeout(preset)),
    };
    let route = HttpRoute::to_port(&site.host(), listener.number?, listener.port.number?, timeout, Retries::of(preset));
    Ok((route, vec![("", listener.port.at.clone()), (".timeout", Path::root().attribute("request_timeout"))]))
}

fn usual_timeout(preset: Preset) -> Duration {
    preset.resiliency().map_or(Duration::ZERO, |r| r.request_timeout)
}
