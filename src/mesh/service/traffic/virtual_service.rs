//! The VirtualServices for callers in the mesh. Each port that callers use, a listener, has routes of its own.

use super::{
    super::{Port, ServiceContext, access, global_name::port_serving_80, origins},
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
pub(in super::super) fn listeners<'a>(context: &ServiceContext<'a>, global: bool) -> Known<Vec<Listener<'a>>> {
    let ports = context.service.ports()?;
    let port_80 = if global { port_serving_80(ports)? } else { None };
    let port_80 = port_80.map(|port| Listener { number: Ok(PortNumber::HTTP), port });
    Ok(port_80.into_iter().chain(ports.iter().map(|port| Listener { number: port.number(), port })).collect())
}

/// The VirtualService of the cluster host; with the global name among its hosts, where no port speaks TLS.
pub(in super::super) fn virtual_service(context: &ServiceContext, key: Key) -> Known<Object> {
    let global =
        if context.has_global_name()? && !context.service.speaks_tls()? { context.global_name()? } else { None };
    object(context, key, Some(context.host()), global.as_deref(), stage::ROUTES)
}

/// The VirtualService of the global name alone, for a service with a TLS port. A `tls` route lists server names, and refuses
/// clients that ask for another or for none, on all hosts of its VirtualService; so the cluster host isn't among them.
pub(in super::super) fn global_virtual_service(context: &ServiceContext, key: Key) -> Known<Object> {
    let global = context.global_name()?.ok_or(Unknown)?;
    object(context, key, None, Some(&global), stage::ALIASES)
}

fn object(
    context: &ServiceContext,
    key: Key,
    host: Option<String>,
    global: Option<&str>,
    stage: Stage,
) -> Known<Object> {
    let global_host_index = host.iter().len();
    let mut origins =
        origins(&[("spec.hosts", Path::root().attribute("name")), ("spec.exportTo", access::export_argument(context))]);
    if global.is_some() {
        origins.push((format!("spec.hosts[{global_host_index}]"), Path::root().attribute("global_name")));
    }
    let mut spec = VirtualService {
        hosts: host.into_iter().chain(global.map(str::to_owned)).collect(),
        gateways: Vec::new(),
        export_to: access::export_to(context)?,
        http: Vec::new(),
        tls: Vec::new(),
        tcp: Vec::new(),
    };
    for listener in listeners(context, global.is_some())? {
        let protocol = listener.port.protocol()?;
        if protocol.is_http() {
            for (route, route_origins) in routes::http(context, listener)? {
                let at = format!("spec.http[{}]", spec.http.len());
                origins.extend(route_origins.into_iter().map(|(field, path)| (format!("{at}{field}"), path)));
                spec.http.push(route);
            }
        } else if is_routed_tcp(protocol) {
            if global.is_some() || !context.service.versions()?.is_empty() {
                origins.push((format!("spec.tcp[{}]", spec.tcp.len()), listener.port.at.clone()));
                spec.tcp.push(routes::tcp(context, listener)?);
            }
        } else if let Some(global) = global {
            origins.push((format!("spec.tls[{}]", spec.tls.len()), listener.port.at.clone()));
            spec.tls.push(routes::tls(context, listener, global)?);
        }
    }
    let body = manifest(&key, context.metadata()?, &spec);
    Ok(Object::whole(key, body, stage).with_origins(origins))
}
