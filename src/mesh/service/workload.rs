//! The Service and the ServiceAccount.

use super::{Port, ServiceContext, access, origins};
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

/// Renders the Service.
pub(super) fn service(context: &ServiceContext, key: Key) -> Known<Object> {
    let ports = context.service.ports()?;
    let spec = kubernetes_types::ServiceSpec {
        selector: context.selector()?,
        ports: ports.iter().map(service_port).collect::<Known<_>>()?,
    };
    let metadata = context.metadata()?.with_annotation(EXPORT_TO, export_to_annotation(context)?);
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

/// Renders only the `exportTo` annotation of a Service that another tool manages.
pub(super) fn export_annotation(context: &ServiceContext, key: Key) -> Known<Object> {
    let metadata = Metadata::default().with_annotation(EXPORT_TO, export_to_annotation(context)?);
    let body = manifest_without_spec(&key, metadata);
    Ok(Object::fields(key, body, stage::IDENTITY).with_origins([
        ("metadata".to_owned(), Path::root().attribute("name")),
        ("metadata.annotations".to_owned(), access::export_argument(context)),
    ]))
}

/// Returns the value of the `exportTo` annotation: the namespaces to which the other objects are exported.
fn export_to_annotation(context: &ServiceContext) -> Known<String> {
    Ok(access::export_to(context)?.into_iter().collect::<Vec<_>>().join(","))
}

/// Renders the ServiceAccount.
pub(super) fn service_account(context: &ServiceContext, key: Key) -> Known<Object> {
    let account = Path::root().attribute("service_account");
    let body = manifest_without_spec(&key, context.metadata()?);
    Ok(Object::whole(key, body, stage::IDENTITY).with_origins(origins(&[("metadata.name", account)])))
}
