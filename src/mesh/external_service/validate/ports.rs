//! Rules for the ports and the TLS mode of each.

use std::collections::BTreeSet;

use super::super::{ClientTlsMode, ExternalService, Port, Resolution, ports::carries_host_name};
use crate::{
    diagnostics::Diagnostics,
    mesh::{Mesh, port::Protocol},
    schema::{At, Attr},
};

/// The consequence of a port without an address, for a single host.
const HOST_WITHOUT_ADDRESS: &str = "the host would take the port for every other host too";
/// The consequence of a port without an address, for a wildcard.
const WILDCARD_WITHOUT_ADDRESS: &str = "the hosts of the wildcard can't be distinguished on it";

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
        let is_wildcard = self.has_wildcard() == Ok(true);
        if self.addresses == Attr::Null && (is_wildcard || self.resolution() == Ok(Resolution::None)) {
            let why = if is_wildcard { WILDCARD_WITHOUT_ADDRESS } else { HOST_WITHOUT_ADDRESS };
            out.error(
                &port.at.attribute("protocol"),
                format!("Port with {protocol} needs addresses"),
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
                format!("Several hosts on one {protocol} port"),
                format!(
                    "Plain {protocol} doesn't carry the name of the host, so hosts can't be distinguished on the port. Write a \
                     mesh_external_service for each host, with addresses of its own."
                ),
            );
        }
    }

    /// Istio allocates an address for a host without one, which applications learn where their proxies answer DNS queries.
    pub(super) fn validate_allocated_address(&self, mesh: &Mesh, out: &mut Diagnostics) {
        let is_allocated = self.addresses == Attr::Null
            && self.has_wildcard() == Ok(false)
            && self.resolution().is_ok_and(|resolution| resolution != Resolution::None);
        let (true, Ok(ports)) = (is_allocated, self.port.known()) else { return };
        for port in ports {
            let Attr::Known(protocol) = port.protocol else { continue };
            if carries_host_name(protocol) {
                continue;
            }
            if !mesh.installed.dns_capture {
                out.error(
                    &port.at.attribute("protocol"),
                    format!("Port with {protocol} needs addresses"),
                    format!(
                        "Plain {protocol} doesn't carry the name of the host, so {HOST_WITHOUT_ADDRESS} (IST0134). Where proxies \
                         answer DNS queries, Istio allocates an address for the host: switch DNS capture on \
                         (ISTIO_META_DNS_CAPTURE = \"true\" of proxyMetadata) and write in the provider block: installed {{ \
                         dns_capture = true }}. Or write the addresses that applications connect to in addresses. Or, where \
                         connections start with TLS, let the application speak it, and write protocol = \"tls\": the handshake \
                         carries the name."
                    ),
                );
            } else if self.export_to.required_elements().is_ok_and(|namespaces| namespaces.contains("*")) {
                out.warn(
                    &port.at.attribute("protocol"),
                    format!("Port with {protocol} and no address in every namespace"),
                    "Istio allocates an address for the host, by which proxies tell it from others. A pod whose proxy doesn't \
                         answer DNS queries, since it wasn't restarted after DNS capture was switched on, takes the port for every \
                         destination: connections to any host on this port go to this one. Restart all pods, or list in export_to \
                         the namespaces that call the host; or write its addresses in addresses.",
                );
            }
        }
    }

    /// A clear-text port needs a TLS mode other than the default.
    fn validate_clear_text_port(&self, port: &At<Port>, protocol: Protocol, out: &mut Diagnostics) {
        // Without a host the protocol is reported already.
        if self.port_tls(port) != Ok(ClientTlsMode::Passthrough) || self.has_only_addresses() {
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
            "TLS port with originated TLS",
            format!(
                "With protocol = \"{protocol}\" the application speaks TLS itself, so tls = \"{mode}\" can't be meant. Remove tls, \
                 or write protocol = \"http\" if the application speaks clear text."
            ),
        );
    }
}
