//! The ServiceEntry, which adds the hosts to Istio's service registry.

use super::{ObjectContext, ports::ResolvedPort};
use crate::{
    known::Known,
    mesh::{
        istio::{
            ExportTo,
            service_entry::{self, ServiceEntry},
        },
        manifest::manifest,
        stage,
    },
    object::{Key, Object, Stage},
};

/// Renders the one ServiceEntry of all hosts. Behind an egress gateway callers get it after the routes to the gateway.
pub(super) fn service_entry(context: &ObjectContext, key: Key) -> Known<Object> {
    let is_routed = context.external.egress_gateway.known()?.is_some();
    render(context, key, context.export_to()?, if is_routed { stage::ROUTED_HOSTS } else { stage::TARGETS })
}

/// Renders a ServiceEntry of all hosts for the namespaces of `export_to`.
pub(super) fn render(context: &ObjectContext, key: Key, export_to: ExportTo, stage: Stage) -> Known<Object> {
    let external = context.external;
    let ports = external.resolved_ports()?;
    let spec = ServiceEntry {
        hosts: external.hosts()?.iter().map(ToString::to_string).collect(),
        addresses: external.addresses.elements()?.into_iter().flatten().map(ToString::to_string).collect(),
        export_to,
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
    Ok(Object::whole(key, body, stage)
        .with_transition(service_entry::TRANSITION)
        .with_origins(context.origins(&origins)))
}
