//! Rules across arguments. Each runs as soon as the values that it needs are known, so that one validation reports all
//! mistakes.
//!
//! | file | content |
//! | --- | --- |
//! | [`hosts`] | hosts, and the names of their objects |
//! | [`resolution`] | resolution, addresses and endpoints |
//! | [`ports`] | ports, and the TLS mode of each |
//! | [`tls`] | TLS that the proxy originates |
//! | [`credential`] | the Secret of its certificate |
//! | [`resiliency`] | timeouts, retries and limits |

mod credential;
mod hosts;
mod ports;
mod resiliency;
mod resolution;
mod tls;

use super::ExternalService;
use crate::{
    diagnostics::{Diagnostics, Path},
    mesh::{Mesh, labels},
};

impl ExternalService {
    /// Reports violations of rules across arguments.
    pub fn validate(&self, out: &mut Diagnostics) {
        labels::validate_labels(&self.labels, &argument("labels"), out);
        labels::validate_annotations(&self.annotations, &argument("annotations"), out);
        if let Ok(Some(settings)) = self.tls_settings.known() {
            labels::validate_selector(&settings.workload_selector, &settings.at.attribute("workload_selector"), out);
        }
        self.validate_hosts(out);
        self.validate_export_to(out);
        self.validate_resolution(out);
        self.validate_ports(out);
        self.validate_tls(out);
        self.validate_resiliency(out);
        self.validate_egress_gateway(out);
    }

    /// Reports violations of rules that need the provider's arguments.
    pub fn validate_in_mesh(&self, mesh: &Mesh, out: &mut Diagnostics) {
        self.validate_hosts_in_mesh(mesh, out);
        self.validate_credential_in_mesh(mesh, out);
        self.validate_export_in_mesh(mesh, out);
        self.validate_allocated_address(mesh, out);
        self.validate_overrides(mesh, out);
    }

    /// Warns that `export_to` stops no call of the host: a proxy that doesn't know it forwards the call unchanged.
    fn validate_export_in_mesh(&self, mesh: &Mesh, out: &mut Diagnostics) {
        let Ok(namespaces) = self.export_to.required_elements() else { return };
        if namespaces.contains("*") || mesh.installed.refuses_unknown_hosts() {
            return;
        }
        out.warn(
            &argument("export_to"),
            "export_to doesn't stop calls of the host",
            "Proxies in other namespaces don't know the host and forward calls of it unchanged: what an application sends to \
             http:// leaves in clear, also where this resource would originate TLS. That is so unless the mesh's outbound traffic \
             policy is REGISTRY_ONLY. Write export_to = [\"*\"], or make the mesh refuse calls of unknown hosts and write in the \
             provider block: installed { outbound_traffic_policy = \"registry_only\" }.",
        );
    }

    fn validate_export_to(&self, out: &mut Diagnostics) {
        if let Ok(namespaces) = self.export_to.required_elements()
            && namespaces.contains("*")
            && namespaces.len() > 1
        {
            out.error(
                &argument("export_to"),
                "\"*\" combined with other namespaces in export_to",
                "\"*\" is every namespace. Leave it out, or leave out the others.",
            );
        }
    }
}

fn argument(name: &str) -> Path {
    Path::root().attribute(name)
}
