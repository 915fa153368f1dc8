//! Mutual TLS of the namespace's workloads: one PeerAuthentication for all of them, and one for each service that has
//! exceptions. Istio doesn't merge two PeerAuthentications of one workload, so the exceptions of a service share one, which
//! repeats the mode of the other ports.

use std::collections::BTreeMap;

use super::{Mtls, MtlsException, Namespace};
use crate::{
    known::Known,
    mesh::{
        Mesh, Rendered,
        istio::{
            WorkloadSelector,
            peer_authentication::{self, PeerAuthentication},
        },
        labels::default_selector,
        manifest::manifest,
        names,
        port::PortNumber,
        stage,
    },
    object::{Key, Object, kind},
    schema::At,
};

/// The name of the PeerAuthentication for all workloads. Istio gives the name no meaning: the missing selector counts.
pub(super) const NAME: &str = "default";

/// Renders the PeerAuthentications; none without an `mtls` block.
pub(super) fn objects(namespace: &Namespace, mesh: &Mesh, name: &str) -> Rendered {
    let Some(mtls) = namespace.mtls.known()? else { return Ok(Vec::new()) };
    let mut services: BTreeMap<&str, Vec<&At<MtlsException>>> = BTreeMap::new();
    for exception in mtls.exception.known()? {
        services.entry(exception.service.required()?).or_default().push(exception);
    }
    let key = Key::new(&kind::PEER_AUTHENTICATION, name, NAME);
    let mut objects = vec![(key.clone(), for_namespace(namespace, mesh, mtls, key))];
    for (service, exceptions) in services {
        let key = Key::new(&kind::PEER_AUTHENTICATION, name, &object_name(service, &exceptions, name)?);
        objects.push((key.clone(), for_service(namespace, mesh, mtls, &exceptions, key)));
    }
    Ok(objects)
}

/// The name of the exceptions of a service, which ends with a digest of the selector if they have one of their own. So exceptions
/// for other pods are another object, and those for the old pods hold until the mode of the namespace has changed.
fn object_name(service: &str, exceptions: &[&At<MtlsException>], namespace: &str) -> Known<String> {
    let name = names::object_name(service, namespace);
    let own = exceptions.first().filter(|exception| exception.selector.is_set());
    let selector = own.map(|exception| exception.selector()).transpose()?;
    let selector = selector.filter(|selector| *selector != default_selector(service));
    Ok(selector.map_or_else(|| name.clone(), |selector| format!("{name}-{}", names::label_digest(&selector))))
}

fn for_namespace(namespace: &Namespace, mesh: &Mesh, mtls: &At<Mtls>, key: Key) -> Known<Object> {
    let body = manifest(&key, namespace.metadata(mesh)?, &PeerAuthentication::for_all_workloads(mtls.mode()?));
    Ok(Object::whole(key, body, stage::MTLS).with_origins([("spec.mtls", mtls.at.clone())]))
}

/// Renders the exceptions of one service. The object is written before the PeerAuthentication of the namespace, so that the
/// mode of a port with an exception never changes in between.
fn for_service(
    namespace: &Namespace,
    mesh: &Mesh,
    mtls: &Mtls,
    exceptions: &[&At<MtlsException>],
    key: Key,
) -> Known<Object> {
    let mut ports: BTreeMap<PortNumber, peer_authentication::Mtls> = BTreeMap::new();
    for exception in exceptions {
        ports.insert(exception.target_port()?, exception.mode()?.into());
    }
    let selector = exceptions.first().map(|exception| exception.selector()).transpose()?;
    let spec = PeerAuthentication {
        selector: selector.map(|match_labels| WorkloadSelector { match_labels }),
        mtls: mtls.mode()?.into(),
        port_level_mtls: ports,
    };
    let at = exceptions.first().map(|exception| exception.at.clone()).unwrap_or_default();
    let body = manifest(&key, namespace.metadata(mesh)?, &spec);
    Ok(Object::whole(key, body, stage::MTLS_OF_SERVICES)
        .with_origins([("spec.portLevelMtls", at.clone()), ("spec.selector", at)]))
}
