//! A service outside the mesh: which hosts, which ports, who speaks TLS, who may see it.
//!
//! | file | what |
//! | --- | --- |
//! | [`host`], [`address`] | what hosts and addresses are |
//! | [`ports`] | the ports, and who speaks TLS on each |
//! | [`tls`] | what the proxy says in the handshakes that it begins |
//! | [`resolution`] | how a host becomes an address |
//! | [`service_entry`], [`destination_rule`], [`virtual_service`] | the objects |
//! | [`validate`] | none: what must hold across arguments |
//! | [`live`] | none: what the cluster shows to be wrong |

mod address;
mod destination_rule;
mod host;
mod live;
mod ports;
mod resolution;
mod service_entry;
mod tls;
mod validate;
mod virtual_service;

use std::collections::BTreeSet;

pub use address::{Address, Ip};
pub use host::Host;
pub use ports::{Port, Tls};
pub use resolution::{Endpoint, Resolution};
pub use tls::TlsSettings;

use super::{
    Mesh, Rendered,
    duration::Duration,
    manifest::{Metadata, Texts},
    port::{PortNumber, Protocol},
    resiliency::{CircuitBreaker, OutlierDetection, Preset, Retries},
    stage,
};
use crate::{
    diagnostics::Path,
    known::{Known, Unknown, as_known},
    object::{Key, Kind, Object, Stage, kind},
    schema::Block,
};

/// The parts.
#[derive(Clone, Debug)]
pub struct ExternalService {
    /// What applications call, where it is one host.
    pub host: Known<Option<Host>>,
    /// What applications call, where it is many.
    pub hosts: Known<Option<BTreeSet<Host>>>,
    /// Of its objects, where it isn't that of the host.
    pub name: Known<Option<String>>,
    /// Who speaks TLS where a port doesn't say it.
    pub tls: Known<Tls>,
    /// What the proxy says where it speaks TLS.
    pub tls_settings: Known<Option<TlsSettings>>,
    /// The ports that are written; none: those that `tls` needs.
    pub ports: Known<Vec<Port>>,
    /// How hosts become addresses, where it is written.
    pub resolution: Known<Option<Resolution>>,
    /// Where the hosts are, where that is written.
    pub endpoints: Known<Vec<Endpoint>>,
    /// The addresses that applications connect to, where it is by these that they are told apart.
    pub addresses: Known<BTreeSet<Address>>,
    /// The namespaces that see the hosts.
    pub export_to: Known<BTreeSet<String>>,
    /// How failures are met.
    pub resiliency: Known<Preset>,
    /// Of a whole request, where it is written.
    pub request_timeout: Known<Option<Duration>>,
    /// Sending again, where it is written.
    pub retries: Block<Retries>,
    /// Limits, where they are written.
    pub circuit_breaker: Block<CircuitBreaker>,
    /// Ejection, where it is written.
    pub outlier_detection: Block<OutlierDetection>,
    /// Where its objects are; `None`: the root namespace.
    pub namespace: Known<Option<String>>,
    /// On every object.
    pub labels: Known<Texts>,
    /// On every object.
    pub annotations: Known<Texts>,
}

/// Every object of the id that some configuration of it renders, but for those of single hosts among many.
pub fn could_render(namespace: &str, name: &str) -> Vec<(Key, Stage)> {
    let chosen = format!("{name}-{}", destination_rule::CHOSEN);
    [
        (&kind::SERVICE_ENTRY, name, stage::TARGETS),
        (&kind::DESTINATION_RULE, name, stage::TARGETS),
        (&kind::DESTINATION_RULE, chosen.as_str(), stage::TARGETS),
        (&kind::VIRTUAL_SERVICE, name, stage::ROUTES),
    ]
    .map(|(kind, name, stage)| (Key::new(kind, namespace, name), stage))
    .into()
}

/// An external service with the names that all its objects need.
#[derive(Clone, Debug)]
struct Site<'a> {
    external: &'a ExternalService,
    /// `api-example-com`
    name: String,
    namespace: &'a str,
    mesh: &'a Mesh,
}

/// One host with what its own objects are called.
#[derive(Clone, Debug)]
struct Named {
    name: String,
    host: Known<Host>,
}

impl ExternalService {
    fn site<'a>(&'a self, mesh: &'a Mesh) -> Known<Site<'a>> {
        let namespace = as_known(&self.namespace)?.as_deref().unwrap_or(&mesh.root_namespace);
        Ok(Site { external: self, name: self.object_name()?, namespace, mesh })
    }

    fn object_name(&self) -> Known<String> {
        match as_known(&self.name)? {
            Some(name) => Ok(name.clone()),
            None => as_known(&self.host)?.as_ref().map(Host::object_name).ok_or(Unknown),
        }
    }

    /// `istio-system/api-example-com`
    pub fn id(&self, mesh: &Mesh) -> Known<String> {
        let site = self.site(mesh)?;
        Ok(format!("{}/{}", site.namespace, site.name))
    }

    /// The objects.
    pub fn render(&self, mesh: &Mesh) -> Rendered {
        let site = self.site(mesh)?;
        let mut objects: Vec<(Key, Known<Object>)> = Vec::new();
        let entry = site.key(&kind::SERVICE_ENTRY, &site.name);
        objects.push((entry.clone(), service_entry::service_entry(&site, entry)));
        let (is_chosen, sees_requests) = (self.chooses_workloads()?, self.sees_requests()?);
        for named in site.hosts()? {
            let rule = site.key(&kind::DESTINATION_RULE, &named.name);
            objects.push((rule.clone(), destination_rule::destination_rule(&site, &named, rule)));
            if is_chosen {
                let rule = site.key(&kind::DESTINATION_RULE, &format!("{}-{}", named.name, destination_rule::CHOSEN));
                objects.push((rule.clone(), destination_rule::of_chosen(&site, &named, rule)));
            }
            if sees_requests {
                let route = site.key(&kind::VIRTUAL_SERVICE, &named.name);
                objects.push((route.clone(), virtual_service::virtual_service(&site, &named, route)));
            }
        }
        let keys: BTreeSet<&Key> = objects.iter().map(|(key, _)| key).collect();
        // Two hosts that make objects of one name were told.
        if keys.len() == objects.len() { Ok(objects) } else { Err(Unknown) }
    }

    /// What applications call: of the first port, where there is one host.
    pub fn url(&self) -> Known<Option<String>> {
        if as_known(&self.hosts)?.is_some() {
            return Ok(None);
        }
        let host = as_known(&self.host)?.as_ref().ok_or(Unknown)?;
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

    /// Every host, as far as it is known which.
    fn all_hosts(&self) -> Known<Vec<&Host>> {
        match as_known(&self.hosts)? {
            Some(hosts) => Ok(hosts.iter().collect()),
            None => as_known(&self.host)?.as_ref().map(|host| vec![host]).ok_or(Unknown),
        }
    }

    /// Whether some host stands for many: one that is known to suffices.
    fn has_wildcard(&self) -> Known<bool> {
        Ok(self.all_hosts()?.into_iter().any(Host::is_wildcard))
    }
}

impl Site<'_> {
    fn key(&self, kind: &'static Kind, name: &str) -> Key {
        Key::new(kind, self.namespace, name)
    }

    /// Each host: a route names where it leads, and a policy the name in the certificate, so each has its own.
    fn hosts(&self) -> Known<Vec<Named>> {
        let Some(hosts) = as_known(&self.external.hosts)? else {
            let host = self.external.host.clone().and_then(|host| host.ok_or(Unknown));
            return Ok(vec![Named { name: self.name.clone(), host }]);
        };
        let named =
            |host: &Host| Named { name: format!("{}-{}", self.name, host.object_name()), host: Ok(host.clone()) };
        Ok(hosts.iter().map(named).collect())
    }

    fn metadata(&self) -> Known<Metadata> {
        Ok(Metadata::of(self.mesh).and(as_known(&self.external.labels)?, as_known(&self.external.annotations)?))
    }

    fn export_to(&self) -> Known<BTreeSet<String>> {
        self.external.export_to.clone()
    }

    /// Where the server's errors on fields go: those that every object shares, and its own.
    fn origins(&self, own: &[(&str, &str)]) -> Vec<(String, Path)> {
        let name = if matches!(self.external.name, Ok(Some(_))) { "name" } else { "host" };
        let shared = [
            ("metadata.name", name),
            ("metadata.namespace", "namespace"),
            ("metadata.labels", "labels"),
            ("metadata.annotations", "annotations"),
            ("spec.exportTo", "export_to"),
        ];
        let at = |(field, argument): &(&str, &str)| ((*field).to_owned(), Path::root().attribute(argument));
        shared.iter().chain(own).map(at).collect()
    }

    /// The argument that says which hosts.
    fn hosts_argument(&self) -> &'static str {
        if matches!(self.external.hosts, Ok(Some(_))) { "hosts" } else { "host" }
    }
}
