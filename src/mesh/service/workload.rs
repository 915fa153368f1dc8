//! The Service and the ServiceAccount.

use super::{Port, Site, access, origins};
use crate::{
    diagnostics::Path,
    known::Known,
    mesh::{
        istio::EXPORT_TO,
        kubernetes_types,
        manifest::{Metadata, manifest, manifest_without_spec},
        stage,
    },
    object::{Key, Object},
    schema::At,
};

/// The Service, where this resource creates it.
pub(super) fn service(site: &Site, key: Key) -> Known<Object> {
    let ports = site.service.ports()?;
    let spec = kubernetes_types::Service {
        selector: site.selector()?,
        ports: ports.iter().map(service_port).collect::<Known<_>>()?,
    };
    let metadata = site.metadata()?.with_annotation(EXPORT_TO, visible_to(site)?);
    let mut origins = origins(&[("spec.selector", Path::root().attribute("selector"))]);
    origins.extend(ports.iter().enumerate().map(|(n, port)| (format!("spec.ports[{n}]"), port.at.clone())));
    let body = manifest(&key, metadata, &spec);
    Ok(Object::whole(key, body, stage::IDENTITY).with_origins(origins))
}

fn service_port(port: &At<Port>) -> Known<kubernetes_types::ServicePort> {
    let (number, protocol) = (port.number()?, port.protocol()?);
    Ok(kubernetes_types::ServicePort {
        name: protocol.port_name(number),
        port: number,
        target_port: port.target_port()?,
        protocol: "TCP",
        app_protocol: protocol.as_str(),
    })
}

/// The annotation of a Service that another tool manages.
pub(super) fn visibility(site: &Site, key: Key) -> Known<Object> {
    let metadata = Metadata::default().with_annotation(EXPORT_TO, visible_to(site)?);
    let body = manifest_without_spec(&key, metadata);
    Ok(Object::fields(key, body, stage::IDENTITY).with_origins([
        ("metadata".to_owned(), Path::root().attribute("name")),
        ("metadata.annotations".to_owned(), access::export_argument(site)),
    ]))
}

/// The value of the exportTo annotation: the namespaces that see the other objects.
fn visible_to(site: &Site) -> Known<String> {
    Ok(access::export_to(site)?.into_iter().collect::<Vec<_>>().join(","))
}

/// The ServiceAccount.
pub(super) fn service_account(site: &Site, key: Key) -> Known<Object> {
    let account = Path::root().attribute("service_account");
    let body = manifest_without_spec(&key, site.metadata()?);
    Ok(Object::whole(key, body, stage::IDENTITY).with_origins(origins(&[("metadata.name", account)])))
}
