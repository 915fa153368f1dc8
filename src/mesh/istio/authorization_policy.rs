//! AuthorizationPolicy: who may call a workload. ALLOW policies of one workload add up; where there is any, what none of
//! them names is denied.

use std::collections::BTreeSet;

use serde::Serialize;

use super::WorkloadSelector;
use crate::mesh::port::PortNumber;

/// `spec`. Action and rules are always written, even where they are Istio's defaults: so they are ours, and defended.
#[derive(Clone, Debug, Serialize)]
pub struct AuthorizationPolicy {
    /// None: every workload of the namespace; of the mesh, in the root namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<WorkloadSelector>,
    /// `ALLOW` or `AUDIT`
    pub action: &'static str,
    /// None matches nothing; one empty rule matches everything.
    pub rules: Vec<Rule>,
}

/// Who, and what they do; both must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Each of them suffices. None: anyone, without identity too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<From>,
    /// Each of them suffices. None: anything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<To>,
}

/// One source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct From {
    /// Who.
    pub source: Source,
}

/// Who calls. One field each: two in one source would both have to match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// Identities; `*` is any.
    Principals(BTreeSet<String>),
    /// Identities of these namespaces.
    Namespaces(BTreeSet<String>),
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct To {
    /// What.
    pub operation: Operation,
}

/// What is done; all that is written must match. With methods or paths it never matches a TCP port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Operation {
    /// HTTP methods.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub methods: BTreeSet<String>,
    /// Exact, or with `*` at the start or end.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub paths: BTreeSet<String>,
    /// The workload's own ports, not the Service's, in the order of their numbers.
    #[serde(skip_serializing_if = "BTreeSet::is_empty", serialize_with = "texts")]
    pub ports: BTreeSet<PortNumber>,
}

/// Istio writes ports as texts here.
fn texts<S: serde::Serializer>(ports: &BTreeSet<PortNumber>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(ports.iter().map(PortNumber::to_string))
}
