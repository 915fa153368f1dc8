//! The Namespace: whether its pods get a sidecar.

use serde_json::Value as Json;

use super::{queries::LiveQueries, view::ServiceView};
use crate::mesh::{
    checks::{
        Code::{Ambient, NamespaceNotInjected, TwoInjectionLabels},
        Findings,
    },
    istio::{DATAPLANE_MODE, INJECTION, REVISION},
    live_objects::{has_sidecar, label, name, summarize_names},
};

pub(super) fn live_queries(view: &ServiceView, queries: &mut LiveQueries) {
    queries.get(view.namespace_key(), &[NamespaceNotInjected, TwoInjectionLabels, Ambient]);
}

pub(super) fn live_checks(view: &ServiceView, out: &mut Findings) {
    let pods = view.pods().unwrap_or_default();
    check_ambient_mode(view, &pods, out);
    if let Ok(Some(namespace)) = view.live_namespace() {
        check_injection(namespace, &pods, out);
        check_injection_labels(namespace, out);
    }
}

fn check_ambient_mode(view: &ServiceView, pods: &[&Json], out: &mut Findings) {
    let is_ambient = |live: &Json| label(live, DATAPLANE_MODE) == Some("ambient");
    let ambient_pods: Vec<&str> = pods.iter().filter(|pod| is_ambient(pod)).map(|pod| name(pod)).collect();
    let subject = match view.live_namespace() {
        Ok(Some(namespace)) if is_ambient(namespace) => format!("Namespace {} is", name(namespace)),
        _ if ambient_pods.is_empty() => return,
        _ => format!("In {}, {} is", view.context.namespace, summarize_names(ambient_pods)),
    };
    out.report(
        Ambient,
        "namespace",
        "Ambient mode isn't supported",
        &format!(
            "{subject} labelled {DATAPLANE_MODE}=ambient. This configuration applies to sidecars: without them, authorization doesn't work as configured. Remove the label and inject sidecars, or leave the service out."
        ),
    );
}

/// A namespace without injection is no problem where all pods have a sidecar by a label of their own.
fn check_injection(namespace: &Json, pods: &[&Json], out: &mut Findings) {
    let all_have_sidecars = !pods.is_empty() && pods.iter().all(|pod| has_sidecar(pod));
    if !is_injected(namespace) && !all_have_sidecars {
        out.report(
            NamespaceNotInjected,
            "namespace",
            "The namespace gets no sidecars",
            &format!(
                "{} is labelled {}, so its pods start without a sidecar, and no rule of this service holds there. \
                 Label it istio-injection=enabled, or istio.io/rev with the revision, and restart the workload.",
                name(namespace),
                format_injection_labels(namespace)
            ),
        );
    }
}

fn check_injection_labels(namespace: &Json, out: &mut Findings) {
    if label(namespace, INJECTION).is_some() && label(namespace, REVISION).is_some() {
        out.report(
            TwoInjectionLabels,
            "namespace",
            "The namespace has two labels for injection",
            &format!(
                "{} is labelled {}. Istio goes by istio-injection and ignores the other, so an upgrade by revision passes it \
                 by. Remove one of them.",
                name(namespace),
                format_injection_labels(namespace)
            ),
        );
    }
}

/// Whether Istio injects a sidecar into the pods of a namespace.
pub(super) fn is_injected(namespace: &Json) -> bool {
    match label(namespace, INJECTION) {
        Some(injection) => injection == "enabled",
        None => label(namespace, REVISION).is_some_and(|revision| !revision.is_empty()),
    }
}

/// Formats the injection labels of a namespace for a message.
fn format_injection_labels(namespace: &Json) -> String {
    let labels = [INJECTION, REVISION].into_iter();
    let labels: Vec<String> = labels.filter_map(|key| Some(format!("{key}={}", label(namespace, key)?))).collect();
    if labels.is_empty() { "with neither istio-injection nor istio.io/rev".to_owned() } else { labels.join(" and ") }
}
