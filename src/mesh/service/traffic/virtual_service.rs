//! The VirtualServices for callers in the mesh. Each port that callers use, a listener, has routes of its own.

use super::{
    super::{Port, Site, access, global_name::port_80, origins},
    is_routed_tcp, routes,
};
use crate::{
    diagnostics::Path,
    known::{Known, Unknown},
    mesh::{istio::virtual_service::VirtualService, manifest::manifest, port::PortNumber, stage},
    object::{Key, Object, Stage},
    schema::At,
};

/// A port that callers use, and the port of the Service that serves it.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Listener<'a> {
    /// The port that callers use.
    pub(in super::super) number: Known<PortNumber>,
    /// The port of the Service.
    pub(in super::super) port: &'a At<Port>,
}

/// The listeners: every port of the Service, and with the global name among the hosts port 80 as well.
pub(in super::super) fn listeners<'a>(site: &Site<'a>, global: bool) -> Known<Vec<Listener<'a>>> {
    let ports = site.service.ports()?;
    let further = if global { port_80(ports)? } else { None };
    let further = further.map(|port| Listener { number: Ok(PortNumber::HTTP), port });
    Ok(further.into_iter().chain(ports.iter().map(|port| Listener { number: port.number(), port })).collect())
}

/// The VirtualService of the cluster host; with the global name among its hosts, where no port speaks TLS.
pub(in super::super) fn virtual_service(site: &Site, key: Key) -> Known<Object> {
    let global = if site.has_global_name()? && !site.service.speaks_tls()? { site.global_name()? } else { None };
    object(site, key, Some(site.host()), global.as_deref(), stage::ROUTES)
}

/// The VirtualService of the global name alone, for a service with a TLS port. A `tls` route lists server names, and refuses
/// clients that ask for another or for none, on all hosts of its VirtualService; so the cluster host isn't among them.
pub(in super::super) fn global_virtual_service(site: &Site, key: Key) -> Known<Object> {
    let global = site.global_name()?.ok_or(Unknown)?;
    object(site, key, None, Some(&global), stage::ALIASES)
}

fn object(site: &Site, key: Key, host: Option<String>, global: Option<&str>, stage: Stage) -> Known<Object> {
    let before = host.iter().len();
    let mut origins =
        origins(&[("spec.hosts", Path::root().attribute("name")), ("spec.exportTo", access::export_argument(site))]);
    if global.is_some() {
        origins.push((format!("spec.hosts[{before}]"), Path::root().attribute("global_name")));
    }
    let mut spec = VirtualService {
        hosts: host.into_iter().chain(global.map(str::to_owned)).collect(),
        gateways: Vec::new(),
        export_to: access::export_to(site)?,
        http: Vec::new(),
        tls: Vec::new(),
        tcp: Vec::new(),
    };
    for listener in listeners(site, global.is_some())? {
        let protocol = listener.port.protocol()?;
        if protocol.is_http() {
            for (route, from) in routes::http(site, listener)? {
                let at = format!("spec.http[{}]", spec.http.len());
                origins.extend(from.into_iter().map(|(field, path)| (format!("{at}{field}"), path)));
                spec.http.push(route);
            }
        } else if is_routed_tcp(protocol) {
            if global.is_some() || !site.service.versions()?.is_empty() {
                origins.push((format!("spec.tcp[{}]", spec.tcp.len()), listener.port.at.clone()));
                spec.tcp.push(routes::tcp(site, listener)?);
            }
        } else if let Some(global) = global {
            origins.push((format!("spec.tls[{}]", spec.tls.len()), listener.port.at.clone()));
            spec.tls.push(routes::tls(site, listener, global)?);
        }
    }
    let body = manifest(&key, site.metadata()?, &spec);
    Ok(Object::whole(key, body, stage).with_origins(origins))
}
