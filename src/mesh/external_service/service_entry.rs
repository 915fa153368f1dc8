//! The ServiceEntry, which adds the hosts to Istio's service registry.

use super::{ObjectContext, ports::ResolvedPort};
use crate::{
    known::Known,
    mesh::{
        istio::service_entry::{self, ServiceEntry},
        manifest::manifest,
        stage,
    },
    object::{Key, Object},
};

/// Renders the one ServiceEntry of all hosts.
pub(super) fn service_entry(context: &ObjectContext, key: Key) -> Known<Object> {
    let external = context.external;
    let ports = external.resolved_ports()?;
    let spec = ServiceEntry {
        hosts: external.hosts()?.iter().map(ToString::to_string).collect(),
        addresses: external.addresses.elements()?.into_iter().flatten().map(ToString::to_string).collect(),
        export_to: context.export_to()?,
        location: "MESH_EXTERNAL",
        resolution: external.resolution()?.istio(),
        ports: ports.iter().copied().map(ResolvedPort::render).collect(),
        endpoints: external.endpoint.known()?.iter().map(|endpoint| endpoint.render(&ports)).collect::<Known<_>>()?,
    };
    let mut origins =
        vec![("spec.hosts", external.hosts_argument()), ("spec.ports", "port"), ("spec.resolution", "resolution")];
    if !spec.addresses.is_empty() {
        origins.push(("spec.addresses", "addresses"));
    }
    if !spec.endpoints.is_empty() {
        origins.push(("spec.endpoints", "endpoint"));
    }
    let body = manifest(&key, context.metadata()?, &spec);
    Ok(Object::whole(key, body, stage::TARGETS)
        .with_transition(service_entry::TRANSITION)
        .with_origins(context.origins(&origins)))
}
