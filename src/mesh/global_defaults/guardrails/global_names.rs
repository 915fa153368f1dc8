//! Global names that admission policies know: those of the provider's template, and those that `global_names` grants.

use std::collections::BTreeSet;

use super::{Guardrails, cel};
use crate::{known::Known, mesh::Mesh};

/// The global names of the mesh, as CEL conditions on the variable `host`.
pub(super) struct GlobalNames {
    /// The names that the namespace of a request may define.
    pub(super) condition: String,
    /// The same condition in words, for messages.
    pub(super) description: String,
    /// The names of all namespaces.
    pub(super) any_namespace: String,
}

pub(super) fn global_names(mesh: &Mesh, guardrails: &Guardrails) -> Known<GlobalNames> {
    let (mut own, mut any, mut descriptions) = (Vec::new(), Vec::new(), Vec::new());
    if let Some(template) = &mesh.global_name_template {
        let template = template.to_string();
        own.push(cel::is_host(&template));
        any.push(cel::is_host(&template.replace("{namespace}", "{name}")));
        descriptions.push(template);
    }
    let granted = guardrails.global_names()?;
    if !granted.is_empty() {
        own.push(format!("host in {}[?request.namespace].orValue([])", cel::map(&granted)));
        any.push(format!("host in {}", cel::strings(granted.values().flatten().collect::<BTreeSet<_>>())));
        descriptions.push("what the central team granted it".to_owned());
    }
    if descriptions.is_empty() {
        descriptions.push("there are none in this mesh".to_owned());
    }
    Ok(GlobalNames { condition: any_of(&own), description: descriptions.join(", or "), any_namespace: any_of(&any) })
}

/// The condition that is met if one of `conditions` is.
fn any_of(conditions: &[String]) -> String {
    if conditions.is_empty() { "false".to_owned() } else { format!("({})", conditions.join(" || ")) }
}

/// Whether the template always gives services of different namespaces different names: `{namespace}` stands alone between
/// dots.
pub(super) fn distinguishes_namespaces(template: &str) -> bool {
    template.split('.').any(|part| part == "{namespace}")
}
