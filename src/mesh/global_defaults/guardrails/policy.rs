//! A ValidatingAdmissionPolicy with its binding.

use super::{Guardrails, cel};
use crate::{
    known::Known,
    mesh::{
        admission::{
            MatchCondition, MatchConstraints, MatchResources, ResourceRule, Selector, ValidatingAdmissionPolicy,
            ValidatingAdmissionPolicyBinding, Validation, Variable,
        },
        global_defaults::context::{DefaultsContext, spec_from},
        manifest::StringMap,
    },
    object::{Key, Object, Stage},
    schema::At,
};

/// What a policy validates.
pub(super) struct Rules {
    /// The kinds of the objects.
    pub(super) resources: Vec<ResourceRule>,
    /// The requests for such objects that are validated, in addition to the conditions of every policy.
    pub(super) conditions: Vec<MatchCondition>,
    /// The CEL variables that validations share.
    pub(super) variables: Vec<Variable>,
    /// The conditions that valid objects meet.
    pub(super) validations: Vec<Validation>,
}

/// Operations that write objects.
pub(super) const WRITES: &[&str] = &["CREATE", "UPDATE"];

/// Kinds of one API group, in all versions, whose objects are in namespaces.
pub(super) fn namespaced(
    group: &'static str,
    plurals: Vec<&'static str>,
    operations: &'static [&'static str],
) -> ResourceRule {
    ResourceRule { api_groups: [group], api_versions: ["*"], operations, resources: plurals, scope: "Namespaced" }
}

/// Namespaces themselves.
pub(super) fn namespaces(operations: &'static [&'static str]) -> ResourceRule {
    ResourceRule { api_groups: [""], api_versions: ["*"], operations, resources: vec!["namespaces"], scope: "Cluster" }
}

/// Requests of Kubernetes itself aren't validated: it deletes the objects of deleted namespaces and owners, and creates its
/// own namespaces.
pub(super) fn not_the_control_plane() -> MatchCondition {
    let expression = "!(\"system:serviceaccounts:kube-system\" in request.userInfo.groups) && \
                      !(request.userInfo.username in [\"system:apiserver\", \"system:kube-controller-manager\"])";
    MatchCondition { name: "not-the-control-plane", expression: expression.to_owned() }
}

/// Only requests that create an object or change its spec are validated. Otherwise an object that violates a rule could not
/// even be labelled, or lose its finalizers.
pub(super) fn new_spec() -> MatchCondition {
    let expression = "request.operation == \"CREATE\" || object.?spec != oldObject.?spec".to_owned();
    MatchCondition { name: "says-something-new", expression }
}

/// A condition that valid objects meet, with the message for authors of other objects.
pub(super) fn validation(guardrails: &Guardrails, expression: String, rule: &str) -> Known<Validation> {
    let contact = guardrails.contact()?;
    Ok(Validation { expression, message: format!("{rule} Ask {contact}."), reason: "Forbidden" })
}

impl At<Guardrails> {
    /// The policy validates requests outside the root namespace, of users who aren't exempt.
    pub(super) fn policy(
        &self,
        rules: Known<Rules>,
        context: &DefaultsContext,
        key: Key,
        stage: Stage,
    ) -> Known<Object> {
        let Rules { resources, conditions: more, variables, validations } = rules?;
        let condition = |name, expression| MatchCondition { name, expression };
        let root = cel::string(context.root_namespace());
        let mut conditions = vec![condition("outside-the-root-namespace", format!("request.namespace != {root}"))];
        conditions.extend(more);
        let exempt = self.exempt_groups()?;
        if !exempt.is_empty() {
            let groups = cel::strings(&exempt);
            let is_not_exempt = format!("!request.userInfo.groups.exists(group, group in {groups})");
            conditions.push(condition("not-exempt", is_not_exempt));
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
        context.object(key, &spec, stage, spec_from(&self.at))
    }

    /// The binding puts the policy of the same name into effect, in the namespaces of the selector or in all.
    pub(super) fn binding(
        &self,
        context: &DefaultsContext,
        key: Key,
        stage: Stage,
        selects_namespaces: bool,
    ) -> Known<Object> {
        let match_labels = if selects_namespaces { self.namespace_selector()? } else { StringMap::new() };
        let spec = ValidatingAdmissionPolicyBinding {
            policy_name: key.name.clone(),
            validation_actions: [self.action()?.kubernetes()],
            match_resources: MatchResources {
                match_policy: "Equivalent",
                namespace_selector: Selector { match_labels },
                object_selector: Selector::default(),
            },
        };
        context.object(key, &spec, stage, spec_from(&self.at))
    }
}
