//! Which hosts, and how they become addresses.

use std::collections::BTreeMap;

use super::{
    super::{Endpoint, ExternalService, Host, Resolution},
    argument,
};
use crate::{
    diagnostics::Diagnostics,
    known::as_known,
    mesh::{Mesh, names},
};

/// Of an object's name.
const LONGEST: usize = 253;

impl ExternalService {
    pub(super) fn check_hosts(&self, out: &mut Diagnostics) {
        match (&self.host, &self.hosts) {
            (Ok(None), Ok(None)) => {
                out.error(
                    &argument("host"),
                    "No host",
                    "Write host = \"api.example.com\", or hosts and a name for them.",
                );
            }
            (Ok(Some(_)), Ok(Some(_))) => {
                out.error(
                    &argument("hosts"),
                    "Both host and hosts",
                    "One is the short way of the other. Write all of the hosts in hosts, and remove host.",
                );
            }
            _ => {}
        }
        let Ok(Some(hosts)) = &self.hosts else { return };
        if self.name == Ok(None) {
            out.error(
                &argument("name"),
                "Many hosts without a name",
                "One host gives its name to its objects, many don't. Write name, which stays when hosts come and go.",
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
        if let (Ok(Some(name)), Some(longest)) = (&self.name, named.keys().map(String::len).max())
            && name.len() + longest + "--workloads".len() > LONGEST
        {
            out.error(
                &argument("name"),
                "Names too long",
                format!(
                    "Objects are named after name and host, and Kubernetes takes {LONGEST} characters. Choose a shorter name."
                ),
            );
        }
        if self.resolution == Ok(None)
            && as_known(&self.endpoints).is_ok_and(Vec::is_empty)
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

    pub(super) fn check_hosts_in_mesh(&self, mesh: &Mesh, out: &mut Diagnostics) {
        let hosts = match (&self.host, &self.hosts) {
            (_, Ok(Some(hosts))) => hosts.iter().map(|host| ("hosts", host)).collect(),
            (Ok(Some(host)), _) => vec![("host", host)],
            _ => Vec::new(),
        };
        for (at, host) in hosts {
            if names::is_cluster_host(host.as_str(), &mesh.cluster_domain) {
                out.error(
                    &argument(at),
                    "A host of the cluster",
                    format!(
                        "Hosts under {} are Kubernetes Services, which an external service of the same name would hide. Declare it \
                         as a mesh_service, or write the host that is meant.",
                        mesh.cluster_domain
                    ),
                );
            }
        }
    }

    pub(super) fn check_resolution(&self, out: &mut Diagnostics) {
        if self.resolution == Ok(Some(Resolution::Dns)) && self.has_wildcard() == Ok(true) {
            out.error(
                &argument("resolution"),
                "A wildcard has no address to look up",
                "A wildcard stands for many hosts, of which DNS knows no address. Remove resolution: proxies then go where the \
                 application wanted to. Or write the exact hosts.",
            );
        }
        if self.resolution == Ok(Some(Resolution::Static)) && as_known(&self.endpoints).is_ok_and(Vec::is_empty) {
            out.error(
                &argument("resolution"),
                "No endpoints",
                "With resolution = \"static\" requests go to endpoint blocks, and without one they fail. Write one for each \
                 address of the host.",
            );
        }
        if let (Ok(Some(written @ (Resolution::Dns | Resolution::None))), Ok([first, ..])) =
            (self.resolution, self.endpoints.as_deref())
        {
            out.error(
                &first.at,
                "An endpoint that nothing goes to",
                format!(
                    "With resolution = \"{written}\" addresses come from elsewhere. Remove the endpoint blocks, or write \
                     resolution = \"static\"."
                ),
            );
        }
        if let (Ok(Resolution::Dns), Ok(addresses)) = (self.resolved(), &self.addresses)
            && let Some(range) = addresses.iter().find(|address| address.is_range())
        {
            out.error(
                &argument("addresses"),
                "A range of addresses with DNS",
                format!(
                    "Proxies would send whoever connects into {range} to the one address that DNS knows. Write single addresses, \
                     or resolution = \"none\" for connections to go where they wanted to."
                ),
            );
        }
        for endpoint in self.endpoints.iter().flatten() {
            self.check_endpoint(endpoint, out);
        }
    }

    fn check_endpoint(&self, endpoint: &Endpoint, out: &mut Diagnostics) {
        let (Ok(written), Ok(doors)) = (&endpoint.ports, self.doors()) else { return };
        for called in written.keys().filter(|called| doors.iter().all(|door| door.number.to_string() != **called)) {
            let there: Vec<_> = doors.iter().map(|door| door.number.to_string()).collect();
            out.error(
                &endpoint.at.attribute("ports").key(called),
                "No such port",
                format!(
                    "ports says where the endpoint listens for each port that applications call, and these are {}.",
                    there.join(", ")
                ),
            );
        }
    }
}
