//! What holds for workloads of the namespace whose service doesn't say otherwise.

use std::collections::BTreeSet;

use super::{Site, object, origin};
use crate::{
    known::{Known, Unknown, as_known},
    mesh::{
        istio::{
            DRY_RUN,
            authorization_policy::{AuthorizationPolicy, Rule},
            sidecar::{Egress, OutboundMode, Sidecar},
        },
        manifest::manifest,
        stage,
    },
    object::{Key, Object},
};

/// The name of a namespace's Sidecar.
pub(super) const SIDECAR: &str = "default";
/// The name of the policy that marks calls.
pub(super) const AUDIT: &str = "deny-all-audit";
/// The name of the policy that refuses them.
pub(super) const DENY_ALL: &str = "deny-all";

/// The own namespace, the listed destinations, and the platform's hosts. It replaces the mesh's Sidecar whole.
pub(super) fn sidecar(site: &Site, key: Key) -> Known<Object> {
    let calls = as_known(as_known(&site.namespace.calls)?.as_ref().ok_or(Unknown)?)?;
    let mut hosts = BTreeSet::from(["./*".to_owned()]);
    hosts.extend(calls.iter().flat_map(|to| to.egress_hosts(site.name, site.mesh)));
    hosts.extend(site.mesh.platform_hosts.iter().cloned());
    let spec = Sidecar {
        workload_selector: None,
        egress: vec![Egress { hosts }],
        outbound_traffic_policy: OutboundMode::RegistryOnly.into(),
    };
    let body = manifest(&key, site.metadata()?, &spec);
    Ok(object(key, body, stage::ROUTES, vec![origin("spec.egress", "calls")]))
}

/// AUDIT with a rule that matches everything; with none it would match nothing.
pub(super) fn audit(site: &Site, key: Key) -> Known<Object> {
    let spec = AuthorizationPolicy { selector: None, action: "AUDIT", provider: None, rules: vec![Rule::default()] };
    let body = manifest(&key, site.metadata()?, &spec);
    Ok(object(key, body, stage::OPENING, vec![origin("spec", "authorization_mode")]))
}

/// ALLOW with no rule: it allows nothing, and the services' policies add to it.
pub(super) fn deny_all(site: &Site, key: Key, dry_run: bool) -> Known<Object> {
    let spec = AuthorizationPolicy { selector: None, action: "ALLOW", provider: None, rules: Vec::new() };
    let body = manifest(&key, site.metadata()?.with_annotation(DRY_RUN, dry_run.to_string()), &spec);
    Ok(object(key, body, stage::CLOSING, vec![origin("spec", "authorization_mode")]))
}
