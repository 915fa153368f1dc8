//! The live check `outbound-policy`: the provider block states that proxies refuse calls of unknown hosts, and the policies that
//! are in effect in the cluster say otherwise. It is made for resources that rely on that statement.
//!
//! The policy of a proxy is that of the Sidecar that selects it, or else of its namespace's Sidecar, or else of the root
//! namespace's. Only where that one sets no policy, or there is none, the `meshConfig` of the proxy's revision decides: the
//! Sidecar of a namespace doesn't inherit the policy of the root namespace's.

use serde_json::Value as Json;

use super::{
    Mesh,
    checks::{Code::OutboundPolicy, Findings, LiveQuery},
    live_objects::{annotation_value, namespace, namespaced_name, summarize_names, summarize_objects},
    mesh_config,
};
use crate::{
    json_path::{at, text},
    known::Known,
    object::{Kind, annotation, kind, resource_id, resource_type},
    query::{Query, QueryResults},
};

/// Kinds of the objects by which a `mesh_global_defaults` is recognized, beside its Sidecar.
const KINDS_OF_GLOBAL_DEFAULTS: [&Kind; 6] = [
    &kind::AUTHORIZATION_POLICY,
    &kind::PEER_AUTHENTICATION,
    &kind::REQUEST_AUTHENTICATION,
    &kind::DESTINATION_RULE,
    &kind::ENVOY_FILTER,
    &kind::TELEMETRY,
];

/// Whether `outboundTrafficPolicy` of a Sidecar or of `meshConfig` lets calls of unknown hosts out. `None`: there is no policy.
/// A policy without a mode is `REGISTRY_ONLY`, the first value of the enumeration.
fn allows_any(policy: &Json) -> Option<bool> {
    policy.as_object()?;
    Some(!matches!(text(policy, &["mode"]), None | Some("REGISTRY_ONLY")))
}

/// Whether a Sidecar lets calls of unknown hosts out. `None`: it sets no policy.
pub fn sidecar_allows_any(sidecar: &Json) -> Option<bool> {
    allows_any(at(sidecar, &["spec", "outboundTrafficPolicy"]))
}

/// Whether a `meshConfig` lets calls of unknown hosts out. Without a policy Istio does.
pub fn mesh_config_allows_any(config: &Json) -> bool {
    allows_any(at(config, &["outboundTrafficPolicy"])).unwrap_or(true)
}

/// Whether proxies without a Sidecar of their own, or of their namespace, let calls of unknown hosts out by the Sidecars of the
/// root namespace. `None`: the `meshConfig` of their revision decides.
pub fn default_allows_any(sidecars_of_root: &[&Json]) -> Option<bool> {
    sidecars_of_root
        .iter()
        .find(|sidecar| selects_all_workloads(sidecar))
        .and_then(|sidecar| sidecar_allows_any(sidecar))
}

/// Whether a Sidecar is that of all workloads of its namespace, or of the mesh in the root namespace.
pub fn selects_all_workloads(sidecar: &Json) -> bool {
    at(sidecar, &["spec", "workloadSelector"]).is_null()
}

/// The queries of the check; none where the provider block states nothing that could be false.
pub fn live_queries(mesh: &Mesh) -> Vec<LiveQuery> {
    if !mesh.installed.refuses_unknown_hosts() {
        return Vec::new();
    }
    let of_root_namespace = KINDS_OF_GLOBAL_DEFAULTS.map(|kind| Query::list(kind, &mesh.root_namespace));
    std::iter::once(Query::list_all_namespaces(&kind::SIDECAR))
        .chain(mesh_config::keys(mesh).map(Query::Get))
        .chain(of_root_namespace)
        .map(|query| LiveQuery { query, checks: &[OutboundPolicy] })
        .collect()
}

/// The check. `consequence` says of the resource what is wrong if the statement is false.
pub fn live_checks(mesh: &Mesh, results: &QueryResults, consequence: &str, out: &mut Findings) {
    // The check is skipped where a query that it needs has no result; that is reported with the missing right.
    if !mesh.installed.refuses_unknown_hosts() {
        return;
    }
    let Ok(policies) = EffectivePolicies::read(mesh, results) else { return };
    let exceptions = policies.exceptions();
    if exceptions.is_empty() {
        policies.report_missing_config(out);
        return;
    }
    let detail = format!(
        "The provider's installed block says outbound_traffic_policy = \"registry_only\", but these proxies let calls of unknown \
         hosts out: {}. {consequence} Set the policy there to REGISTRY_ONLY (outbound_traffic_policy of mesh_global_defaults, \
         mesh_namespace or mesh_service), or write installed {{ outbound_traffic_policy = \"allow_any\" }}.",
        exceptions.join("; ")
    );
    let summary = "The mesh lets calls of unknown hosts out";
    if has_global_defaults(mesh, results) {
        out.report(OutboundPolicy, "", summary, &detail);
    } else {
        let detail = format!("{detail} This is a warning as long as the cluster has no mesh_global_defaults.");
        out.report_warning(OutboundPolicy, "", summary, &detail);
    }
}

/// The policies of a cluster.
struct EffectivePolicies<'a> {
    /// The Sidecar of the mesh.
    root: Option<&'a Json>,
    /// The Sidecars of namespaces and of single workloads.
    others: Vec<&'a Json>,
    /// The ConfigMaps of the revisions whose `meshConfig` lets calls of unknown hosts out.
    open_configs: Vec<String>,
    /// The ConfigMaps of revisions that don't exist.
    missing_configs: Vec<String>,
}

impl<'a> EffectivePolicies<'a> {
    fn read(mesh: &Mesh, results: &'a QueryResults) -> Known<Self> {
        let is_root = |sidecar: &&Json| selects_all_workloads(sidecar) && namespace(sidecar) == mesh.root_namespace;
        let (root, others): (Vec<&Json>, Vec<&Json>) =
            results.list_all_namespaces(&kind::SIDECAR)?.into_iter().partition(is_root);
        let mut missing_configs = Vec::new();
        for key in mesh_config::keys(mesh) {
            if results.get(&key)?.is_none() {
                missing_configs.push(key.name);
            }
        }
        let configs = mesh_config::read(mesh, results).into_iter();
        let open_configs = configs.filter(|installed| mesh_config_allows_any(&installed.config));
        Ok(Self {
            root: root.first().copied(),
            others,
            open_configs: open_configs.map(|installed| installed.name).collect(),
            missing_configs,
        })
    }

    /// The Sidecars of namespaces and workloads with this policy.
    fn others_with(&self, policy: Option<bool>) -> Vec<&'a Json> {
        self.others.iter().copied().filter(|sidecar| sidecar_allows_any(sidecar) == policy).collect()
    }

    /// The policy of proxies without a Sidecar of their own or of their namespace. `None`: that of `meshConfig`.
    fn default_policy(&self) -> Option<bool> {
        self.root.and_then(sidecar_allows_any)
    }

    /// The proxies that let calls of unknown hosts out, as a message lists them.
    fn exceptions(&self) -> Vec<String> {
        let mut exceptions = Vec::new();
        let open = self.others_with(Some(true));
        if !open.is_empty() {
            exceptions.push(format!("those of Sidecar {}", summarize_objects(open)));
        }
        let by_config = if self.open_configs.is_empty() {
            None
        } else {
            let configs = summarize_names(self.open_configs.iter().map(String::as_str));
            Some(format!("by meshConfig of ConfigMap {configs}"))
        };
        let undecided = self.others_with(None);
        if let Some(by_config) = by_config.as_ref().filter(|_| !undecided.is_empty()) {
            let sidecars = summarize_objects(undecided);
            exceptions
                .push(format!("those of Sidecar {sidecars}, which sets no policy of its own (allowed {by_config})"));
        }
        let by_root = self.root.map(|root| format!("by the mesh's Sidecar {}", namespaced_name(root)));
        let cause = match self.default_policy() {
            Some(false) => None,
            Some(true) => by_root,
            None => by_config,
        };
        exceptions.extend(cause.map(|cause| format!("all proxies without a Sidecar of their own (allowed {cause})")));
        exceptions
    }

    /// Warns of a `meshConfig` that decides for some proxies and isn't there.
    fn report_missing_config(&self, out: &mut Findings) {
        if self.missing_configs.is_empty() || self.default_policy().is_some() && self.others_with(None).is_empty() {
            return;
        }
        out.report_warning(
            OutboundPolicy,
            "",
            "The mesh's outbound traffic policy can't be seen",
            &format!(
                "The provider's installed block says outbound_traffic_policy = \"registry_only\". meshConfig decides for some proxies, \
                 and ConfigMap {} isn't there. Write the provider's revisions, or set the policy with mesh_global_defaults.",
                summarize_names(self.missing_configs.iter().map(String::as_str))
            ),
        );
    }
}

/// Whether the cluster has a `mesh_global_defaults`. It counts as one where the objects can't be read.
fn has_global_defaults(mesh: &Mesh, results: &QueryResults) -> bool {
    let is_part = |live: &&Json| {
        annotation_value(live, annotation::RESOURCE)
            .is_some_and(|resource| resource_id(resource_type::GLOBAL_DEFAULTS, resource).is_some())
    };
    let lists = KINDS_OF_GLOBAL_DEFAULTS.map(|kind| results.list(kind, &mesh.root_namespace));
    let sidecars = results.list_all_namespaces(&kind::SIDECAR);
    lists.into_iter().chain([sidecars]).any(|list| list.is_ok_and(|live| live.iter().any(is_part)))
        || KINDS_OF_GLOBAL_DEFAULTS.iter().any(|kind| results.list(kind, &mesh.root_namespace).is_err())
}
