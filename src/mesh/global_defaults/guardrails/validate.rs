//! Rules across arguments of the block.

use std::collections::BTreeSet;

use super::{Guardrails, RestrictedKind, global_names::distinguishes_namespaces};
use crate::{
    diagnostics::Diagnostics,
    mesh::{Mesh, labels},
    schema::At,
};

impl At<Guardrails> {
    /// Reports violations of rules that don't need the arguments of the provider.
    pub(in crate::mesh::global_defaults) fn validate(&self, out: &mut Diagnostics) {
        labels::validate_selector(&self.namespace_selector, &self.at.attribute("namespace_selector"), out);
        let root_only = self.root_only();
        let enabled = [
            self.team_rules(),
            self.workload_rules(),
            self.protect_platform_objects(),
            self.require_namespace_labels(),
        ];
        if root_only.as_ref().is_ok_and(BTreeSet::is_empty) && enabled.iter().all(|is_enabled| *is_enabled == Ok(false))
        {
            out.error(
                &self.at,
                "Guardrails without a rule",
                "Write root_only, team_rules = true, workload_rules = true, protect_platform_objects = true or \
                 require_namespace_labels = true; or remove the block.",
            );
        }
        self.validate_requirements(out);
        if root_only.is_ok_and(|kinds| kinds.contains(&RestrictedKind::PeerAuthentication))
            && self.exempt_groups().is_ok_and(|groups| groups.is_empty())
        {
            out.error(
                &self.at.attribute("exempt_groups"),
                "Guardrails leave no way to except ports from mTLS",
                "With PeerAuthentication in root_only, an exception for a namespace or a port is refused to every user outside the \
                 root namespace, the platform's own pipeline included. Write the groups of those who may, or take it out of \
                 root_only.",
            );
        }
        let granted = [("global_names", self.global_names()), ("ingress_hosts", self.ingress_hosts())];
        for (argument, names) in granted {
            if self.team_rules() == Ok(false) && names.is_ok_and(|names| !names.is_empty()) {
                out.error(
                    &self.at.attribute(argument),
                    format!("{argument} without team_rules"),
                    "This argument grants names to namespaces, and only team_rules checks them. Write team_rules = true, \
                     or remove the argument.",
                );
            }
        }
    }

    /// Reports guardrails that would keep out the platform itself, and those that need a selection of namespaces.
    fn validate_requirements(&self, out: &mut Diagnostics) {
        let has_no_selector = self.namespace_selector().is_ok_and(|labels| labels.is_empty());
        let has_no_exempt_groups = self.exempt_groups().is_ok_and(|groups| groups.is_empty());
        let mut require = |is_missing: bool, argument: &str, (needs, reason): (&str, &str)| {
            if is_missing {
                out.error(
                    &self.at.attribute(argument),
                    format!("{argument} without {needs}"),
                    format!("{reason} Write {needs}, or remove {argument}."),
                );
            }
        };
        let pods =
            "Without namespace_selector, pods of kube-system, of gateways and of Istio itself would be refused, too.";
        let selector = "namespace_selector says which labels a namespace must have.";
        let exempt = "Without exempt_groups, the platform's own pipeline would be refused, too.";
        let [workloads, objects, labels] =
            [self.workload_rules(), self.protect_platform_objects(), self.require_namespace_labels()]
                .map(|is_enabled| is_enabled == Ok(true));
        require(workloads && has_no_selector, "workload_rules", ("namespace_selector", pods));
        require(objects && has_no_exempt_groups, "protect_platform_objects", ("exempt_groups", exempt));
        require(labels && has_no_selector, "require_namespace_labels", ("namespace_selector", selector));
        require(labels && has_no_exempt_groups, "require_namespace_labels", ("exempt_groups", exempt));
        let admits_values = self.pod_annotations().is_ok_and(|values| !values.is_empty());
        require(
            admits_values && self.workload_rules() == Ok(false),
            "pod_annotations",
            ("workload_rules", "pod_annotations lists values that workload_rules admits."),
        );
    }

    /// Warns of a template that may give services of two namespaces the same name.
    pub(in crate::mesh::global_defaults) fn validate_in_mesh(&self, mesh: &Mesh, out: &mut Diagnostics) {
        let Some(template) = &mesh.global_name_template else { return };
        if self.team_rules() == Ok(true) && !distinguishes_namespaces(&template.to_string()) {
            out.warn(
                &self.at.attribute("team_rules"),
                "Global names don't distinguish namespaces",
                format!(
                    "With the provider's global_name_template {:?}, services of two namespaces can get the same global \
                     name, and team_rules would let both use it. Put {{namespace}} between dots, as in \
                     \"{{name}}.{{namespace}}.example.internal\".",
                    template.to_string()
                ),
            );
        }
    }
}
