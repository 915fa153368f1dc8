//! Rules for the hosts and the names of their objects.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{ExternalService, Host, Resolution, ports::carries_host_name},
    argument,
};
use crate::{
    diagnostics::Diagnostics,
    mesh::{Mesh, names},
    schema::Attr,
};

/// The maximum length of an object's name in Kubernetes, 253, less room for the longest suffix, `-egress-gateway`.
const MAX_NAME_LENGTH: usize = 238;

impl ExternalService {
    pub(super) fn validate_hosts(&self, out: &mut Diagnostics) {
        let hosts = self.hosts.elements();
        if self.has_only_addresses() {
            self.validate_addresses_without_host(out);
        } else if self.host == Attr::Null && hosts == Ok(None) {
            out.error(&argument("host"), "No host", "Write host = \"api.example.com\", or hosts and a name for them; or, for what has no name, addresses and a name.");
        }
        if let (Attr::Null, Attr::Known(host)) = (&self.name, &self.host)
            && host.object_name().len() > MAX_NAME_LENGTH
        {
            out.error(
                &argument("host"),
                "Object names are too long",
                format!(
                    "Without name, objects are named after the host, which may have {MAX_NAME_LENGTH} characters then. Write a \
                     shorter name."
                ),
            );
        }
        let Ok(Some(hosts)) = hosts else { return };
        if self.host.is_set() {
            out.error(
                &argument("hosts"),
                "Both host and hosts",
                "host and hosts conflict. Write all hosts in hosts, and remove host.",
            );
        }
        self.validate_object_names(hosts, out);
        if self.resolution == Attr::Null
            && self.endpoint.known().is_ok_and(<[_]>::is_empty)
            && hosts.iter().any(Host::is_wildcard)
            && !hosts.iter().all(Host::is_wildcard)
        {
            out.error(
                &argument("hosts"),
                "Wildcards beside exact hosts",
                "Proxies look exact hosts up, and wildcards have no address to look up. Write wildcards in a \
                 mesh_external_service of their own, or resolution = \"none\" for proxies to go where the application wanted to.",
            );
        }
    }

    /// Proxies know addresses without a host by the address alone, so nothing that needs the name of the host works.
    fn validate_addresses_without_host(&self, out: &mut Diagnostics) {
        if self.name == Attr::Null {
            out.error(
                &argument("name"),
                "Addresses without a name",
                "Without a host there is nothing to name the objects after. Write name = \"metadata\", for example: calls then lists \
                 the addresses as \"metadata.addresses.invalid\".",
            );
        }
        if let Attr::Known(resolution @ (Resolution::Dns | Resolution::DnsRoundRobin | Resolution::DynamicDns)) =
            self.resolution
        {
            out.error(
                &argument("resolution"),
                "Addresses have no name to look up",
                format!(
                    "With resolution = \"{resolution}\" proxies look a host up, and there is none. Remove resolution: proxies then \
                     connect to the address that the application wants. Or write host."
                ),
            );
        }
        let Ok(ports) = self.port.known() else { return };
        if ports.is_empty() {
            out.error(
                &argument("port"),
                "Missing required block",
                "Addresses without a host have no default ports. Write a port block with protocol = \"tcp\" for each port.",
            );
        }
        for port in ports {
            if let Attr::Known(protocol) = port.protocol
                && carries_host_name(protocol)
            {
                out.error(
                    &port.at.attribute("protocol"),
                    format!("{protocol} needs a host"),
                    format!(
                        "With {protocol} proxies go by the name that requests or handshakes carry, and addresses have none. Write \
                         protocol = \"tcp\", or the host that applications call."
                    ),
                );
            } else if self.port_tls(port).is_ok_and(|mode| mode.origination().is_some()) {
                out.error(
                    &port.at,
                    "TLS to addresses without a host",
                    "Proxies check the server's certificate by the name of the host, and there is none. Write the host, or remove \
                     tls.",
                );
            }
        }
    }

    /// Each host of `hosts` has objects that are named after `name` and the host.
    fn validate_object_names(&self, hosts: &BTreeSet<Host>, out: &mut Diagnostics) {
        if self.name == Attr::Null {
            out.error(
                &argument("name"),
                "hosts without name",
                "With several hosts, the objects need a name that stays the same when hosts are added or removed. Write name.",
            );
        }
        let mut named: BTreeMap<String, &Host> = BTreeMap::new();
        for host in hosts {
            if let Some(other) = named.insert(host.object_name(), host) {
                out.error(
                    &argument("hosts"),
                    "Two hosts with one name",
                    format!(
                        "The objects of {other} and {host} would both be named after {:?}. Write one of them in a \
                         mesh_external_service of its own, with another name.",
                        host.object_name()
                    ),
                );
            }
        }
        if let Attr::Known(name) = &self.name
            && named.keys().any(|host| name.len() + 1 + host.len() > MAX_NAME_LENGTH)
        {
            out.error(
                &argument("name"),
                "Object names are too long",
                format!(
                    "Objects are named after name and host, which may have {MAX_NAME_LENGTH} characters together. Choose a shorter \
                     name."
                ),
            );
        }
    }

    pub(super) fn validate_hosts_in_mesh(&self, mesh: &Mesh, out: &mut Diagnostics) {
        let (name, hosts) = match (self.hosts.elements(), &self.host) {
            (Ok(Some(hosts)), _) => ("hosts", hosts.iter().collect()),
            (_, Attr::Known(host)) => ("host", vec![host]),
            _ => return,
        };
        for host in hosts {
            if names::is_cluster_host(host.as_str(), &mesh.cluster_domain) {
                out.error(
                    &argument(name),
                    "Host of the cluster",
                    format!(
                        "Hosts under {} are Kubernetes Services, which an external service of the same name would hide. Declare it \
                         as a mesh_service, or write the host that is meant.",
                        mesh.cluster_domain
                    ),
                );
            }
        }
    }
}
