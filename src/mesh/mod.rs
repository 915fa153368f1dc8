//! The resources: their arguments, and how these are rendered as Istio objects. The functions are pure: no async, no I/O and
//! no Kubernetes client. Rendering never depends on live objects, so that a plan is the same with and without a cluster. Only
//! the live checks read query results, and they only add diagnostics.

mod access_change;
pub mod admission;
pub mod adoption;
pub mod checks;
pub mod cluster_report;
pub mod duration;
mod example_requests;
pub mod external_service;
pub mod gateway;
pub mod gateway_matches;
pub mod global_defaults;
pub mod global_name;
pub mod install_config;
pub mod installed_mesh;
pub mod istio;
pub mod kubernetes_types;
pub mod labels;
mod live_issuers;
mod live_objects;
mod live_policies;
mod locality_check;
pub mod manifest;
pub mod mesh_config;
pub mod names;
pub mod namespace;
mod narrowed_calls;
pub mod outbound_policy;
pub mod overrides;
pub mod patterns;
pub mod percent;
pub mod policy_evaluation;
mod policy_paths;
pub mod port;
pub mod provider_change;
mod provider_check;
mod recorded_gateway;
pub mod reference;
pub mod resiliency;
pub mod service;
pub mod sources;
pub mod telemetry;
pub mod text;
pub mod timeouts;
pub mod unlisted_calls;
pub mod workload_access;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};

use self::{
    duration::Duration, global_name::Template, installed_mesh::InstalledMesh, resiliency::Preset,
    service::AuthorizationMode,
};
use crate::{
    known::Known,
    object::{Key, Object},
};

/// The arguments of the provider that apply to the whole mesh, with their defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Mesh {
    /// The namespace of mesh-wide configuration, like `istio-system`.
    pub root_namespace: String,
    /// The domain of the cluster's Services, like `cluster.local`.
    pub cluster_domain: String,
    /// The trust domain of the identities of workloads, like `cluster.local`.
    pub trust_domain: String,
    /// The template of global names, like `{name}.{namespace}.example.internal`.
    pub global_name_template: Option<Template>,
    /// Whether services get a global name by the template. Otherwise callers only list the names that the template makes, in
    /// their Sidecars.
    pub global_names: bool,
    /// The namespaces of gateways. Every service is exported to them.
    pub gateway_namespaces: BTreeSet<String>,
    /// Hosts that every Sidecar of the provider lists, as `namespace/host`: those of tracing and external authorization.
    pub platform_hosts: BTreeSet<String>,
    /// The revisions of Istio whose mesh configuration live checks read. `default` is the one whose ConfigMap has no suffix.
    pub revisions: BTreeSet<String>,
    /// Facts of the installed Istio, as the provider block states them.
    pub installed: InstalledMesh,
    /// Labels of every object that the provider creates.
    pub labels: BTreeMap<String, String>,
    /// Annotations of every object that the provider creates.
    pub annotations: BTreeMap<String, String>,
    /// Defaults for arguments of services.
    pub defaults: Defaults,
}

/// Defaults for arguments that a service doesn't set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// Resiliency preset. `None`: nothing is written.
    pub resiliency: Option<Preset>,
    /// Timeout of requests. `None`: nothing is written.
    pub request_timeout: Option<Duration>,
    /// Whether authorization policies are enforced: `enforce` by default.
    pub authorization_mode: AuthorizationMode,
}

impl Default for Defaults {
    fn default() -> Self {
        Self { resiliency: None, request_timeout: None, authorization_mode: AuthorizationMode::Enforce }
    }
}

/// The objects of one resource. The outer result is `Err` where it is unknown which objects there are, the inner one where
/// only the content of that object is unknown.
pub type Rendered = Known<Vec<(Key, Known<Object>)>>;

/// The stages in which objects are written, one after the other. Objects of one stage don't depend on each other.
pub mod stage {
    use crate::object::Stage;

    /// Namespaces, which contain the other objects.
    pub const NAMESPACE: Stage = Stage(0);
    /// ServiceAccounts, Services and Roles.
    pub const IDENTITY: Stage = Stage(10);
    /// Objects that routes refer to: ServiceEntries, DestinationRules with their subsets, Gateways.
    pub const TARGETS: Stage = Stage(20);
    /// RequestAuthentications. They are written before the policies that require tokens.
    pub const TOKENS: Stage = Stage(22);
    /// Policies that refuse some of the requests that ALLOW policies admit: DENY and CUSTOM. They are written before ALLOW
    /// policies and removed after them, so that nothing is admitted in between that is refused before and after.
    pub const SUBTRACTING: Stage = Stage(25);
    /// Objects that admit requests, like ALLOW policies. They are written before deny-all.
    pub const OPENING: Stage = Stage(30);
    /// Routes of egress gateways to hosts outside the mesh. They are written before the routes of callers to the gateway.
    pub const EGRESS_ROUTES: Stage = Stage(33);
    /// VirtualServices of global names alone. They are written before the VirtualService that may have had the name until
    /// now, so that some VirtualService always routes the name.
    pub const ALIASES: Stage = Stage(35);
    /// Objects that route traffic: VirtualServices and Sidecars.
    pub const ROUTES: Stage = Stage(40);
    /// Hosts outside the mesh that callers reach through an egress gateway. They are written after the routes to the gateway, so
    /// that no caller knows the host without them.
    pub const ROUTED_HOSTS: Stage = Stage(42);
    /// Strict mutual TLS of the mesh. It is written before deny-all, which may admit requests in clear text from then on.
    pub const STRICT_MTLS_OF_MESH: Stage = Stage(45);
    /// Objects that refuse whatever nothing else admits: deny-all policies.
    pub const CLOSING: Stage = Stage(50);
    /// Mutual TLS of single services: exceptions from that of the namespace. They are written after deny-all, since they may
    /// admit clear text, and before what they are an exception from.
    pub const MTLS_OF_SERVICES: Stage = Stage(55);
    /// Mutual TLS of namespaces, and mutual TLS of the mesh that accepts clear text.
    pub const MTLS: Stage = Stage(60);
}
