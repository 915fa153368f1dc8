//! The ServiceEntry: hosts and ports.

use super::{Site, ports::Door};
use crate::{
    known::Known,
    mesh::{
        istio::service_entry::{self, ServiceEntry, ServicePort},
        manifest::manifest,
        stage,
    },
    object::{Key, ManagementScope, Object},
};

/// One for all hosts.
pub(super) fn service_entry(site: &Site, key: Key) -> Known<Object> {
    let external = site.external;
    let spec = ServiceEntry {
        hosts: external.all_hosts()?.into_iter().map(ToString::to_string).collect(),
        addresses: external.virtual_addresses()?,
        export_to: site.export_to()?,
        location: "MESH_EXTERNAL",
        resolution: external.resolved()?.istio(),
        ports: external.doors()?.into_iter().map(service_port).collect(),
        endpoints: external.entry_endpoints()?,
    };
    let mut own =
        vec![("spec.hosts", site.hosts_argument()), ("spec.ports", "port"), ("spec.resolution", "resolution")];
    if !spec.addresses.is_empty() {
        own.push(("spec.addresses", "addresses"));
    }
    if !spec.endpoints.is_empty() {
        own.push(("spec.endpoints", "endpoint"));
    }
    Ok(Object {
        body: manifest(&key, site.metadata()?, &spec),
        key,
        scope: ManagementScope::Whole,
        stage: stage::TARGETS,
        transition: service_entry::TRANSITION,
        origins: site.origins(&own),
    })
}

fn service_port(door: Door) -> ServicePort {
    ServicePort {
        number: door.number,
        name: door.name(),
        protocol: door.protocol.istio(),
        target_port: door.target_port,
    }
}

impl Door {
    /// Of the port in the entry.
    pub(super) fn name(self) -> String {
        self.protocol.port_name(self.number)
    }
}
