//! What must hold across arguments. Each rule runs when what *it* needs is known.
//!
//! | file | about |
//! | --- | --- |
//! | [`hosts`] | which hosts, and how they become addresses |
//! | [`ports`] | ports, and who speaks TLS on each |
//! | [`tls`] | handshakes that the proxy begins |
//! | [`failures`] | timeouts, retries, limits |

mod failures;
mod hosts;
mod ports;
mod tls;

use super::ExternalService;
use crate::{
    diagnostics::{Diagnostics, Path},
    mesh::Mesh,
};

impl ExternalService {
    /// Rules that need no provider arguments.
    pub fn check(&self, out: &mut Diagnostics) {
        self.check_hosts(out);
        self.check_export(out);
        self.check_resolution(out);
        self.check_ports(out);
        self.check_tls(out);
        self.check_failures(out);
    }

    /// Rules that need the provider's arguments.
    pub fn check_in_mesh(&self, mesh: &Mesh, out: &mut Diagnostics) {
        self.check_hosts_in_mesh(mesh, out);
        self.check_credential_in_mesh(mesh, out);
    }

    fn check_export(&self, out: &mut Diagnostics) {
        if let Ok(namespaces) = &self.export_to
            && namespaces.contains("*")
            && namespaces.len() > 1
        {
            out.error(
                &argument("export_to"),
                "Everybody and somebody",
                "\"*\" is every namespace. Leave it out, or leave out the others.",
            );
        }
    }
}

fn argument(name: &str) -> Path {
    Path::root().attribute(name)
}
