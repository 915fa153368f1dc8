//! Whether workloads of the namespace accept clear text: one PeerAuthentication for all, and one for each service with ports
//! that make an exception. Istio merges no two for one workload, so the exceptions of a service share theirs, and say again
//! what holds for its other ports.

use std::collections::BTreeMap;

use super::{Site, object, origin};
use crate::{
    diagnostics::Path,
    known::{Known, as_known},
    mesh::{
        istio::{
            WorkloadSelector,
            peer_authentication::{Mtls as Mode, MtlsMode, PeerAuthentication},
        },
        manifest::{StringMap, manifest},
        names,
        port::PortNumber,
        stage,
    },
    object::{Key, Object, kind},
};

/// The name of the PeerAuthentication for all workloads: Istio takes one without selector, whatever its name.
pub(super) const NAME: &str = "default";

/// Mutual TLS.
#[derive(Clone, Debug)]
pub struct Mtls {
    /// Of all workloads and ports without an exception.
    pub mode: Known<MtlsMode>,
    /// Ports that make one.
    pub exceptions: Known<Vec<Exception>>,
}

/// A port of a service where another mode holds.
#[derive(Clone, Debug)]
pub struct Exception {
    /// Where it stands.
    pub at: Path,
    /// Ownership port it is.
    pub service: Known<String>,
    /// The labels of its workloads.
    pub selector: Known<StringMap>,
    /// What callers call.
    pub port: Known<PortNumber>,
    /// Where the workloads listen, which is what Istio asks for.
    pub target_port: Known<PortNumber>,
    /// What holds there.
    pub mode: Known<MtlsMode>,
}

/// All of them.
pub(super) fn objects(site: &Site) -> Known<Vec<(Key, Known<Object>)>> {
    let Some(mtls) = as_known(&site.namespace.mtls)? else { return Ok(Vec::new()) };
    let mut services: BTreeMap<&str, Vec<&Exception>> = BTreeMap::new();
    for exception in as_known(&mtls.exceptions)? {
        services.entry(as_known(&exception.service)?).or_default().push(exception);
    }
    let key = site.key(&kind::PEER_AUTHENTICATION, NAME);
    let all = std::iter::once((key.clone(), of_namespace(site, mtls, key)));
    let own = services.into_iter().map(|(service, exceptions)| {
        let key = site.key(&kind::PEER_AUTHENTICATION, &names::object_name(service, site.name));
        (key.clone(), of_service(site, mtls, &exceptions, key))
    });
    Ok(all.chain(own).collect())
}

fn of_namespace(site: &Site, mtls: &Mtls, key: Key) -> Known<Object> {
    let mode = mtls.mode?;
    let stage = if mode == MtlsMode::Strict { stage::CLOSING } else { stage::OPENING };
    let body = manifest(&key, site.metadata()?, &PeerAuthentication::for_all_workloads(mode));
    Ok(object(key, body, stage, vec![origin("spec.mtls", "mtls")]))
}

/// Before the namespace closes, so that what is excepted is never cut.
fn of_service(site: &Site, mtls: &Mtls, exceptions: &[&Exception], key: Key) -> Known<Object> {
    let mut ports: BTreeMap<PortNumber, Mode> = BTreeMap::new();
    for exception in exceptions {
        ports.insert(exception.target_port?, exception.mode?.into());
    }
    let selector = exceptions.first().map(|exception| as_known(&exception.selector).cloned()).transpose()?;
    let spec = PeerAuthentication {
        selector: selector.map(|match_labels| WorkloadSelector { match_labels }),
        mtls: mtls.mode?.into(),
        port_level_mtls: ports,
    };
    let at = exceptions.first().map(|exception| exception.at.clone()).unwrap_or_default();
    let origins = vec![("spec.portLevelMtls".to_owned(), at.clone()), ("spec.selector".to_owned(), at)];
    let body = manifest(&key, site.metadata()?, &spec);
    Ok(object(key, body, stage::OPENING, origins))
}
