//! Where requests and connections to the service go. A caller calls a host on a port, the listener; each listener has routes of
//! its own.

use super::{
    super::{Port, Site, access, origins},
    is_shared_tcp, routes, versions,
};
use crate::{
    diagnostics::Path,
    known::Known,
    mesh::{
        istio::virtual_service::{TcpMatch, TcpRoute, VirtualService},
        manifest::manifest,
        port::PortNumber,
        stage,
    },
    object::{Holding, Key, Object, Transition},
};

/// What is called, and what takes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listener<'a> {
    /// The port that callers call.
    pub(super) number: Known<PortNumber>,
    /// The port of the Service that it leads to.
    pub(super) port: &'a Port,
}

/// The names that callers call.
fn hosts(site: &Site) -> Vec<String> {
    vec![site.host()]
}

/// Every port of the Service.
fn listeners<'a>(site: &Site<'a>) -> Known<Vec<Listener<'a>>> {
    Ok(site.service.ports()?.iter().map(|port| Listener { number: port.number, port }).collect())
}

/// See [`is_routed`](super::super::Service::is_routed).
pub(in super::super) fn virtual_service(site: &Site, key: Key) -> Known<Object> {
    let mut origins =
        origins(&[("spec.hosts", Path::root().attribute("name")), ("spec.exportTo", Path::root().attribute("allow"))]);
    let (mut http, mut tcp) = (Vec::new(), Vec::new());
    for listener in listeners(site)? {
        let protocol = listener.port.protocol?;
        if protocol.is_http() {
            for (route, from) in routes::http(site, listener)? {
                let at = format!("spec.http[{}]", http.len());
                origins.extend(from.into_iter().map(|(field, path)| (format!("{at}{field}"), path)));
                http.push(route);
            }
        } else if is_shared_tcp(protocol) && !site.service.versions()?.is_empty() {
            origins.push((format!("spec.tcp[{}]", tcp.len()), Path::root().attribute("version")));
            let route = versions::usual(site, listener.port)?;
            tcp.push(TcpRoute { matches: vec![TcpMatch { port: listener.number? }], route });
        }
    }
    let spec = VirtualService { hosts: hosts(site), export_to: access::export_to(site)?, http, tcp };
    Ok(Object {
        body: manifest(&key, site.metadata()?, &spec),
        key,
        holding: Holding::Whole,
        stage: stage::ROUTES,
        transition: Transition::InPlace,
        origins,
    })
}
