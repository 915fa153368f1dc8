//! The Gateway.

use std::collections::BTreeSet;

use super::Gateway;
use crate::{
    diagnostics::Path,
    known::Known,
    mesh::{Mesh, istio, manifest::manifest, stage},
    object::{Key, Object},
};

pub(super) fn gateway(gateway: &Gateway, mesh: &Mesh, key: Key) -> Known<Object> {
    let servers = gateway.server.known()?;
    let mut names = BTreeSet::new();
    let mut rendered = Vec::new();
    for (n, server) in servers.iter().enumerate() {
        // Istio wants unique port names. A second server for the same protocol and port gets its index appended.
        let name = server.port_name()?;
        let name = if names.insert(name.clone()) { name } else { format!("{name}-{n}") };
        rendered.push(server.render(name)?);
    }
    let spec = istio::gateway::Gateway { selector: gateway.selector()?, servers: rendered };
    let mut origins = vec![("spec.selector".to_owned(), Path::root().attribute("selector"))];
    origins.extend(servers.iter().enumerate().map(|(n, server)| (format!("spec.servers[{n}]"), server.at.clone())));
    let body = manifest(&key, gateway.metadata(mesh)?, &spec);
    Ok(Object::whole(key, body, stage::TARGETS).with_origins(origins))
}
