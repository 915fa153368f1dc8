//! AuthorizationPolicy: which requests a workload accepts. A proxy evaluates CUSTOM policies first, then DENY policies,
//! then ALLOW policies. If a workload has ALLOW policies, a request must match a rule of at least one of them.

use std::collections::BTreeSet;

use serde::Serialize;

use super::WorkloadSelector;
use crate::mesh::{patterns, port::PortNumber};

/// `spec` of an AuthorizationPolicy. Action and rules are always written, even if they are Istio's defaults, so that
/// the provider owns the fields and corrects changes of them.
#[derive(Clone, Debug, Serialize)]
pub struct AuthorizationPolicy {
    /// Workloads that the policy applies to. `None`: every workload of the namespace, or of the mesh if the policy is
    /// in the root namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<WorkloadSelector>,
    /// `ALLOW`, `DENY`, `AUDIT` or `CUSTOM`.
    pub action: &'static str,
    /// External authorizer of a `CUSTOM` policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<ExtensionProvider>,
    /// Rules, at least one of which must match. Without rules the policy matches no request, and an empty rule matches
    /// every request.
    pub rules: Vec<Rule>,
}

/// A reference to an extension provider of `meshConfig`.
#[derive(Clone, Debug, Serialize)]
pub struct ExtensionProvider {
    /// Name of the extension provider.
    pub name: String,
}

/// A rule, which matches a request if `from`, `to` and `when` all match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Sources, at least one of which must match. Empty: any source, even one without an identity.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<From>,
    /// Operations, at least one of which must match. Empty: any operation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<To>,
    /// Conditions, all of which must match.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<Condition>,
}

/// An element of `from`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct From {
    /// Source of the request.
    pub source: Source,
}

/// The source of a request. Fields that are set must all match, so principals and namespaces that are alternatives need
/// a source each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// Identities of callers. `*` is any identity.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub principals: BTreeSet<String>,
    /// Namespaces of the callers' identities.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub namespaces: BTreeSet<String>,
    /// Addresses that the connection comes from.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub ip_blocks: BTreeSet<String>,
    /// Addresses of clients behind proxies.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub remote_ip_blocks: BTreeSet<String>,
    /// Identities that don't match. A caller without an identity matches whatever is listed here.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub not_principals: BTreeSet<String>,
    /// Namespaces of identities that don't match.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub not_namespaces: BTreeSet<String>,
    /// Addresses of connections that don't match.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub not_ip_blocks: BTreeSet<String>,
    /// Addresses of clients behind proxies that don't match.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub not_remote_ip_blocks: BTreeSet<String>,
}

/// An element of `to`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct To {
    /// Operation of the request.
    pub operation: Operation,
}

impl To {
    /// Returns the `to` of a rule for an operation; empty for any operation.
    pub fn unless_any(operation: Operation) -> Vec<Self> {
        if operation == Operation::default() { Vec::new() } else { vec![Self { operation }] }
    }
}

/// The operation of a request. Fields that are set must all match. On a TCP port, proxies don't know methods, paths and
/// hosts: an ALLOW rule with them never matches there, and a DENY rule with them matches as if they weren't set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// HTTP methods.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub methods: BTreeSet<String>,
    /// HTTP methods that don't match.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub not_methods: BTreeSet<String>,
    /// Paths, exact or with `*` at the start or end.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub paths: BTreeSet<String>,
    /// Paths that don't match.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub not_paths: BTreeSet<String>,
    /// Hosts as requests name them, including the port if the request has one. Exact, or with `*` at the start or end.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub hosts: BTreeSet<String>,
    /// Hosts that don't match.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub not_hosts: BTreeSet<String>,
    /// Ports of the workload, which may differ from those of the Service. They are sorted by number.
    #[serde(skip_serializing_if = "BTreeSet::is_empty", serialize_with = "ports_as_text")]
    pub ports: BTreeSet<PortNumber>,
    /// Ports that don't match.
    #[serde(skip_serializing_if = "BTreeSet::is_empty", serialize_with = "ports_as_text")]
    pub not_ports: BTreeSet<PortNumber>,
}

/// A condition on another attribute of a request. On a TCP port, attributes of requests behave like methods: see
/// [`Operation`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Name of the attribute, like `request.auth.claims[iss]`.
    pub key: String,
    /// Values, one of which the attribute must have. Exact, or with `*` at the start or end.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub values: BTreeSet<String>,
    /// Values that the attribute must not have. With `*`, the attribute must be missing.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub not_values: BTreeSet<String>,
}

impl Condition {
    /// Makes a condition without values on a claim of a verified token, which is given as in [`patterns::is_claim`].
    pub fn claim(name: &str) -> Self {
        let key = format!("request.auth.claims{}", patterns::claim_key(name));
        Self { key, values: BTreeSet::new(), not_values: BTreeSet::new() }
    }
}

/// Serializes ports as texts, which is how AuthorizationPolicies have them.
fn ports_as_text<S: serde::Serializer>(ports: &BTreeSet<PortNumber>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(ports.iter().map(PortNumber::to_string))
}
