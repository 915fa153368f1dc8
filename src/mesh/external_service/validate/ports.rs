//! Rules for the ports and the TLS mode of each.

use std::collections::BTreeSet;

use super::super::{ClientTlsMode, ExternalService, Port, Resolution, ports::carries_host_name};
use crate::{
    diagnostics::Diagnostics,
    mesh::port::Protocol,
    schema::{At, Attr},
};

impl ExternalService {
    pub(super) fn validate_ports(&self, out: &mut Diagnostics) {
        let Ok(ports) = self.port.known() else { return };
        let mut numbers = BTreeSet::new();
        for port in ports {
            if let Attr::Known(number) = port.number
                && !numbers.insert(number)
            {
                out.error(
                    &port.at.attribute("number"),
                    format!("Port {number} declared twice"),
                    "A host has each port once. Remove one of the blocks, or give it another number.",
                );
            }
            let Attr::Known(protocol) = port.protocol else { continue };
            if !carries_host_name(protocol) {
                self.validate_port_without_host_name(port, protocol, out);
            } else if protocol.is_tls() {
                validate_tls_port(port, protocol, out);
            } else {
                self.validate_clear_text_port(port, protocol, out);
            }
        }
    }

    /// Without an address Istio would send connections to every host on such a port to this one.
    fn validate_port_without_host_name(&self, port: &At<Port>, protocol: Protocol, out: &mut Diagnostics) {
        if self.addresses == Attr::Null {
            let why = if self.has_wildcard() == Ok(true) {
                "the hosts of the wildcard could not be told apart on it"
            } else {
                "the host would take the port for every other host too"
            };
            out.error(
                &port.at.attribute("protocol"),
                format!("A {protocol} port without an address"),
                format!(
                    "Plain {protocol} doesn't carry the name of the host, so {why} (IST0134). Write the addresses that applications \
                     connect to in addresses. Or, where the host takes TLS, let the application speak it, and write protocol = \
                     \"tls\": the handshake carries the name."
                ),
            );
        }
        if self.hosts().is_ok_and(|hosts| hosts.len() > 1)
            && self.resolution().is_ok_and(|resolution| resolution != Resolution::None)
        {
            out.error(
                &port.at.attribute("protocol"),
                format!("Many hosts on one {protocol} port"),
                format!(
                    "Plain {protocol} doesn't carry the name of the host, so hosts can't be told apart on the port. Write a \
                     mesh_external_service for each host, with addresses of its own."
                ),
            );
        }
    }

    /// A clear-text port needs a TLS mode other than the default.
    fn validate_clear_text_port(&self, port: &At<Port>, protocol: Protocol, out: &mut Diagnostics) {
        if self.port_tls(port) != Ok(ClientTlsMode::Passthrough) {
            return;
        }
        out.error(
            &port.at.attribute(if port.tls.is_set() { "tls" } else { "protocol" }),
            format!("{protocol} can't pass through as TLS"),
            format!(
                "With protocol = \"{protocol}\" the application speaks clear text. Write tls = \"originate\" for the proxy to speak \
                 TLS to the host, tls = \"none\" for clear text on the whole way, or protocol = \"https\" if the application \
                 speaks TLS."
            ),
        );
    }
}

/// The proxy forwards a TLS port as it is: TLS in TLS is refused.
fn validate_tls_port(port: &At<Port>, protocol: Protocol, out: &mut Diagnostics) {
    if let Attr::Known(mode) = port.tls
        && mode != ClientTlsMode::Passthrough
    {
        out.error(
            &port.at.attribute("tls"),
            "TLS port that isn't passed through",
            format!(
                "With protocol = \"{protocol}\" the application speaks TLS itself, so tls = \"{mode}\" can't be meant. Remove tls, \
                 or write protocol = \"http\" if the application speaks clear text."
            ),
        );
    }
}
