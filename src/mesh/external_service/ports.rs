//! The ports with their defaults, and which of them use TLS.

use super::{ExternalService, Port, Resolution, tls::Origination};
use crate::{
    known::{Known, Unknown},
    mesh::{
        istio::service_entry::ServicePort,
        port::{PortNumber, Protocol},
        text::text_enum,
    },
};

text_enum! {
    /// The side that begins TLS with the host.
    pub enum ClientTlsMode {
        /// The application begins TLS. The proxy forwards bytes.
        Passthrough = "passthrough",
        /// The proxy begins TLS. The application sends clear text, so that the proxy sees requests.
        Originate = "originate",
        /// The proxy begins TLS and presents a client certificate.
        OriginateMutual = "originate_mutual",
        /// Neither begins TLS: clear text leaves the mesh.
        None = "none",
    }
}

impl ClientTlsMode {
    /// How the proxy originates TLS; `None` where it does not.
    pub(super) const fn origination(self) -> Option<Origination> {
        match self {
            Self::Originate => Some(Origination::Simple),
            Self::OriginateMutual => Some(Origination::Mutual),
            Self::Passthrough | Self::None => None,
        }
    }
}

/// A port with its defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ResolvedPort {
    /// The port to which applications connect.
    pub(super) number: PortNumber,
    /// The protocol that applications use.
    pub(super) protocol: Protocol,
    /// The port on which the host listens; `None` where it is `number`.
    pub(super) target_port: Option<PortNumber>,
    /// How the proxy originates TLS; `None` where it does not.
    pub(super) origination: Option<Origination>,
}

impl ResolvedPort {
    /// A port that the host serves under the same number and that the proxy forwards as it is.
    const fn new(number: PortNumber, protocol: Protocol) -> Self {
        Self { number, protocol, target_port: None, origination: None }
    }

    /// The name of the port, which is unique in the ServiceEntry.
    pub(super) fn name(self) -> String {
        self.protocol.port_name(self.number)
    }

    /// The port of the ServiceEntry.
    pub(super) fn render(self) -> ServicePort {
        ServicePort {
            number: self.number,
            name: self.name(),
            protocol: self.protocol.istio(),
            target_port: self.target_port,
        }
    }
}

/// Whether requests or the TLS handshake carry the name of the host. Proxies tell hosts apart by their addresses otherwise.
pub(super) const fn carries_host_name(protocol: Protocol) -> bool {
    protocol.is_http() || protocol.is_tls()
}

impl ExternalService {
    /// The number and protocol of the first port, which don't wait for the other arguments of the ports.
    pub(super) fn first_port(&self) -> Known<(PortNumber, Protocol)> {
        if let Some(port) = self.port.known()?.first() {
            return Ok((*port.number.required()?, *port.protocol.required()?));
        }
        self.resolved_ports()?.first().map(|port| (port.number, port.protocol)).ok_or(Unknown)
    }

    /// The ports of the `port` blocks in their order, or those that the TLS mode needs where there is no block.
    pub(super) fn resolved_ports(&self) -> Known<Vec<ResolvedPort>> {
        let ports = self.port.known()?;
        if !ports.is_empty() {
            return ports.iter().map(|port| self.resolve(port)).collect();
        }
        let http = ResolvedPort::new(PortNumber::HTTP, Protocol::Http);
        let tls = ResolvedPort::new(PortNumber::HTTPS, Protocol::Tls);
        let mode = self.tls()?;
        Ok(match mode {
            ClientTlsMode::Passthrough => vec![tls],
            ClientTlsMode::Originate | ClientTlsMode::OriginateMutual => {
                let originating =
                    ResolvedPort { target_port: Some(PortNumber::HTTPS), origination: mode.origination(), ..http };
                match self.resolution()? {
                    Resolution::DynamicDns => vec![originating],
                    // Applications that begin TLS themselves keep working on port 443.
                    _ => vec![originating, tls],
                }
            }
            ClientTlsMode::None => vec![http],
        })
    }

    fn resolve(&self, port: &Port) -> Known<ResolvedPort> {
        let (number, protocol) = (*port.number.required()?, *port.protocol.required()?);
        let origination = self.origination(port)?;
        let target_port = Some(port.target_port(origination.is_some())?).filter(|target_port| *target_port != number);
        Ok(ResolvedPort { number, protocol, target_port, origination })
    }

    /// How the proxy originates TLS on a port. It never does where the application begins TLS.
    fn origination(&self, port: &Port) -> Known<Option<Origination>> {
        Ok(if port.protocol.required()?.is_tls() { None } else { self.port_tls(port)?.origination() })
    }

    /// Whether the proxy sees HTTP requests on some port. One port that is known to suffices.
    pub(super) fn sees_requests(&self) -> Known<bool> {
        let ports = self.port.known()?;
        if ports.is_empty() {
            return Ok(self.tls()? != ClientTlsMode::Passthrough);
        }
        if ports.iter().any(|port| port.protocol.required().is_ok_and(|protocol| protocol.is_http())) {
            return Ok(true);
        }
        ports.iter().find_map(|port| port.protocol.required().err()).map_or(Ok(false), Err)
    }

    /// How the proxy originates TLS, on each port where it does.
    pub(super) fn originations(&self) -> Known<Vec<Origination>> {
        let ports = self.port.known()?;
        if ports.is_empty() {
            return Ok(self.tls()?.origination().into_iter().collect());
        }
        let originations: Vec<_> = ports.iter().map(|port| self.origination(port)).collect::<Known<_>>()?;
        Ok(originations.into_iter().flatten().collect())
    }
}
