//! A service outside the mesh: which host, which ports, who speaks TLS, who may see it.

mod objects;
mod rules;

use std::{collections::BTreeSet, fmt};

use super::{
    Mesh, Rendered,
    names::is_subdomain,
    port::{PortNumber, Protocol},
    reference::is_external_host,
    resiliency::Preset,
    stage,
    text::{Text, words},
};
use crate::{
    diagnostics::Path,
    known::{Known, Unknown, part},
    object::{Key, Kind, Stage, kind},
};

words! {
    /// Who speaks TLS to the host.
    pub enum Tls {
        /// The application; the proxy sees bytes.
        Passthrough = "passthrough",
        /// The proxy; the application speaks clear text, and the proxy sees requests.
        Originate = "originate",
        /// Nobody: clear text leaves the mesh.
        None = "none",
    }
}

/// A host outside the mesh, exact or with `*.` in front.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Host(String);

impl Host {
    /// Whether it stands for many.
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with('*')
    }

    /// As Istio takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of its objects: `api-example-com`, `wildcard-s3-amazonaws-com`.
    pub fn object_name(&self) -> String {
        self.0.replace('*', "wildcard").replace('.', "-")
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Text for Host {
    fn admits() -> String {
        "A DNS name like `api.example.com`, or a wildcard like `*.s3.amazonaws.com`.".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        if text.contains("://") || text.contains('/') {
            return Err(format!(
                "{text:?} isn't a host: leave out the scheme and the path, as in \"api.example.com\"."
            ));
        }
        if text.contains(':') {
            return Err(format!("{text:?} isn't a host: leave out the port, and write a port block for it."));
        }
        if text.split('.').all(|part| part.bytes().all(|c| c.is_ascii_digit())) {
            return Err(format!("{text:?} isn't a host: write a DNS name, not an address."));
        }
        let host = Self(text.to_owned());
        if !is_external_host(text) || !is_subdomain(&host.object_name()) {
            return Err(format!(
                "{text:?} isn't a host. Write a DNS name of two parts or more in lowercase letters, digits and dashes, like \
                 \"api.example.com\", or \"*.\" and such a name."
            ));
        }
        Ok(host)
    }
}

/// The parts.
#[derive(Clone, Debug)]
pub struct ExternalService {
    /// What applications call.
    pub host: Known<Host>,
    /// Who speaks TLS where a port doesn't say it.
    pub tls: Known<Tls>,
    /// The ports that are written; none: those that `tls` needs.
    pub ports: Known<Vec<Port>>,
    /// The namespaces that see the host.
    pub export_to: Known<BTreeSet<String>>,
    /// How failures are met.
    pub resiliency: Known<Preset>,
    /// Where its objects are; `None`: the root namespace.
    pub namespace: Known<Option<String>>,
}

/// Every object of the name that some configuration of it renders.
pub fn could_render(namespace: &str, name: &str) -> Vec<(Key, Stage)> {
    [
        (&kind::SERVICE_ENTRY, stage::TARGETS),
        (&kind::DESTINATION_RULE, stage::TARGETS),
        (&kind::VIRTUAL_SERVICE, stage::ROUTES),
    ]
    .map(|(kind, stage)| (Key::new(kind, namespace, name), stage))
    .into()
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
struct Door {
    number: PortNumber,
    protocol: Protocol,
    target_port: Option<PortNumber>,
    originates: bool,
}

/// An external service with the names that all its objects need.
#[derive(Clone, Copy, Debug)]
struct Site<'a> {
    external: &'a ExternalService,
    host: &'a Host,
    namespace: &'a str,
    mesh: &'a Mesh,
}

impl ExternalService {
    fn site<'a>(&'a self, mesh: &'a Mesh) -> Known<Site<'a>> {
        let namespace = part(&self.namespace)?.as_deref().unwrap_or(&mesh.root_namespace);
        Ok(Site { external: self, host: part(&self.host)?, namespace, mesh })
    }

    /// `istio-system/api-example-com`
    pub fn id(&self, mesh: &Mesh) -> Known<String> {
        let site = self.site(mesh)?;
        Ok(format!("{}/{}", site.namespace, site.host.object_name()))
    }

    /// The objects.
    pub fn render(&self, mesh: &Mesh) -> Rendered {
        let site = self.site(mesh)?;
        let mut objects = vec![
            (site.key(&kind::SERVICE_ENTRY), objects::service_entry(&site)),
            (site.key(&kind::DESTINATION_RULE), objects::destination_rule(&site)),
        ];
        if self.sees_requests()? {
            objects.push((site.key(&kind::VIRTUAL_SERVICE), objects::virtual_service(&site)));
        }
        Ok(objects)
    }

    /// What applications call: of the first port, where there is one host.
    pub fn url(&self) -> Known<Option<String>> {
        let host = part(&self.host)?;
        let (number, protocol) = self.first_port()?;
        let url = |scheme: &str, usual: PortNumber| match number {
            number if number == usual => format!("{scheme}://{host}"),
            number => format!("{scheme}://{host}:{number}"),
        };
        let url = match protocol {
            protocol if protocol.is_http() => url("http", PortNumber::HTTP),
            Protocol::Https => url("https", PortNumber::HTTPS),
            Protocol::Tls if number == PortNumber::HTTPS => url("https", PortNumber::HTTPS),
            _ => format!("{host}:{number}"),
        };
        Ok((!host.is_wildcard()).then_some(url))
    }

    fn first_port(&self) -> Known<(PortNumber, Protocol)> {
        if let Some(port) = part(&self.ports)?.first() {
            return Ok((port.number?, port.protocol?));
        }
        self.doors()?.first().map(|door| (door.number, door.protocol)).ok_or(Unknown)
    }

    /// The ports as meant, in the order in which they were declared.
    fn doors(&self) -> Known<Vec<Door>> {
        let written = part(&self.ports)?;
        if !written.is_empty() {
            return written.iter().map(|port| self.door(port)).collect();
        }
        let clear = Door { number: PortNumber::HTTP, protocol: Protocol::Http, target_port: None, originates: false };
        let tls = Door { number: PortNumber::HTTPS, protocol: Protocol::Tls, target_port: None, originates: false };
        Ok(match self.tls? {
            Tls::Passthrough => vec![tls],
            // Applications that speak TLS themselves go on to work.
            Tls::Originate => vec![Door { target_port: Some(PortNumber::HTTPS), originates: true, ..clear }, tls],
            Tls::None => vec![clear],
        })
    }

    fn door(&self, port: &Port) -> Known<Door> {
        let protocol = port.protocol?;
        let originates = !protocol.is_tls() && self.tls_of(port)? == Tls::Originate;
        let target_port = port.target_port?.or(originates.then_some(PortNumber::HTTPS));
        let number = port.number?;
        Ok(Door { number, protocol, target_port: target_port.filter(|target| *target != number), originates })
    }

    fn tls_of(&self, port: &Port) -> Known<Tls> {
        match port.tls? {
            Some(written) => Ok(written),
            None => self.tls,
        }
    }

    /// Whether some port speaks HTTP to the proxy: one that is known to suffices.
    fn sees_requests(&self) -> Known<bool> {
        let ports = part(&self.ports)?;
        if ports.is_empty() {
            return Ok(self.tls? != Tls::Passthrough);
        }
        if ports.iter().any(|port| port.protocol.is_ok_and(Protocol::is_http)) {
            return Ok(true);
        }
        ports.iter().find_map(|port| port.protocol.err()).map_or(Ok(false), Err)
    }
}

impl Site<'_> {
    fn key(&self, kind: &'static Kind) -> Key {
        Key::new(kind, self.namespace, &self.host.object_name())
    }
}
