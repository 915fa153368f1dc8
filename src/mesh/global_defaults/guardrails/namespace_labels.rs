//! The guardrail that keeps namespaces under the guardrails, and their pods in the mesh.

use super::{
    Guardrails, cel,
    policy::{Rules, WRITES, namespaces, not_the_control_plane, validation},
};
use crate::{
    known::Known,
    mesh::{
        admission::Variable,
        global_defaults::context::DefaultsContext,
        istio::{INJECTION, REVISION},
    },
};

/// A new namespace has the labels of `namespace_selector`, and no namespace loses them. Labels that decide about injection
/// don't change, and don't turn it off in a new namespace. Existing namespaces without these labels may otherwise be changed.
pub(super) fn rules(_: &DefaultsContext, guardrails: &Guardrails) -> Known<Rules> {
    let selector = guardrails.namespace_selector()?;
    let labels = cel::strings(selector.keys());
    let values = selector.into_iter().map(|(key, value)| (key, [value].into())).collect();
    let is_unchanged = "request.operation == \"UPDATE\" && variables.labels[?key] == variables.before[?key]";
    Ok(Rules {
        resources: vec![namespaces(WRITES)],
        conditions: vec![not_the_control_plane()],
        variables: vec![
            Variable { name: "labels", expression: "object.metadata.?labels.orValue({})".to_owned() },
            Variable {
                name: "before",
                expression: "request.operation == \"UPDATE\" ? oldObject.metadata.?labels.orValue({}) : {}".to_owned(),
            },
        ],
        validations: vec![
            validation(
                guardrails,
                format!(
                    "{labels}.all(key, variables.labels[?key].orValue(\"\") in {}[key] || ({is_unchanged}))",
                    cel::map(&values)
                ),
                &format!(
                    "Rule require_namespace_labels of the mesh: a namespace has the labels by which guardrails select it: {labels}."
                ),
            )?,
            validation(
                guardrails,
                format!(
                    "{}.all(key, ({is_unchanged}) || \
                     (request.operation == \"CREATE\" && !(variables.labels[?key].orValue(\"\") in [\"disabled\", \"none\"])))",
                    cel::strings([INJECTION, REVISION, "istio.io/dataplane-mode"])
                ),
                "Rule require_namespace_labels of the mesh: only the platform may change the labels istio-injection, \
                 istio.io/rev and istio.io/dataplane-mode of a namespace, and a new namespace must not turn proxies off by \
                 them.",
            )?,
        ],
    })
}
