//! The guardrail that keeps pods behind their proxies. Pods are created of every Deployment, Job and other workload, so that
//! templates of pods needn't be validated.

use super::{
    Guardrails, cel,
    pod_settings::{ANNOTATIONS, LABELS, Setting},
    policy::{Rules, WRITES, namespaced, validation},
};
use crate::{
    known::Known,
    mesh::{
        admission::{Validation, Variable},
        global_defaults::context::DefaultsContext,
    },
};

/// The rules hold for pods after injection, since the API server validates after all webhooks that change objects.
pub(super) fn rules(_: &DefaultsContext, guardrails: &Guardrails) -> Known<Rules> {
    let variable = |name, field: &str| {
        let expression = format!(
            "{{\"now\": object.metadata.?{field}.orValue({{}}), \
             \"before\": request.operation == \"UPDATE\" ? oldObject.metadata.?{field}.orValue({{}}) : {{}}}}"
        );
        Variable { name, expression }
    };
    Ok(Rules {
        resources: vec![namespaced("", vec!["pods"], WRITES)],
        conditions: Vec::new(),
        variables: vec![variable("annotations", "annotations"), variable("labels", "labels")],
        validations: vec![
            setting_rule(guardrails, "annotations", ANNOTATIONS)?,
            setting_rule(guardrails, "labels", LABELS)?,
            validation(
                guardrails,
                "!object.spec.?hostNetwork.orValue(false)".to_owned(),
                "Rule workload_rules of the mesh: a pod with hostNetwork gets no proxy.",
            )?,
        ],
    })
}

/// Each setting that a pod has must be admitted, unless the pod had it before.
fn setting_rule(guardrails: &Guardrails, field: &str, settings: &[Setting]) -> Known<Validation> {
    let mut granted = guardrails.pod_annotations()?;
    let admitted = settings.iter().map(|Setting { key, admitted }| {
        let values = admitted.iter().map(|value| (*value).to_owned());
        ((*key).to_owned(), values.chain(granted.remove(*key).unwrap_or_default()).collect())
    });
    let admitted = admitted.collect();
    let keys = cel::strings(settings.iter().map(|setting| setting.key));
    validation(
        guardrails,
        format!(
            "{keys}.all(key, !(key in variables.{field}.now) || variables.{field}.now[key] in {}[key] || \
             variables.{field}.now[?key] == variables.{field}.before[?key])",
            cel::map(&admitted)
        ),
        &format!(
            "Rule workload_rules of the mesh: {field} of a pod must not let traffic bypass the proxy or change the proxy's \
             configuration. One of these has a value that isn't allowed: {}. Remove it.",
            settings.iter().map(|setting| setting.key).collect::<Vec<_>>().join(", ")
        ),
    )
}
