//! What the API server keeps others from: objects that belong in the root namespace alone, and values by which a team would
//! take or open what isn't its own. Whoever is refused reads the rule and whom to ask.
//!
//! What stands there already stays as it is until somebody changes its spec: else nobody could label it, or finish deleting
//! it.

mod cel;
mod root_only;
mod team_rules;

use std::collections::{BTreeMap, BTreeSet};

use super::{Site, object};
use crate::{
    known::{Known, Unknown, as_known},
    mesh::{
        Mesh, Rendered,
        admission::{
            MatchCondition, MatchConstraints, MatchResources, ResourceRule, Selector, ValidatingAdmissionPolicy,
            ValidatingAdmissionPolicyBinding, Validation, Variable,
        },
        manifest::Texts,
        stage,
        text::text_enum,
    },
    object::{Key, Object, Stage, kind},
};

pub(super) use team_rules::tells_namespaces_apart;

text_enum! {
    /// What becomes of what breaks a rule.
    pub enum Action {
        /// It is refused.
        Deny = "deny",
        /// Its author is warned.
        Warn = "warn",
        /// The API server's audit log says so.
        Audit = "audit",
    }

    /// Kinds that may be kept to the root namespace. Those that configure a single service aren't among them.
    pub enum Guarded {
        /// How a proxy is configured, beyond Istio's own words.
        EnvoyFilter = "EnvoyFilter",
        /// What gateways listen for.
        Gateway = "Gateway",
        /// Whether workloads accept clear text.
        PeerAuthentication = "PeerAuthentication",
        /// How proxies start.
        ProxyConfig = "ProxyConfig",
        /// Ownership tokens are verified.
        RequestAuthentication = "RequestAuthentication",
        /// What proxies tell.
        Telemetry = "Telemetry",
        /// Code in proxies.
        WasmPlugin = "WasmPlugin",
        /// Workloads outside the cluster.
        WorkloadEntry = "WorkloadEntry",
        /// Likewise, many.
        WorkloadGroup = "WorkloadGroup",
    }
}

impl Action {
    /// As bindings write it.
    const fn kubernetes(self) -> &'static str {
        match self {
            Self::Deny => "Deny",
            Self::Warn => "Warn",
            Self::Audit => "Audit",
        }
    }
}

/// What is kept from whom.
#[derive(Clone, Debug)]
pub struct Guardrails {
    /// Kinds that are written in the root namespace alone.
    pub root_only: Known<BTreeSet<Guarded>>,
    /// Whether values are judged, too.
    pub team_rules: Known<bool>,
    /// Global names of a namespace beside those that the provider's template makes.
    pub global_names: Known<BTreeMap<String, BTreeSet<String>>>,
    /// What becomes of what breaks a rule.
    pub action: Known<Action>,
    /// Groups for which no rule holds.
    pub exempt_groups: Known<BTreeSet<String>>,
    /// The labels of the namespaces in which the rules hold; none: in all.
    pub namespace_selector: Known<Texts>,
    /// Whom messages tell to ask.
    pub contact: Known<String>,
}

/// What a policy judges, and how.
struct Rules {
    resources: Vec<ResourceRule>,
    variables: Vec<Variable>,
    validations: Vec<Validation>,
}

/// A policy, by the beginning of its name.
type Policy = (&'static str, fn(&Site, &Guardrails) -> Known<Rules>);

const ROOT_ONLY: Policy = ("mesh-root-only", root_only::rules);
const TEAM_RULES: Policy = ("mesh-team-rules", team_rules::rules);

/// Meshes of one cluster are told apart by their root namespaces.
fn name(policy: &Policy, mesh: &Mesh) -> String {
    format!("{}-{}", policy.0, mesh.root_namespace)
}

fn keys(policy: &Policy, mesh: &Mesh) -> [(Key, Stage); 2] {
    let name = name(policy, mesh);
    [
        (Key::cluster_scoped(&kind::VALIDATING_ADMISSION_POLICY, &name), stage::OPENING),
        (Key::cluster_scoped(&kind::VALIDATING_ADMISSION_POLICY_BINDING, &name), stage::CLOSING),
    ]
}

pub(super) fn could_render(mesh: &Mesh) -> impl Iterator<Item = (Key, Stage)> {
    [ROOT_ONLY, TEAM_RULES].into_iter().flat_map(|policy| keys(&policy, mesh))
}

pub(super) fn objects(site: &Site) -> Rendered {
    let Some(guardrails) = as_known(&site.defaults.guardrails)? else { return Ok(Vec::new()) };
    let mut policies = Vec::new();
    if !as_known(&guardrails.root_only)?.is_empty() {
        policies.push(ROOT_ONLY);
    }
    if guardrails.team_rules? {
        policies.push(TEAM_RULES);
    }
    let both = |rules: Policy| {
        let [(policy, before), (binding, after)] = keys(&rules, site.mesh);
        [
            (policy.clone(), self::policy(site, guardrails, policy, before, rules.1)),
            (binding.clone(), self::binding(site, guardrails, binding, after)),
        ]
    };
    Ok(policies.into_iter().flat_map(both).collect())
}

fn policy(
    site: &Site,
    guardrails: &Guardrails,
    key: Key,
    stage: Stage,
    rules: fn(&Site, &Guardrails) -> Known<Rules>,
) -> Known<Object> {
    let Rules { resources, variables, validations } = rules(site, guardrails)?;
    let condition = |name, expression| MatchCondition { name, expression };
    let mut conditions = vec![
        condition("outside-the-root-namespace", format!("request.namespace != {}", cel::text(site.root()))),
        condition(
            "says-something-new",
            "request.operation == \"CREATE\" || object.?spec != oldObject.?spec".to_owned(),
        ),
    ];
    let exempt = as_known(&guardrails.exempt_groups)?;
    if !exempt.is_empty() {
        let groups = cel::texts(exempt);
        conditions.push(condition("not-exempt", format!("!request.userInfo.groups.exists(group, group in {groups})")));
    }
    let spec = ValidatingAdmissionPolicy {
        failure_policy: "Fail",
        match_constraints: MatchConstraints {
            match_policy: "Equivalent",
            namespace_selector: Selector::default(),
            object_selector: Selector::default(),
            resource_rules: resources,
        },
        match_conditions: conditions,
        variables,
        validations,
    };
    Ok(object(key, site.metadata()?, &spec, stage, &[("spec", "guardrails")]))
}

fn binding(site: &Site, guardrails: &Guardrails, key: Key, stage: Stage) -> Known<Object> {
    let spec = ValidatingAdmissionPolicyBinding {
        policy_name: key.name.clone(),
        validation_actions: [guardrails.action?.kubernetes()],
        match_resources: MatchResources {
            match_policy: "Equivalent",
            namespace_selector: Selector { match_labels: guardrails.namespace_selector.clone()? },
            object_selector: Selector::default(),
        },
    };
    Ok(object(key, site.metadata()?, &spec, stage, &[("spec", "guardrails")]))
}

/// Kinds of a group, in whatever version.
fn resources(group: &'static str, plurals: Vec<&'static str>) -> ResourceRule {
    ResourceRule {
        api_groups: [group],
        api_versions: ["*"],
        operations: ["CREATE", "UPDATE"],
        resources: plurals,
        scope: "*",
    }
}

/// A rule, and what whoever breaks it reads.
fn validation(guardrails: &Guardrails, expression: String, rule: &str) -> Known<Validation> {
    let contact = as_known(&guardrails.contact)?;
    Ok(Validation { expression, message: format!("{rule} Ask {contact}."), reason: "Forbidden" })
}

/// What is faulty was told.
fn sound<T>(value: Option<T>) -> Known<T> {
    value.ok_or(Unknown)
}
