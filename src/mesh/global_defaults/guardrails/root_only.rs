//! The guardrail that restricts kinds to the root namespace.

use std::collections::BTreeMap;

use super::{
    Guardrails, RestrictedKind,
    policy::{Rules, WRITES, namespaced, new_spec, validation},
};
use crate::{known::Known, mesh::global_defaults::context::DefaultsContext};

impl RestrictedKind {
    /// The API group and the plural name; `*` for all kinds of the group.
    const fn resource(self) -> (&'static str, &'static str) {
        match self {
            Self::EnvoyFilter => ("networking.istio.io", "envoyfilters"),
            Self::Gateway => ("networking.istio.io", "gateways"),
            Self::GatewayApi => ("gateway.networking.k8s.io", "*"),
            Self::PeerAuthentication => ("security.istio.io", "peerauthentications"),
            Self::ProxyConfig => ("networking.istio.io", "proxyconfigs"),
            Self::RequestAuthentication => ("security.istio.io", "requestauthentications"),
            Self::Telemetry => ("telemetry.istio.io", "telemetries"),
            Self::WasmPlugin => ("extensions.istio.io", "wasmplugins"),
            Self::WorkloadEntry => ("networking.istio.io", "workloadentries"),
            Self::WorkloadGroup => ("networking.istio.io", "workloadgroups"),
        }
    }
}

/// Every request that meets the conditions of the policy is denied.
pub(super) fn rules(context: &DefaultsContext, guardrails: &Guardrails) -> Known<Rules> {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (group, plural) in guardrails.root_only()?.into_iter().map(RestrictedKind::resource) {
        groups.entry(group).or_default().push(plural);
    }
    let rule =
        format!("Rule root_only of the mesh: this kind is written in namespace {} alone.", context.root_namespace());
    Ok(Rules {
        resources: groups.into_iter().map(|(group, plurals)| namespaced(group, plurals, WRITES)).collect(),
        conditions: vec![new_spec()],
        variables: Vec::new(),
        validations: vec![validation(guardrails, "false".to_owned(), &rule)?],
    })
}
