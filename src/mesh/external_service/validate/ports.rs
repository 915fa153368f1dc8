//! Ports, and who speaks TLS on each.

use std::collections::BTreeSet;

use super::{
    super::{ExternalService, Port, Resolution, Tls, ports::is_nameless},
    argument,
};
use crate::{diagnostics::Diagnostics, known::as_known, mesh::port::Protocol};

impl ExternalService {
    pub(super) fn check_ports(&self, out: &mut Diagnostics) {
        let Ok(ports) = as_known(&self.ports) else { return };
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
            let Ok(protocol) = port.protocol else { continue };
            if is_nameless(protocol) {
                self.check_nameless(port, protocol, out);
            } else if protocol.is_tls() {
                check_passed_through(port, protocol, out);
            } else {
                self.check_clear(port, protocol, out);
            }
        }
    }

    /// Without an address such a port would be taken for every host in the world.
    fn check_nameless(&self, port: &Port, protocol: Protocol, out: &mut Diagnostics) {
        if as_known(&self.addresses).is_ok_and(BTreeSet::is_empty) {
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
        if self.all_hosts().is_ok_and(|hosts| hosts.len() > 1)
            && self.resolved().is_ok_and(|resolution| resolution != Resolution::None)
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

    fn check_clear(&self, port: &Port, protocol: Protocol, out: &mut Diagnostics) {
        if self.tls_of(port) != Ok(Tls::Passthrough) {
            return;
        }
        let at = if port.tls == Ok(Some(Tls::Passthrough)) {
            port.at.attribute("tls")
        } else {
            port.at.attribute("protocol")
        };
        out.error(
            &at,
            format!("{protocol} can't pass through as TLS"),
            format!(
                "With protocol = \"{protocol}\" the application speaks clear text. Write tls = \"originate\" for the proxy to speak \
                 TLS to the host, tls = \"none\" for clear text on the whole way, or protocol = \"https\" if the application \
                 speaks TLS."
            ),
        );
    }

    /// What a wildcard's requests are sent with comes from the requests, which such a port doesn't have.
    pub(super) fn check_origination_without_names(&self, out: &mut Diagnostics) {
        let (Ok(ports), Ok(true)) = (as_known(&self.ports), self.has_wildcard()) else { return };
        let is_blind = |port: &Port| {
            port.protocol.is_ok_and(is_nameless) && self.tls_of(port).is_ok_and(|tls| tls.origination().is_some())
        };
        let Ok(settings) = as_known(&self.tls_settings) else { return };
        let is_named = settings.as_ref().is_some_and(|settings| settings.subject_alt_names != Ok(None));
        if ports.iter().any(is_blind) && !is_named {
            out.error(
                &argument("tls_settings"),
                "A wildcard's certificate goes unchecked",
                "On a port without requests the proxy doesn't know which host of the wildcard is meant, so it could check no name \
                 in the certificate. Write sni and subject_alt_names in tls_settings, or the exact host.",
            );
        }
    }
}

fn check_passed_through(port: &Port, protocol: Protocol, out: &mut Diagnostics) {
    if let Ok(Some(written)) = port.tls
        && written != Tls::Passthrough
    {
        out.error(
            &port.at.attribute("tls"),
            "TLS port that isn't passed through",
            format!(
                "With protocol = \"{protocol}\" the application speaks TLS itself, so tls = \"{written}\" can't be meant. Remove tls, \
                 or write protocol = \"http\" if the application speaks clear text."
            ),
        );
    }
}
