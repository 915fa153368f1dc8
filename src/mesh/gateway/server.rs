//! A server: a port, and the hosts that are served there.

use std::collections::BTreeSet;

use super::tls::{Protocol, Tls};
use crate::{
    diagnostics::Path,
    known::{Known, as_known},
    mesh::{istio::gateway, port::PortNumber},
};

/// The parts.
#[derive(Clone, Debug)]
pub struct Server {
    /// Where it stands.
    pub at: Path,
    /// Of the gateway's Service.
    pub port: Known<PortNumber>,
    /// Where the gateway's workloads listen for it.
    pub target_port: Known<PortNumber>,
    /// What is spoken there.
    pub protocol: Known<Protocol>,
    /// Exact names, wildcards, or `*`.
    pub hosts: Known<BTreeSet<String>>,
    /// Ownership VirtualServices may bind to them; `None`: anybody's.
    pub namespaces: Known<Option<BTreeSet<String>>>,
    /// Requests are told to come back by HTTPS.
    pub https_redirect: Known<bool>,
    /// How TLS ends here, or doesn't.
    pub tls: Known<Option<Tls>>,
}

impl Server {
    /// `https-8443`
    pub(super) fn port_name(&self) -> Known<String> {
        Ok(format!("{}-{}", self.protocol?, self.port?))
    }

    /// Whether the gateway sees requests: methods, hosts. Otherwise it passes bytes.
    pub(super) fn sees_requests(&self) -> Known<bool> {
        Ok(match self.protocol? {
            Protocol::Http | Protocol::Http2 | Protocol::Grpc => true,
            Protocol::Https => {
                as_known(&self.tls)?.as_ref().map_or(Ok(true), |tls| tls.mode.map(super::Mode::ends_here))?
            }
            Protocol::Tls | Protocol::Tcp | Protocol::Mongo => false,
        })
    }

    /// Whether a namespace's VirtualServices may bind to a host here.
    pub(super) fn serves(&self, host: &str, namespace: &str) -> Known<bool> {
        let mut hosts = as_known(&self.hosts)?.iter();
        let meet = |one: &str, other: &str| {
            one == "*" || one == other || one.strip_prefix('*').is_some_and(|domain| other.ends_with(domain))
        };
        let served = hosts.any(|own| meet(own, host) || meet(host, own));
        Ok(served && as_known(&self.namespaces)?.as_ref().is_none_or(|namespaces| namespaces.contains(namespace)))
    }

    pub(super) fn render(&self, name: String) -> Known<gateway::Server> {
        let hosts = as_known(&self.hosts)?;
        let any = BTreeSet::from(["*".to_owned()]);
        let namespaces = as_known(&self.namespaces)?.as_ref().unwrap_or(&any);
        let bound = namespaces.iter().flat_map(|namespace| hosts.iter().map(move |host| format!("{namespace}/{host}")));
        let tls = match as_known(&self.tls)? {
            Some(tls) => Some(tls.render()?),
            None if self.https_redirect? => {
                Some(gateway::Tls { https_redirect: Some(true), ..gateway::Tls::default() })
            }
            None => None,
        };
        let port = gateway::Port { number: self.port?, name, protocol: self.protocol?.istio() };
        Ok(gateway::Server { port, hosts: bound.collect(), tls })
    }
}
