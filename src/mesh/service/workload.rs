//! The workload in Kubernetes: its Service and its ServiceAccount.

use super::{Port, Site, access, origins};
use crate::{
    diagnostics::Path,
    known::Known,
    mesh::{
        istio::EXPORT_TO,
        kubernetes_types,
        manifest::{Metadata, bare, manifest},
        stage,
    },
    object::{Key, ManagementScope, Object, Transition},
};

/// The Service, where it is ours.
pub(super) fn service(site: &Site, key: Key) -> Known<Object> {
    let ports = site.service.ports()?;
    let spec = kubernetes_types::Service {
        selector: site.selector()?,
        ports: ports.iter().map(service_port).collect::<Known<_>>()?,
    };
    let metadata = site.metadata()?.annotated(EXPORT_TO, visible_to(site)?);
    let mut origins = origins(&[("spec.selector", Path::root().attribute("selector"))]);
    origins.extend(ports.iter().enumerate().map(|(n, port)| (format!("spec.ports[{n}]"), port.at.clone())));
    Ok(Object {
        body: manifest(&key, metadata, &spec),
        key,
        scope: ManagementScope::Whole,
        stage: stage::IDENTITY,
        transition: Transition::InPlace,
        origins,
    })
}

fn service_port(port: &Port) -> Known<kubernetes_types::ServicePort> {
    let (number, protocol) = (port.number?, port.protocol?);
    Ok(kubernetes_types::ServicePort {
        name: protocol.port_name(number),
        port: number,
        target_port: port.target_port?,
        protocol: "TCP",
        app_protocol: protocol.word(),
    })
}

/// The one annotation of a Service that is somebody else's.
pub(super) fn visibility(site: &Site, key: Key) -> Known<Object> {
    let metadata = Metadata::default().annotated(EXPORT_TO, visible_to(site)?);
    Ok(Object {
        body: bare(&key, metadata),
        key,
        scope: ManagementScope::Fields,
        stage: stage::IDENTITY,
        transition: Transition::InPlace,
        origins: vec![
            ("metadata".to_owned(), Path::root().attribute("name")),
            ("metadata.annotations".to_owned(), access::export_argument(site)),
        ],
    })
}

/// Istio's text of who sees a Service: at least everybody who sees its other objects.
fn visible_to(site: &Site) -> Known<String> {
    Ok(access::export_to(site)?.into_iter().collect::<Vec<_>>().join(","))
}

/// The identity.
pub(super) fn service_account(site: &Site, key: Key) -> Known<Object> {
    let account = Path::root().attribute("service_account");
    Ok(Object {
        body: bare(&key, site.metadata()?),
        key,
        scope: ManagementScope::Whole,
        stage: stage::IDENTITY,
        transition: Transition::InPlace,
        origins: origins(&[("metadata.name", account)]),
    })
}
