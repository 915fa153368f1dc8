//! Kubernetes' own admission policies: what the API server admits, in CEL. What the server would write as a default is
//! written, so that all of a policy is ours.

use std::collections::BTreeMap;

use serde::Serialize;

/// `spec` of a ValidatingAdmissionPolicy.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ValidatingAdmissionPolicy {
    /// `Fail`: what can't be judged isn't admitted.
    pub failure_policy: &'static str,
    /// What it is about.
    pub match_constraints: MatchConstraints,
    /// All must hold, else the request isn't judged.
    pub match_conditions: Vec<MatchCondition>,
    /// Values that several rules need.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<Variable>,
    /// All must hold, else the request isn't admitted.
    pub validations: Vec<Validation>,
}

/// What a policy is about.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MatchConstraints {
    /// `Equivalent`: a kind in every version that is served.
    pub match_policy: &'static str,
    /// Every namespace; which ones is for the binding to say.
    pub namespace_selector: Selector,
    /// Every object.
    pub object_selector: Selector,
    /// One a group.
    pub resource_rules: Vec<ResourceRule>,
}

/// By labels; none: everything.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Selector {
    /// All of these.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
}

/// Kinds of one group.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceRule {
    /// One.
    pub api_groups: [&'static str; 1],
    /// All.
    pub api_versions: [&'static str; 1],
    /// Creates and updates.
    pub operations: [&'static str; 2],
    /// Plurals.
    pub resources: Vec<&'static str>,
    /// `*`
    pub scope: &'static str,
}

/// A condition, by its name.
#[derive(Clone, Debug, Serialize)]
pub struct MatchCondition {
    /// Unique in the policy.
    pub name: &'static str,
    /// In CEL.
    pub expression: String,
}

/// A value, by its name.
#[derive(Clone, Debug, Serialize)]
pub struct Variable {
    /// `variables.<name>` in rules.
    pub name: &'static str,
    /// In CEL.
    pub expression: String,
}

/// A rule.
#[derive(Clone, Debug, Serialize)]
pub struct Validation {
    /// In CEL.
    pub expression: String,
    /// What whoever breaks it reads.
    pub message: String,
    /// `Forbidden`
    pub reason: &'static str,
}

/// `spec` of a ValidatingAdmissionPolicyBinding, without which a policy does nothing.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ValidatingAdmissionPolicyBinding {
    /// The policy.
    pub policy_name: String,
    /// `Deny`, `Warn` or `Audit`
    pub validation_actions: [&'static str; 1],
    /// Where it holds.
    pub match_resources: MatchResources,
}

/// Where a policy holds.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MatchResources {
    /// `Equivalent`
    pub match_policy: &'static str,
    /// In these namespaces.
    pub namespace_selector: Selector,
    /// Every object.
    pub object_selector: Selector,
}
