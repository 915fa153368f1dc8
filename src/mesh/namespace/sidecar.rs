//! The Sidecar: which destinations the proxies of the namespace's workloads know, where a service has no Sidecar of its own.

use std::collections::BTreeSet;

use super::Namespace;
use crate::{
    diagnostics::Path,
    known::{Known, Unknown},
    mesh::{
        Mesh, Rendered,
        istio::sidecar::{Egress, Sidecar},
        manifest::manifest,
        stage,
    },
    object::{Key, Object, kind},
};

/// The name of a namespace's Sidecar.
pub(super) const NAME: &str = "default";

/// Renders the Sidecar if `calls` is set, which is known before all of its elements are.
pub(super) fn objects(namespace: &Namespace, mesh: &Mesh, name: &str) -> Rendered {
    if namespace.calls.known()?.is_none() {
        return Ok(Vec::new());
    }
    let key = Key::new(&kind::SIDECAR, name, NAME);
    Ok(vec![(key.clone(), sidecar(namespace, mesh, name, key))])
}

/// Renders the Sidecar: the namespace itself, the destinations in `calls`, and the platform's hosts. Istio doesn't merge it
/// with the Sidecar of the mesh.
fn sidecar(namespace: &Namespace, mesh: &Mesh, name: &str, key: Key) -> Known<Object> {
    let calls = namespace.calls.elements()?.ok_or(Unknown)?;
    let mut hosts = BTreeSet::from(["./*".to_owned()]);
    hosts.extend(calls.iter().flat_map(|destination| destination.egress_hosts(name, mesh)));
    hosts.extend(mesh.platform_hosts.iter().cloned());
    let spec = Sidecar {
        workload_selector: None,
        egress: vec![Egress { hosts }],
        outbound_traffic_policy: namespace.outbound_traffic_policy()?.policy(),
    };
    let body = manifest(&key, namespace.metadata(mesh)?, &spec);
    Ok(Object::whole(key, body, stage::ROUTES).with_origins([
        ("spec.egress", Path::root().attribute("calls")),
        ("spec.outboundTrafficPolicy", Path::root().attribute("outbound_traffic_policy")),
    ]))
}
