//! The `guardrails` block: ValidatingAdmissionPolicies with their bindings, for objects outside the root namespace. One
//! restricts kinds to the root namespace, the other validates objects of teams.
//!
//! | file | content |
//! | --- | --- |
//! | [`arguments`] | the arguments with their defaults |
//! | [`policy`] | a policy with its binding |
//! | [`root_only`], [`team_rules`] | the rules of the two policies |
//! | [`global_names`] | the global names that a namespace may define |
//! | [`cel`] | expressions in CEL |
//! | [`validate`] | rules across arguments |

mod arguments;
mod cel;
mod global_names;
mod policy;
mod root_only;
mod team_rules;
mod validate;

pub use arguments::{Guardrails, RestrictedKind, ValidationAction};

use super::context::DefaultsContext;
use crate::{
    known::Known,
    mesh::{Mesh, Rendered, stage},
    object::{Key, Stage, kind},
    schema::At,
};

/// A guardrail.
#[derive(Clone, Copy)]
struct Guardrail {
    /// The name of its objects without the root namespace.
    prefix: &'static str,
    rules: fn(&DefaultsContext, &Guardrails) -> Known<policy::Rules>,
}

const ROOT_ONLY: Guardrail = Guardrail { prefix: "mesh-root-only", rules: root_only::rules };
const TEAM_RULES: Guardrail = Guardrail { prefix: "mesh-team-rules", rules: team_rules::rules };

impl Guardrail {
    /// The policy and its binding, with their stages. Both are cluster-scoped, so their names contain the root namespace: a
    /// cluster may have several meshes.
    fn keys(self, mesh: &Mesh) -> [(Key, Stage); 2] {
        let name = format!("{}-{}", self.prefix, mesh.root_namespace);
        [
            (Key::cluster_scoped(&kind::VALIDATING_ADMISSION_POLICY, &name), stage::OPENING),
            (Key::cluster_scoped(&kind::VALIDATING_ADMISSION_POLICY_BINDING, &name), stage::CLOSING),
        ]
    }
}

/// The objects that some configuration of the block renders, with their stages.
pub(super) fn possible_objects(mesh: &Mesh) -> impl Iterator<Item = (Key, Stage)> {
    [ROOT_ONLY, TEAM_RULES].into_iter().flat_map(|guardrail| guardrail.keys(mesh))
}

impl At<Guardrails> {
    /// Renders the policies and their bindings.
    pub(super) fn render(&self, context: &DefaultsContext) -> Rendered {
        let mut guardrails = Vec::new();
        if !self.root_only()?.is_empty() {
            guardrails.push(ROOT_ONLY);
        }
        if self.team_rules()? {
            guardrails.push(TEAM_RULES);
        }
        let objects = |guardrail: Guardrail| {
            let [(policy, policy_stage), (binding, binding_stage)] = guardrail.keys(context.mesh);
            let rules = (guardrail.rules)(context, self);
            [
                (policy.clone(), self.policy(rules, context, policy, policy_stage)),
                (binding.clone(), self.binding(context, binding, binding_stage)),
            ]
        };
        Ok(guardrails.into_iter().flat_map(objects).collect())
    }
}
