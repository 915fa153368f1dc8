//! A gateway: the door for traffic from outside. Its workloads are somebody else's (a chart makes them); what they listen
//! for, and that a mesh which denies everything lets these hosts in, is said here.
//!
//! | file | about |
//! | --- | --- |
//! | [`server`] | ports, hosts, TLS |
//! | [`tls`] | versions, modes, cipher suites |
//! | [`policy`] | who may enter |
//! | [`validate`] | what must hold across arguments |
//! | [`live`] | what the cluster shows to be wrong |

mod live;
mod policy;
mod server;
mod tls;
mod validate;

use std::collections::BTreeSet;

pub use server::Server;
pub use tls::{CipherSuite, Mode, Protocol, Tls, Version};

use super::{
    Mesh, Rendered, istio,
    manifest::{Metadata, StringMap, manifest},
    names, stage,
};
use crate::{
    diagnostics::Path,
    known::{Known, as_known},
    object::{Key, ManagementScope, Object, Stage, Transition, kind},
};

/// The parts.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// Its name.
    pub name: Known<String>,
    /// The namespace of the Gateway and of its workloads.
    pub namespace: Known<String>,
    /// The labels of its workloads.
    pub selector: Known<StringMap>,
    /// The identity of its workloads.
    pub service_account: Known<String>,
    /// In order.
    pub servers: Known<Vec<Server>>,
    /// Of every object.
    pub labels: Known<StringMap>,
    /// Of every object.
    pub annotations: Known<StringMap>,
}

/// Every object that some configuration renders.
pub fn could_render(namespace: &str, name: &str) -> Vec<(Key, Stage)> {
    vec![
        (Key::new(&kind::GATEWAY, namespace, name), stage::TARGETS),
        (Key::new(&kind::AUTHORIZATION_POLICY, namespace, &names::object_name(name, namespace)), stage::OPENING),
    ]
}

impl Gateway {
    /// The objects.
    pub fn render(&self, mesh: &Mesh) -> Rendered {
        let (namespace, name) = (as_known(&self.namespace)?, as_known(&self.name)?);
        let gateway = Key::new(&kind::GATEWAY, namespace, name);
        let policy = Key::new(&kind::AUTHORIZATION_POLICY, namespace, &names::object_name(name, namespace));
        Ok(vec![(gateway.clone(), self.gateway(mesh, gateway)), (policy.clone(), policy::policy(self, mesh, policy))])
    }

    /// The identity of its workloads, as `from` takes it.
    pub fn principal(&self, mesh: &Mesh) -> Known<String> {
        Ok(names::principal(&mesh.trust_domain, as_known(&self.namespace)?, as_known(&self.service_account)?))
    }

    fn gateway(&self, mesh: &Mesh, key: Key) -> Known<Object> {
        let servers = as_known(&self.servers)?;
        // Names are unique: of a second server for a port, its place among them is part of the name.
        let mut named = BTreeSet::new();
        let mut rendered = Vec::new();
        for (n, server) in servers.iter().enumerate() {
            let name = server.port_name()?;
            let name = if named.insert(name.clone()) { name } else { format!("{name}-{n}") };
            rendered.push(server.render(name)?);
        }
        let spec = istio::gateway::Gateway { selector: as_known(&self.selector)?.clone(), servers: rendered };
        let mut origins = vec![("spec.selector".to_owned(), Path::root().attribute("selector"))];
        origins.extend(servers.iter().enumerate().map(|(n, server)| (format!("spec.servers[{n}]"), server.at.clone())));
        Ok(Object {
            body: manifest(&key, self.metadata(mesh)?, &spec),
            key,
            scope: ManagementScope::Whole,
            stage: stage::TARGETS,
            transition: Transition::InPlace,
            origins,
        })
    }

    fn metadata(&self, mesh: &Mesh) -> Known<Metadata> {
        Ok(Metadata::from_mesh(mesh).merged_with(as_known(&self.labels)?, as_known(&self.annotations)?))
    }
}
