//! The `sidecar` block and `outbound_traffic_policy`: the Sidecar of all workloads that no other Sidecar selects.

use std::collections::BTreeSet;

use super::{context::DefaultsContext, egress_host::EgressHost};
use crate::{
    diagnostics::Path,
    known::{Known, Unknown},
    mesh::{
        Rendered,
        istio::sidecar::{self as istio, Egress, OutboundMode},
        stage,
    },
    model,
    object::{Key, Object, kind},
    schema::{Block, Set, model::optional},
};

model! {
    /// Destinations of workloads whose service and namespace set no `calls`.
    pub struct Sidecar {
        /// Hosts that proxies know (`egress.hosts`), in addition to the provider's `platform_hosts`. Defaults to
        /// those of the workload's own namespace and of the root namespace.
        egress_hosts: Set<EgressHost> = optional().non_empty("At least one host."),
    }
}

impl Sidecar {
    /// The hosts that workloads may call: those of their own namespace and of the root namespace by default.
    fn egress_hosts(&self, root_namespace: &str) -> Known<BTreeSet<String>> {
        Ok(match self.egress_hosts.elements()? {
            Some(hosts) => hosts.iter().map(EgressHost::to_string).collect(),
            None => BTreeSet::from(["./*".to_owned(), format!("{root_namespace}/*")]),
        })
    }
}

/// The Sidecar, if there is a block or an outbound traffic policy.
pub(super) fn objects(
    block: &Block<Sidecar>,
    policy: Known<Option<OutboundMode>>,
    context: &DefaultsContext,
) -> Rendered {
    let block = block.known()?.map(|block| &block.arguments);
    if block.is_none() && policy?.is_none() {
        return Ok(Vec::new());
    }
    Ok(vec![context.render(&kind::SIDECAR, "default", |key| sidecar(block, policy, context, key))])
}

/// Without a block, workloads may call all hosts of the mesh.
fn sidecar(
    block: Option<&Sidecar>,
    policy: Known<Option<OutboundMode>>,
    context: &DefaultsContext,
    key: Key,
) -> Known<Object> {
    let all = "*/*".to_owned();
    let mut hosts =
        block.map_or_else(|| Ok([all.clone()].into()), |block| block.egress_hosts(context.root_namespace()))?;
    if !hosts.contains(&all) {
        hosts.extend(context.mesh.platform_hosts.iter().cloned());
    }
    let spec = istio::Sidecar {
        workload_selector: None,
        egress: vec![Egress { hosts }],
        outbound_traffic_policy: Some(policy?.ok_or(Unknown)?.into()),
    };
    let origins = [("spec.egress", "sidecar"), ("spec.outboundTrafficPolicy", "outbound_traffic_policy")];
    let origins = origins.map(|(field, argument)| (field.to_owned(), Path::root().attribute(argument)));
    context.object(key, &spec, stage::ROUTES, origins)
}
