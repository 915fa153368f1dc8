//! Whom a service calls: its proxies know these and nothing else.

use std::collections::BTreeSet;

use super::{Management, Site, origins};
use crate::{
    diagnostics::Path,
    known::{Known, Unknown, as_known},
    mesh::{
        istio::sidecar::{Egress, NOTHING, Outbound, Sidecar, Workloads},
        manifest::manifest,
        stage,
    },
    object::{Key, ManagementScope, Object, Transition},
};

/// The listed destinations, the service itself (its own calls to its own name would fail), and the platform's hosts.
pub(super) fn sidecar(site: &Site, key: Key) -> Known<Object> {
    let calls = as_known(as_known(&site.service.calls)?.as_ref().ok_or(Unknown)?)?;
    let mut hosts: BTreeSet<String> = calls.iter().flat_map(|to| to.egress_hosts(site.namespace, site.mesh)).collect();
    hosts.extend(site.mesh.platform_hosts.iter().cloned());
    if site.service.management? != Management::None {
        let own = std::iter::once(site.host()).chain(site.global_name()?);
        hosts.extend(own.map(|host| format!("{}/{host}", site.namespace)));
    }
    if hosts.is_empty() {
        hosts.insert(NOTHING.to_owned());
    }
    let spec = Sidecar {
        workload_selector: Some(Workloads { labels: site.selector()? }),
        egress: vec![Egress { hosts }],
        outbound_traffic_policy: Outbound::RegistryOnly.into(),
    };
    Ok(Object {
        body: manifest(&key, site.metadata()?, &spec),
        key,
        scope: ManagementScope::Whole,
        stage: stage::ROUTES,
        transition: Transition::InPlace,
        origins: origins(&[
            ("spec.workloadSelector", Path::root().attribute("selector")),
            ("spec.egress", Path::root().attribute("calls")),
        ]),
    })
}
