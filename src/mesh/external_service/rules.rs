//! What must hold across arguments. Each rule runs when what *it* needs is known.

use std::collections::BTreeSet;

use super::{ExternalService, Host, Port, Tls};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::part,
    mesh::Mesh,
};

impl ExternalService {
    /// Rules that need no provider arguments.
    pub fn check(&self, out: &mut Diagnostics) {
        if let Ok(namespaces) = &self.export_to
            && namespaces.contains("*")
            && namespaces.len() > 1
        {
            out.error(
                &Path::root().attribute("export_to"),
                "Everybody and somebody",
                "\"*\" is every namespace. Leave it out, or leave out the others.",
            );
        }
        let Ok(ports) = part(&self.ports) else { return };
        let mut numbers = BTreeSet::new();
        for port in ports {
            if let Ok(number) = port.number
                && !numbers.insert(number)
            {
                out.error(
                    &port.at.attribute("number"),
                    format!("Port {number} declared twice"),
                    "A host has each port once. Remove one of the blocks, or give it another number.",
                );
            }
            self.check_port(port, out);
        }
    }

    fn check_port(&self, port: &Port, out: &mut Diagnostics) {
        let Ok(protocol) = port.protocol else { return };
        if !protocol.is_http() && !protocol.is_tls() {
            let why = if part(&self.host).is_ok_and(Host::is_wildcard) {
                "the hosts of the wildcard could not be told apart on it"
            } else {
                "the host would take the port for every other host too"
            };
            out.error(
                &port.at.attribute("protocol"),
                format!("A {protocol} port without an address"),
                format!(
                    "Plain {protocol} doesn't carry the name of the host, so {why}. Where the host takes TLS, let the application \
                     speak it, and write protocol = \"tls\": the handshake carries the name."
                ),
            );
        } else if protocol.is_tls() {
            if let Ok(Some(written)) = port.tls
                && written != Tls::Passthrough
            {
                out.error(
                    &port.at.attribute("tls"),
                    "TLS port that isn't passed through",
                    format!(
                        "With protocol = \"{protocol}\" the application speaks TLS itself, so tls = \"{written}\" can't be meant. \
                         Remove tls, or write protocol = \"http\" if the application speaks clear text."
                    ),
                );
            }
        } else if self.tls_of(port) == Ok(Tls::Passthrough) {
            let at = if port.tls == Ok(Some(Tls::Passthrough)) {
                port.at.attribute("tls")
            } else {
                port.at.attribute("protocol")
            };
            out.error(
                &at,
                format!("{protocol} can't pass through as TLS"),
                format!(
                    "With protocol = \"{protocol}\" the application speaks clear text. Write tls = \"originate\" for the proxy to \
                     speak TLS to the host, tls = \"none\" for clear text on the whole way, or protocol = \"https\" if the \
                     application speaks TLS."
                ),
            );
        }
    }

    /// Rules that need the provider's arguments.
    pub fn check_in_mesh(&self, mesh: &Mesh, out: &mut Diagnostics) {
        let Ok(host) = part(&self.host) else { return };
        let inside = host.as_str().strip_suffix(&mesh.cluster_domain).is_some_and(|rest| rest.ends_with('.'));
        if inside {
            out.error(
                &Path::root().attribute("host"),
                "A host of the cluster",
                format!(
                    "Hosts under {} are Kubernetes Services, which an external service of the same name would hide. Declare it as \
                     a mesh_service, or write the host that is meant.",
                    mesh.cluster_domain
                ),
            );
        }
    }
}
