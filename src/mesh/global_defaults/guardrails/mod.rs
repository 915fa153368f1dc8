//! The `guardrails` block: ValidatingAdmissionPolicies with their bindings, for objects outside the root namespace.
//!
//! | file | content |
//! | --- | --- |
//! | [`arguments`] | the arguments with their defaults |
//! | [`policy`] | a policy with its binding |
//! | [`root_only`], [`team_rules`], [`workload_rules`], [`platform_objects`], [`namespace_labels`] | the rules of each policy |
//! | [`pod_settings`] | the annotations and labels of pods that `workload_rules` validates |
//! | [`global_names`] | the global names that a namespace may define |
//! | [`cel`] | expressions in CEL |
//! | [`validate`] | rules across arguments |

mod arguments;
mod cel;
mod global_names;
mod namespace_labels;
mod platform_objects;
mod pod_settings;
mod policy;
mod root_only;
mod team_rules;
mod validate;
mod workload_rules;

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
    is_enabled: fn(&Guardrails) -> Known<bool>,
    rules: fn(&DefaultsContext, &Guardrails) -> Known<policy::Rules>,
    /// Whether it holds in the namespaces of `namespace_selector` alone, or in all.
    selects_namespaces: bool,
}

/// All guardrails. That for Namespaces is about labels, so it can't select by labels.
const GUARDRAILS: [Guardrail; 5] = [
    Guardrail {
        prefix: "mesh-root-only",
        is_enabled: |guardrails| Ok(!guardrails.root_only()?.is_empty()),
        rules: root_only::rules,
        selects_namespaces: true,
    },
    Guardrail {
        prefix: "mesh-team-rules",
        is_enabled: Guardrails::team_rules,
        rules: team_rules::rules,
        selects_namespaces: true,
    },
    Guardrail {
        prefix: "mesh-workload-rules",
        is_enabled: Guardrails::workload_rules,
        rules: workload_rules::rules,
        selects_namespaces: true,
    },
    Guardrail {
        prefix: "mesh-platform-objects",
        is_enabled: Guardrails::protect_platform_objects,
        rules: platform_objects::rules,
        selects_namespaces: true,
    },
    Guardrail {
        prefix: "mesh-namespace-labels",
        is_enabled: Guardrails::require_namespace_labels,
        rules: namespace_labels::rules,
        selects_namespaces: false,
    },
];

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
    GUARDRAILS.into_iter().flat_map(|guardrail| guardrail.keys(mesh))
}

impl At<Guardrails> {
    /// Renders the policies and their bindings.
    pub(super) fn render(&self, context: &DefaultsContext) -> Rendered {
        let mut enabled = Vec::new();
        for guardrail in GUARDRAILS {
            if (guardrail.is_enabled)(self)? {
                enabled.push(guardrail);
            }
        }
        let objects = |guardrail: Guardrail| {
            let [(policy, policy_stage), (binding, binding_stage)] = guardrail.keys(context.mesh);
            let rules = (guardrail.rules)(context, self);
            [
                (policy.clone(), self.policy(rules, context, policy, policy_stage)),
                (binding.clone(), self.binding(context, binding, binding_stage, guardrail.selects_namespaces)),
            ]
        };
        Ok(enabled.into_iter().flat_map(objects).collect())
    }
}
