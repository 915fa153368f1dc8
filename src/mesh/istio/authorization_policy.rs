//! AuthorizationPolicy: who may call a workload. A proxy asks CUSTOM policies first, then DENY ones, then ALLOW ones. ALLOW
//! policies of one workload add up; where there is any, what none of them names is denied.

use std::collections::BTreeSet;

use serde::Serialize;

use super::WorkloadSelector;
use crate::mesh::{patterns, port::PortNumber};

/// `spec`. Action and rules are always written, even where they are Istio's defaults: so they are ours, and defended.
#[derive(Clone, Debug, Serialize)]
pub struct AuthorizationPolicy {
    /// None: every workload of the namespace; of the mesh, in the root namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<WorkloadSelector>,
    /// `ALLOW`, `DENY`, `AUDIT` or `CUSTOM`
    pub action: &'static str,
    /// Whom `CUSTOM` asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<ExtensionProvider>,
    /// None matches nothing; one empty rule matches everything.
    pub rules: Vec<Rule>,
}

/// An extension provider of the mesh's configuration.
#[derive(Clone, Debug, Serialize)]
pub struct ExtensionProvider {
    /// Its name there.
    pub name: String,
}

/// Who, what they do, and what else holds; all must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Each of them suffices. None: anyone, without identity too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<From>,
    /// Each of them suffices. None: anything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<To>,
    /// All of them must hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<Condition>,
}

/// One source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct From {
    /// Who.
    pub source: Source,
}

/// Who calls; all that is written must match, so principals and namespaces, of which each suffices, take a source each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// Identities; `*` is any.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub principals: BTreeSet<String>,
    /// Identities of these namespaces.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub namespaces: BTreeSet<String>,
    /// Where the connection comes from.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub ip_blocks: BTreeSet<String>,
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct To {
    /// What.
    pub operation: Operation,
}

/// What is done; all that is written must match. A TCP port shows no methods, paths and hosts: there, an ALLOW rule with
/// them never matches, and a DENY rule with them matches as if they weren't written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// HTTP methods.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub methods: BTreeSet<String>,
    /// Exact, or with `*` at the start or end.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub paths: BTreeSet<String>,
    /// Likewise; any but these.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub not_paths: BTreeSet<String>,
    /// Hosts as requests name them, port included; exact, or with `*` at the start or end.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub hosts: BTreeSet<String>,
    /// The workload's own ports, not the Service's, in the order of their numbers.
    #[serde(skip_serializing_if = "BTreeSet::is_empty", serialize_with = "texts")]
    pub ports: BTreeSet<PortNumber>,
    /// Likewise; any but these.
    #[serde(skip_serializing_if = "BTreeSet::is_empty", serialize_with = "texts")]
    pub not_ports: BTreeSet<PortNumber>,
}

/// What else must hold. On a TCP port, conditions on requests are what methods are: see [`Operation`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Of what, like `request.auth.claims[iss]`.
    pub key: String,
    /// One of these; exact, or with `*` at the start or end.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub values: BTreeSet<String>,
    /// None of these; so that it isn't there, where it is `*`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub not_values: BTreeSet<String>,
}

impl Condition {
    /// On a claim of a verified token, by its name or its way ([`claim`](crate::mesh::patterns::claim)).
    pub fn claim(name: &str) -> Self {
        let key = format!("request.auth.claims{}", patterns::claim_key(name));
        Self { key, values: BTreeSet::new(), not_values: BTreeSet::new() }
    }
}

/// Istio writes ports as texts here.
fn texts<S: serde::Serializer>(ports: &BTreeSet<PortNumber>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(ports.iter().map(PortNumber::to_string))
}
