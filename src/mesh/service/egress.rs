//! The Sidecar: the proxies of the service know the hosts of `calls`, and refuse others.

use std::collections::BTreeSet;

use super::{Management, Site, origins};
use crate::{
    diagnostics::Path,
    known::Known,
    mesh::{
        istio::sidecar::{Egress, NO_HOSTS, NetworkingWorkloadSelector, OutboundMode, Sidecar},
        manifest::manifest,
        stage,
    },
    object::{Key, Object},
};

/// The listed destinations, the platform's hosts, and the service's own host, without which its calls to itself would fail.
pub(super) fn sidecar(site: &Site, key: Key) -> Known<Object> {
    let calls = site.service.calls.required_elements()?;
    let mut hosts: BTreeSet<String> = calls.iter().flat_map(|to| to.egress_hosts(site.namespace, site.mesh)).collect();
    hosts.extend(site.mesh.platform_hosts.iter().cloned());
    if site.service.management()? != Management::None {
        let own = std::iter::once(site.host()).chain(site.global_name()?);
        hosts.extend(own.map(|host| format!("{}/{host}", site.namespace)));
    }
    if hosts.is_empty() {
        hosts.insert(NO_HOSTS.to_owned());
    }
    let spec = Sidecar {
        workload_selector: Some(NetworkingWorkloadSelector { labels: site.selector()? }),
        egress: vec![Egress { hosts }],
        outbound_traffic_policy: OutboundMode::RegistryOnly.into(),
    };
    let body = manifest(&key, site.metadata()?, &spec);
    Ok(Object::whole(key, body, stage::ROUTES).with_origins(origins(&[
        ("spec.workloadSelector", Path::root().attribute("selector")),
        ("spec.egress", Path::root().attribute("calls")),
    ])))
}
