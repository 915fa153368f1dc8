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
        if root_only.as_ref().is_ok_and(BTreeSet::is_empty) && self.team_rules() == Ok(false) {
            out.error(
                &self.at,
                "Guardrails keep nothing from anybody",
                "Write root_only, team_rules = true, or both; or remove the block.",
            );
        }
        if root_only.is_ok_and(|kinds| kinds.contains(&RestrictedKind::PeerAuthentication))
            && self.exempt_groups().is_ok_and(|groups| groups.is_empty())
        {
            out.error(
                &self.at.attribute("exempt_groups"),
                "Nobody could make an exception from mTLS",
                "With PeerAuthentication in root_only, an exception for a namespace or a port is refused to everybody outside the \
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
                    "They say which names team_rules admit. Write team_rules = true, or remove them.",
                );
            }
        }
    }

    /// Warns of a template that may give services of two namespaces the same name.
    pub(in crate::mesh::global_defaults) fn validate_in_mesh(&self, mesh: &Mesh, out: &mut Diagnostics) {
        let Some(template) = &mesh.global_name_template else { return };
        if self.team_rules() == Ok(true) && !distinguishes_namespaces(&template.to_string()) {
            out.warn(
                &self.at.attribute("team_rules"),
                "Global names don't say whose they are",
                format!(
                    "The provider's global_name_template is {:?}, in which {{namespace}} is no part of its own, so a name may be \
                     that of services in two namespaces, and team_rules let both take it. With {{namespace}} between dots they \
                     can tell, as in \"{{name}}.{{namespace}}.example.internal\".",
                    template.to_string()
                ),
            );
        }
    }
}
