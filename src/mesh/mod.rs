//! The domain: intent in, Istio objects out. Pure: no async, no I/O, no Kubernetes client, no Terraform types but paths and
//! diagnostics. Facts of the cluster never reach it, so that a plan is the same with and without one.

pub mod admission;
pub mod checks;
pub mod duration;
pub mod external_service;
pub mod gateway;
pub mod global_defaults;
pub mod global_name;
pub mod istio;
pub mod kubernetes_types;
pub mod labels;
mod live_objects;
pub mod manifest;
pub mod mesh_config;
pub mod names;
pub mod namespace;
pub mod patterns;
pub mod percent;
pub mod policy_evaluation;
pub mod port;
pub mod reference;
pub mod resiliency;
pub mod service;
pub mod sources;
pub mod text;
pub mod timeouts;

use std::collections::{BTreeMap, BTreeSet};

use self::{duration::Duration, global_name::Template, resiliency::Preset, service::AuthorizationMode};
use crate::{
    known::Known,
    object::{Key, Object},
};

/// What holds for the whole mesh: provider arguments, nothing else.
#[derive(Clone, Debug, PartialEq)]
pub struct Mesh {
    /// Where mesh-wide configuration lives: `istio-system`.
    pub root_namespace: String,
    /// `cluster.local`
    pub cluster_domain: String,
    /// `cluster.local`
    pub trust_domain: String,
    /// How services get a global name, and how callers know it: `{name}.{namespace}.example.internal`.
    pub global_name_template: Option<Template>,
    /// Whether the template gives services their names; else it only says what callers list.
    pub global_names: bool,
    /// Namespaces of gateways: always among those that a service is exported to.
    pub gateway_namespaces: BTreeSet<String>,
    /// Hosts that every Sidecar of ours lists, `namespace/host`: tracing, external authorization.
    pub platform_hosts: BTreeSet<String>,
    /// On every object that we create.
    pub labels: BTreeMap<String, String>,
    /// On every object that we create.
    pub annotations: BTreeMap<String, String>,
    /// What a service gets that doesn't say otherwise.
    pub defaults: Defaults,
}

/// What a service gets that doesn't say otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// `medium` unless written.
    pub resiliency: Preset,
    /// By the preset unless written.
    pub request_timeout: Option<Duration>,
    /// `enforce` unless written.
    pub authorization_mode: AuthorizationMode,
}

impl Default for Defaults {
    fn default() -> Self {
        Self { resiliency: Preset::Medium, request_timeout: None, authorization_mode: AuthorizationMode::Enforce }
    }
}

/// The objects of one resource. The outer `Err`: which objects there are comes at apply; the inner: this one does.
pub type Rendered = Known<Vec<(Key, Known<Object>)>>;

/// When objects are written. Within a stage they are independent.
pub mod stage {
    use crate::object::Stage;

    /// Where everything else is.
    pub const NAMESPACE: Stage = Stage(0);
    /// Identities: ServiceAccounts, Services.
    pub const IDENTITY: Stage = Stage(10);
    /// What routes name: ServiceEntries, DestinationRules with their subsets.
    pub const TARGETS: Stage = Stage(20);
    /// What opens: ALLOW policies, before anything that closes.
    pub const OPENING: Stage = Stage(30);
    /// What sends traffic of further names: before the VirtualService that may have had them until now gives them up.
    pub const ALIASES: Stage = Stage(35);
    /// What sends traffic: VirtualServices, Sidecars.
    pub const ROUTES: Stage = Stage(40);
    /// What closes: deny-all, strict mTLS, DENY policies.
    pub const CLOSING: Stage = Stage(50);
}
