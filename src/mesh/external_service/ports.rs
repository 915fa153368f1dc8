//! The ports, and who speaks TLS on each.

use super::{ExternalService, tls::Origination};
use crate::{
    diagnostics::Path,
    known::{Known, Unknown, as_known},
    mesh::{
        port::{PortNumber, Protocol},
        text::text_enum,
    },
};

text_enum! {
    /// Who speaks TLS to the host.
    pub enum Tls {
        /// The application; the proxy sees bytes.
        Passthrough = "passthrough",
        /// The proxy; the application speaks clear text, and the proxy sees requests.
        Originate = "originate",
        /// Likewise, and the proxy shows a certificate of its own.
        OriginateMutual = "originate_mutual",
        /// Nobody: clear text leaves the mesh.
        None = "none",
    }
}

impl Tls {
    /// How the proxy begins TLS, where it does.
    pub(super) const fn origination(self) -> Option<Origination> {
        match self {
            Self::Originate => Some(Origination::Simple),
            Self::OriginateMutual => Some(Origination::Mutual),
            Self::Passthrough | Self::None => None,
        }
    }
}

/// A port as written.
#[derive(Clone, Debug)]
pub struct Port {
    /// Its block.
    pub at: Path,
    /// What applications call.
    pub number: Known<PortNumber>,
    /// What they speak.
    pub protocol: Known<Protocol>,
    /// Where the host listens, where it is written.
    pub target_port: Known<Option<PortNumber>>,
    /// Who speaks TLS, where it is written.
    pub tls: Known<Option<Tls>>,
}

/// A port as meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Door {
    pub(super) number: PortNumber,
    pub(super) protocol: Protocol,
    pub(super) target_port: Option<PortNumber>,
    pub(super) originates: Option<Origination>,
}

/// Whether only an address tells one host from another: neither requests nor a handshake carry its name.
pub(super) const fn is_nameless(protocol: Protocol) -> bool {
    !protocol.is_http() && !protocol.is_tls()
}

impl ExternalService {
    pub(super) fn first_port(&self) -> Known<(PortNumber, Protocol)> {
        if let Some(port) = as_known(&self.ports)?.first() {
            return Ok((port.number?, port.protocol?));
        }
        self.doors()?.first().map(|door| (door.number, door.protocol)).ok_or(Unknown)
    }

    /// The ports as meant, in the order in which they were declared.
    pub(super) fn doors(&self) -> Known<Vec<Door>> {
        let written = as_known(&self.ports)?;
        if !written.is_empty() {
            return written.iter().map(|port| self.door(port)).collect();
        }
        let clear = Door { number: PortNumber::HTTP, protocol: Protocol::Http, target_port: None, originates: None };
        let tls = Door { number: PortNumber::HTTPS, protocol: Protocol::Tls, target_port: None, originates: None };
        let meant = self.tls?;
        Ok(match meant {
            Tls::Passthrough => vec![tls],
            // Applications that speak TLS themselves go on to work.
            Tls::Originate | Tls::OriginateMutual => {
                vec![Door { target_port: Some(PortNumber::HTTPS), originates: meant.origination(), ..clear }, tls]
            }
            Tls::None => vec![clear],
        })
    }

    fn door(&self, port: &Port) -> Known<Door> {
        let protocol = port.protocol?;
        let originates = if protocol.is_tls() { None } else { self.tls_of(port)?.origination() };
        let usual = (originates.is_some() && protocol.is_http()).then_some(PortNumber::HTTPS);
        let number = port.number?;
        let target_port = port.target_port?.or(usual).filter(|target| *target != number);
        Ok(Door { number, protocol, target_port, originates })
    }

    pub(super) fn tls_of(&self, port: &Port) -> Known<Tls> {
        match port.tls? {
            Some(written) => Ok(written),
            None => self.tls,
        }
    }

    /// Whether some port speaks HTTP to the proxy: one that is known to suffices.
    pub(super) fn sees_requests(&self) -> Known<bool> {
        let ports = as_known(&self.ports)?;
        if ports.is_empty() {
            return Ok(self.tls? != Tls::Passthrough);
        }
        if ports.iter().any(|port| port.protocol.is_ok_and(Protocol::is_http)) {
            return Ok(true);
        }
        ports.iter().find_map(|port| port.protocol.err()).map_or(Ok(false), Err)
    }

    /// How the proxy begins TLS, on all ports where it does.
    pub(super) fn originations(&self) -> Known<Vec<Origination>> {
        let ports = as_known(&self.ports)?;
        if ports.is_empty() {
            return Ok(self.tls?.origination().into_iter().collect());
        }
        let one = |port: &Port| match port.protocol? {
            protocol if protocol.is_tls() => Ok(None),
            _ => Ok(self.tls_of(port)?.origination()),
        };
        Ok(ports.iter().map(one).collect::<Known<Vec<_>>>()?.into_iter().flatten().collect())
    }
}
