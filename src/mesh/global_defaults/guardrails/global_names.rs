//! The global names that a namespace may define: those of the provider's template, and those that `global_names` grants.

use std::collections::BTreeSet;

use super::{Guardrails, cel};
use crate::{known::Known, mesh::Mesh};

/// The global names that the namespace of a request may define.
pub(super) struct GlobalNames {
    /// The CEL condition on the variable `host`.
    pub(super) condition: String,
    /// The same condition in words, for messages.
    pub(super) description: String,
}

pub(super) fn global_names(mesh: &Mesh, guardrails: &Guardrails) -> Known<GlobalNames> {
    let (mut conditions, mut descriptions) = (Vec::new(), Vec::new());
    if let Some(template) = &mesh.global_name_template {
        conditions.push(cel::is_host(&template.to_string()));
        descriptions.push(template.to_string());
    }
    let granted = guardrails.global_names()?;
    if !granted.is_empty() {
        let entry = |(namespace, names): (&String, &BTreeSet<String>)| {
            format!("{}: {}", cel::string(namespace), cel::strings(names))
        };
        let entries: Vec<String> = granted.iter().map(entry).collect();
        conditions.push(format!("host in {{{}}}[?request.namespace].orValue([])", entries.join(", ")));
        descriptions.push("what the central team granted it".to_owned());
    }
    if conditions.is_empty() {
        let description = "there are none in this mesh".to_owned();
        return Ok(GlobalNames { condition: "false".to_owned(), description });
    }
    Ok(GlobalNames { condition: format!("({})", conditions.join(" || ")), description: descriptions.join(", or ") })
}

/// Whether the template always gives services of different namespaces different names: `{namespace}` stands alone between
/// dots.
pub(super) fn distinguishes_namespaces(template: &str) -> bool {
    template.split('.').any(|part| part == "{namespace}")
}
