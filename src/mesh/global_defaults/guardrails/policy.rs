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
    },
    object::{Key, Object, Stage},
    schema::At,
};

/// What a policy validates.
pub(super) struct Rules {
    /// The kinds of the objects.
    pub(super) resources: Vec<ResourceRule>,
    /// The CEL variables that validations share.
    pub(super) variables: Vec<Variable>,
    /// The conditions that valid objects meet.
    pub(super) validations: Vec<Validation>,
}

/// Kinds of one API group, in all versions.
pub(super) fn resources(group: &'static str, plurals: Vec<&'static str>) -> ResourceRule {
    ResourceRule {
        api_groups: [group],
        api_versions: ["*"],
        operations: ["CREATE", "UPDATE"],
        resources: plurals,
        scope: "*",
    }
}

/// A condition that valid objects meet, with the message for authors of other objects.
pub(super) fn validation(guardrails: &Guardrails, expression: String, rule: &str) -> Known<Validation> {
    let contact = guardrails.contact()?;
    Ok(Validation { expression, message: format!("{rule} Ask {contact}."), reason: "Forbidden" })
}

impl At<Guardrails> {
    /// The policy validates requests outside the root namespace that create an object or change its spec. Other changes to an
    /// existing object are allowed; otherwise an object that violates a rule could not even be labelled, or lose its
    /// finalizers.
    pub(super) fn policy(
        &self,
        rules: Known<Rules>,
        context: &DefaultsContext,
        key: Key,
        stage: Stage,
    ) -> Known<Object> {
        let Rules { resources, variables, validations } = rules?;
        let condition = |name, expression| MatchCondition { name, expression };
        let root = cel::string(context.root_namespace());
        let mut conditions = vec![
            condition("outside-the-root-namespace", format!("request.namespace != {root}")),
            condition(
                "says-something-new",
                "request.operation == \"CREATE\" || object.?spec != oldObject.?spec".to_owned(),
            ),
        ];
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

    /// The binding puts the policy of the same name into effect.
    pub(super) fn binding(&self, context: &DefaultsContext, key: Key, stage: Stage) -> Known<Object> {
        let spec = ValidatingAdmissionPolicyBinding {
            policy_name: key.name.clone(),
            validation_actions: [self.action()?.kubernetes()],
            match_resources: MatchResources {
                match_policy: "Equivalent",
                namespace_selector: Selector { match_labels: self.namespace_selector()? },
                object_selector: Selector::default(),
            },
        };
        context.object(key, &spec, stage, spec_from(&self.at))
    }
}
