//! Objects of Kubernetes itself: just the fields that we write.

use std::collections::BTreeMap;

use serde::Serialize;

use super::port::PortNumber;

/// `spec` of a Service. Its type and addresses are left to the server and to others.
#[derive(Clone, Debug, Serialize)]
pub struct Service {
    /// The workloads behind it.
    pub selector: BTreeMap<String, String>,
    /// In the order in which they were declared.
    pub ports: Vec<ServicePort>,
}

/// A port of a Service.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServicePort {
    /// Its prefix says what is spoken.
    pub name: String,
    /// What is called.
    pub port: PortNumber,
    /// Where the workload listens.
    pub target_port: PortNumber,
    /// `TCP`: part of the key by which the server keeps ports, so it is written though it is the default.
    pub protocol: &'static str,
    /// What is spoken, once more: Istio reads it before the name.
    pub app_protocol: &'static str,
}

/// What stands in a Role.
#[derive(Clone, Debug, Serialize)]
pub struct Role {
    /// They add up.
    pub rules: Vec<PolicyRule>,
}

/// What may be done with some resources.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyRule {
    /// Empty text: the core group.
    pub api_groups: &'static [&'static str],
    /// In plural.
    pub resources: &'static [&'static str],
    /// What may be done with them.
    pub verbs: &'static [&'static str],
}

/// What stands in a RoleBinding.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleBinding {
    /// Never changes: the server refuses it.
    pub role_ref: RoleRef,
    /// Who has the Role's rights.
    pub subjects: Vec<Subject>,
}

/// The Role of a RoleBinding.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleRef {
    /// [`RBAC_API_GROUP`]
    pub api_group: &'static str,
    /// `Role`
    pub kind: &'static str,
    /// Its name.
    pub name: &'static str,
}

/// One who has rights.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Subject {
    /// `Group`, `User` or `ServiceAccount`.
    pub kind: &'static str,
    /// [`RBAC_API_GROUP`]; none of a ServiceAccount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_group: Option<&'static str>,
    /// Of a ServiceAccount alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// As the server knows them.
    pub name: String,
}

/// The group of Roles.
pub const RBAC_API_GROUP: &str = "rbac.authorization.k8s.io";
