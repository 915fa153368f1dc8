//! Types of Kubernetes itself (Service, RoleBinding), with only the fields that this provider writes.

use std::collections::BTreeMap;

use serde::Serialize;

use super::port::PortNumber;

/// `spec` of a Service. Its type and addresses belong to the API server and to other field managers.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceSpec {
    /// Labels of the pods behind the Service.
    pub selector: BTreeMap<String, String>,
    /// Ports in the order of their declaration.
    pub ports: Vec<ServicePort>,
}

/// A port of a Service.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServicePort {
    /// Name of the port. Istio takes the protocol from its prefix if there is no `appProtocol`.
    pub name: String,
    /// Port that clients connect to.
    pub port: PortNumber,
    /// Port that the workload listens on.
    pub target_port: PortNumber,
    /// `TCP`. It is the default, but written because it is part of the key by which server-side apply merges ports.
    pub protocol: &'static str,
    /// Application protocol, which Istio prefers to the prefix of the name.
    pub app_protocol: &'static str,
}

/// Content of a RoleBinding, which has no `spec`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleBinding {
    /// The role that is granted. The API server refuses a change of it.
    pub role_ref: RoleRef,
    /// Subjects that the role is granted to.
    pub subjects: Vec<Subject>,
}

/// Reference of a RoleBinding to its Role.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleRef {
    /// Always [`RBAC_API_GROUP`].
    pub api_group: &'static str,
    /// Always `ClusterRole`.
    pub kind: &'static str,
    /// Name of the ClusterRole.
    pub name: String,
}

/// A group, user or service account that a RoleBinding grants rights to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Subject {
    /// `Group`, `User` or `ServiceAccount`.
    pub kind: &'static str,
    /// [`RBAC_API_GROUP`], or `None` for a service account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_group: Option<&'static str>,
    /// Namespace of a service account. `None` for groups and users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name of the group, user or service account.
    pub name: String,
}

/// The API group of RoleBindings and their roles.
pub const RBAC_API_GROUP: &str = "rbac.authorization.k8s.io";
