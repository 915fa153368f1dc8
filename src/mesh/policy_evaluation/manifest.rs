//! The fields of an AuthorizationPolicy, read from its manifest.

use std::{collections::BTreeMap, fmt};

use serde::Deserialize;
use serde_json::Value as Json;

use super::{
    request::Workload,
    rule::{Action, Rule},
};
use crate::{
    json_path::{at, text},
    mesh::istio::DRY_RUN,
};

/// An AuthorizationPolicy.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    namespace: String,
    /// Labels of the pods. `None` if the policy names other targets, such as waypoints.
    selector: Option<BTreeMap<String, String>>,
    /// Whether the policy is more than a dry run.
    pub(super) is_enforced: bool,
    pub(super) action: Action,
    /// The name of the extension provider of a CUSTOM policy.
    pub(super) provider: String,
    pub(super) rules: Vec<Rule>,
}

/// A policy that this evaluation doesn't support.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsupportedPolicy {
    /// Namespace and name of the policy.
    pub policy: String,
    /// The field or condition that isn't supported.
    pub reason: String,
}

impl fmt::Display for UnsupportedPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthorizationPolicy {} can't be evaluated: {}", self.policy, self.reason)
    }
}

impl std::error::Error for UnsupportedPolicy {}

/// `spec` of an AuthorizationPolicy.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Spec {
    selector: Selector,
    target_ref: Option<Json>,
    target_refs: Vec<Json>,
    action: Action,
    provider: Provider,
    rules: Vec<Rule>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Selector {
    match_labels: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Provider {
    name: String,
}

/// Whether a policy only counts what it would refuse. Istio parses the annotation by Go's strconv.ParseBool.
pub fn is_dry_run(manifest: &Json) -> bool {
    let dry_run = text(manifest, &["metadata", "annotations", DRY_RUN]).unwrap_or_default();
    ["1", "t", "T", "true", "TRUE", "True"].contains(&dry_run)
}

impl Policy {
    /// Reads a policy. `None` for a manifest of another kind.
    pub(super) fn from_manifest(manifest: &Json) -> Result<Option<Self>, UnsupportedPolicy> {
        if text(manifest, &["kind"]) != Some("AuthorizationPolicy") {
            return Ok(None);
        }
        let metadata = |name: &str| text(manifest, &["metadata", name]).unwrap_or_default().to_owned();
        let unsupported = |reason: String| UnsupportedPolicy {
            policy: format!("{}/{}", metadata("namespace"), metadata("name")),
            reason,
        };
        let mut spec = match at(manifest, &["spec"]) {
            Json::Null => Spec::default(),
            spec => Spec::deserialize(spec).map_err(|error| unsupported(error.to_string()))?,
        };
        if let Some(condition) = spec.rules.iter().find_map(Rule::unsupported_condition) {
            return Err(unsupported(format!("condition {condition}")));
        }
        for rule in &mut spec.rules {
            rule.resolve_service_accounts(&metadata("namespace"));
        }
        let has_targets = spec.target_ref.is_some() || !spec.target_refs.is_empty();
        Ok(Some(Self {
            namespace: metadata("namespace"),
            selector: (!has_targets).then_some(spec.selector.match_labels),
            is_enforced: !is_dry_run(manifest),
            action: spec.action,
            provider: spec.provider.name,
            rules: spec.rules,
        }))
    }

    /// Whether the policy selects the workload.
    pub(super) fn applies_to(&self, workload: &Workload, root_namespace: &str) -> bool {
        let in_scope = self.namespace == workload.namespace || self.namespace == root_namespace;
        let selects = |labels: &BTreeMap<String, String>| {
            labels.iter().all(|(label, value)| workload.labels.get(label) == Some(value))
        };
        in_scope && self.selector.as_ref().is_some_and(selects)
    }
}
