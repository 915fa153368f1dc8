//! Kinds that are written in the root namespace alone.

use std::collections::BTreeMap;

use super::{Guarded, Guardrails, Rules, resources, validation};
use crate::{
    known::{Known, as_known},
    mesh::global_defaults::Site,
};

impl Guarded {
    /// Group and plural.
    const fn resource(self) -> (&'static str, &'static str) {
        match self {
            Self::EnvoyFilter => ("networking.istio.io", "envoyfilters"),
            Self::Gateway => ("networking.istio.io", "gateways"),
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

/// Whatever the policy's conditions let through is refused.
pub(super) fn rules(site: &Site, guardrails: &Guardrails) -> Known<Rules> {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (group, plural) in as_known(&guardrails.root_only)?.iter().map(|kind| kind.resource()) {
        groups.entry(group).or_default().push(plural);
    }
    let rule = format!("Rule root_only of the mesh: this kind is written in namespace {} alone.", site.root());
    Ok(Rules {
        resources: groups.into_iter().map(|(group, plurals)| resources(group, plurals)).collect(),
        variables: Vec::new(),
        validations: vec![validation(guardrails, "false".to_owned(), &rule)?],
    })
}
