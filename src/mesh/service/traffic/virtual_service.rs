//! Where requests to the service go. A caller calls a host on a port, the listener; each listener has routes of its own.

use super::{
    super::{Port, Site, access, origins},
    routes,
};
use crate::{
    diagnostics::Path,
    known::{Known, part},
    mesh::{istio::virtual_service::VirtualService, manifest::manifest, port::PortNumber, stage},
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
    let ports = part(&site.service.ports)?;
    Ok(ports.iter().map(|port| Listener { number: port.number, port }).collect())
}

/// For every service with an HTTP port: Istio's hidden default retries never apply. Other ports need no route.
pub(in super::super) fn virtual_service(site: &Site, key: Key) -> Known<Object> {
    let mut origins =
        origins(&[("spec.hosts", Path::root().attribute("name")), ("spec.exportTo", Path::root().attribute("allow"))]);
    let mut http = Vec::new();
    for listener in listeners(site)? {
        if listener.port.protocol?.is_http() {
            for (route, from) in routes::http(site, listener)? {
                origins
                    .extend(from.into_iter().map(|(field, path)| (format!("spec.http[{}]{field}", http.len()), path)));
                http.push(route);
            }
        }
    }
    let spec = VirtualService { hosts: hosts(site), export_to: access::export_to(site)?, http };
    Ok(Object {
        body: manifest(&key, site.metadata()?, &spec),
        key,
        holding: Holding::Whole,
        stage: stage::ROUTES,
        transition: Transition::InPlace,
        origins,
    })
}
