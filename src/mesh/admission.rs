//! Types of ValidatingAdmissionPolicies, whose rules in CEL decide which requests the API server admits. Defaults of
//! the API server are written too, so that this provider owns every field of a policy.

use std::collections::BTreeMap;

use serde::Serialize;

/// `spec` of a ValidatingAdmissionPolicy.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ValidatingAdmissionPolicy {
    /// `Fail`: a request for which a rule can't be evaluated is denied.
    pub failure_policy: &'static str,
    /// Requests that the policy applies to.
    pub match_constraints: MatchConstraints,
    /// Conditions, all of which a request must meet for the policy to apply to it.
    pub match_conditions: Vec<MatchCondition>,
    /// Values that rules share.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<Variable>,
    /// Rules. A request that breaks one is denied.
    pub validations: Vec<Validation>,
}

/// The requests that a policy applies to.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MatchConstraints {
    /// `Equivalent`: a rule for one version of a kind matches requests for every version that is served.
    pub match_policy: &'static str,
    /// Matches every namespace, since the binding selects the namespaces.
    pub namespace_selector: Selector,
    /// Matches every object.
    pub object_selector: Selector,
    /// Kinds that the policy applies to, one element for each API group.
    pub resource_rules: Vec<ResourceRule>,
}

/// A label selector. Without labels it matches everything.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Selector {
    /// Labels that an object must have, all of them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
}

/// Kinds of one API group, and operations on them.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceRule {
    /// API group.
    pub api_groups: [&'static str; 1],
    /// `*`: every version.
    pub api_versions: [&'static str; 1],
    /// `CREATE`, `UPDATE` and `DELETE`, or some of them.
    pub operations: &'static [&'static str],
    /// Plural names of the kinds, or `*` for all kinds of the group.
    pub resources: Vec<&'static str>,
    /// `Namespaced` or `Cluster`: where objects of the kinds are.
    pub scope: &'static str,
}

/// A condition on the requests that a policy applies to.
#[derive(Clone, Debug, Serialize)]
pub struct MatchCondition {
    /// Name, unique in the policy.
    pub name: &'static str,
    /// Expression in CEL.
    pub expression: String,
}

/// A value that the rules of a policy share.
#[derive(Clone, Debug, Serialize)]
pub struct Variable {
    /// Name, by which rules use it as `variables.<name>`.
    pub name: &'static str,
    /// Expression in CEL.
    pub expression: String,
}

/// A rule that requests must meet.
#[derive(Clone, Debug, Serialize)]
pub struct Validation {
    /// Expression in CEL.
    pub expression: String,
    /// Message in the response to a request that breaks the rule.
    pub message: String,
    /// `Forbidden`: the reason in that response.
    pub reason: &'static str,
}

/// `spec` of a ValidatingAdmissionPolicyBinding. Without a binding a policy has no effect.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ValidatingAdmissionPolicyBinding {
    /// Name of the policy.
    pub policy_name: String,
    /// `Deny`, `Warn` or `Audit`.
    pub validation_actions: [&'static str; 1],
    /// Namespaces in which the policy is enforced.
    pub match_resources: MatchResources,
}

/// The namespaces in which a policy is enforced.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MatchResources {
    /// `Equivalent`, as in [`MatchConstraints`].
    pub match_policy: &'static str,
    /// Labels of the namespaces.
    pub namespace_selector: Selector,
    /// Matches every object.
    pub object_selector: Selector,
}
