//! The namespace: whether its pods get a sidecar.

use serde_json::Value as Json;

use super::{
    LiveQueries, View,
    live_objects::{has_sidecar, name, summarize_names},
};
use crate::{
    json_path::text,
    mesh::checks::{
        Code::{Ambient, NamespaceNotInjected, TwoInjectionLabels},
        Findings,
    },
};

const INJECTION: &str = "istio-injection";
const REVISION: &str = "istio.io/rev";
const DATAPLANE: &str = "istio.io/dataplane-mode";

pub(super) fn live_queries(view: &View, wants: &mut LiveQueries) {
    wants.one(view.namespace_key(), &[NamespaceNotInjected, TwoInjectionLabels, Ambient]);
}

pub(super) fn live_checks(view: &View, out: &mut Findings) {
    let pods = view.pods().unwrap_or_default();
    ambient(view, &pods, out);
    let Ok(Some(namespace)) = view.namespace() else { return };
    if !is_injected(namespace) && (pods.is_empty() || !pods.iter().all(|pod| has_sidecar(pod))) {
        out.report(
            NamespaceNotInjected,
            "namespace",
            "The namespace gets no sidecars",
            &format!(
                "{} is labelled {}, so its pods start without a sidecar, and no rule of this service holds there. \
                 Label it istio-injection=enabled, or istio.io/rev with the revision, and restart the workload.",
                name(namespace),
                said(namespace)
            ),
        );
    }
    if label(namespace, INJECTION).is_some() && label(namespace, REVISION).is_some() {
        out.report(
            TwoInjectionLabels,
            "namespace",
            "The namespace has two labels for injection",
            &format!(
                "{} is labelled {}. Istio goes by istio-injection and ignores the other, so an upgrade by revision passes it \
                 by. Remove one of them.",
                name(namespace),
                said(namespace)
            ),
        );
    }
}

fn ambient(view: &View, pods: &[&Json], out: &mut Findings) {
    let is_ambient = |live: &Json| label(live, DATAPLANE) == Some("ambient");
    let own: Vec<&str> = pods.iter().filter(|pod| is_ambient(pod)).map(|pod| name(pod)).collect();
    let who = match view.namespace() {
        Ok(Some(namespace)) if is_ambient(namespace) => format!("Namespace {} is", name(namespace)),
        _ if own.is_empty() => return,
        _ => format!("In {}, {} is", view.site.namespace, summarize_names(own)),
    };
    out.report(
        Ambient,
        "namespace",
        "Ambient mode isn't supported",
        &format!(
            "{who} labelled {DATAPLANE}=ambient. What is written here holds in sidecars: without them, rules of who may call \
             don't work as they are written. Remove the label and inject sidecars, or leave the service out."
        ),
    );
}

/// Whether a label has pods injected.
pub(super) fn is_injected(namespace: &Json) -> bool {
    match label(namespace, INJECTION) {
        Some(injection) => injection == "enabled",
        None => label(namespace, REVISION).is_some_and(|revision| !revision.is_empty()),
    }
}

fn said(namespace: &Json) -> String {
    let labels = [INJECTION, REVISION].into_iter();
    let said: Vec<String> = labels.filter_map(|key| Some(format!("{key}={}", label(namespace, key)?))).collect();
    if said.is_empty() { "with neither istio-injection nor istio.io/rev".to_owned() } else { said.join(" and ") }
}

fn label<'a>(live: &'a Json, key: &str) -> Option<&'a str> {
    text(live, &["metadata", "labels", key])
}
