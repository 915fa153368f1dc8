//! The Sidecar, with which the proxies of the service know only the hosts of `calls`. Calls of others are refused unless
//! `outbound_traffic_policy` says otherwise.

use std::collections::BTreeSet;

use super::{ServiceContext, ServiceManagement, origins};
use crate::{
    diagnostics::Path,
    known::Known,
    mesh::{
        istio::sidecar::{Egress, NO_HOSTS, NetworkingWorkloadSelector, Sidecar},
        manifest::manifest,
        stage,
    },
    object::{Key, Object},
};

/// Renders the Sidecar with the destinations in `calls`, the platform's hosts, and the hosts of the service itself, without
/// which its calls to itself would fail.
pub(super) fn sidecar(context: &ServiceContext, key: Key) -> Known<Object> {
    let calls = context.service.calls.required_elements()?;
    let mut hosts: BTreeSet<String> =
        calls.iter().flat_map(|to| to.egress_hosts(context.namespace, context.mesh)).collect();
    hosts.extend(context.mesh.platform_hosts.iter().cloned());
    if context.service.management()? != ServiceManagement::None {
        let own = std::iter::once(context.host()).chain(context.global_name()?);
        hosts.extend(own.map(|host| format!("{}/{host}", context.namespace)));
    }
    if hosts.is_empty() {
        hosts.insert(NO_HOSTS.to_owned());
    }
    let spec = Sidecar {
        workload_selector: Some(NetworkingWorkloadSelector { labels: context.selector()? }),
        egress: vec![Egress { hosts }],
        outbound_traffic_policy: context.service.outbound_traffic_policy()?.policy(),
    };
    let body = manifest(&key, context.metadata()?, &spec);
    Ok(Object::whole(key, body, stage::ROUTES).with_origins(origins(&[
        ("spec.workloadSelector", Path::root().attribute("selector")),
        ("spec.egress", Path::root().attribute("calls")),
        ("spec.outboundTrafficPolicy", Path::root().attribute("outbound_traffic_policy")),
    ])))
}
