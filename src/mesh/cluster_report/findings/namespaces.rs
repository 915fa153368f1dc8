//! Best practices of namespaces and their pods: sidecars and identities.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::Departures;
use crate::{
    json_path::at,
    known::Known,
    mesh::{
        cluster_report::{
            BestPractice,
            data_plane::{DataPlane, data_plane, injection_label},
            installation::{ControlPlane, tags},
            observed::Observed,
        },
        istio::{INJECTION, REVISION},
        live_objects::{
            annotation_value, has_sidecar, is_pod_active, label, name, namespace, pod_service_account, summarize_names,
        },
        outbound_policy::selects_all_workloads,
    },
    object::kind,
};

pub(super) fn check(observed: &Observed, out: &mut Departures) {
    let pods = observed.visible(&kind::POD);
    let active: Vec<&Json> = pods.into_iter().filter(|pod| is_pod_active(pod)).collect();
    for namespace in observed.namespaces() {
        check_labels(namespace, observed, out);
        check_proxies(namespace, &active, observed, out);
    }
    check_accounts(&active, out);
    // Without the Sidecars or the Namespaces nothing is said of them.
    let _ = check_sidecars(observed, out);
}

fn object(namespace: &Json) -> String {
    format!("Namespace/{}", name(namespace))
}

fn check_labels(namespace: &Json, observed: &Observed, out: &mut Departures) {
    if data_plane(namespace) == DataPlane::Ambient {
        out.report(BestPractice::Ambient, object(namespace), "The namespace is labelled for ambient mode.");
    }
    if label(namespace, INJECTION).is_some() && label(namespace, REVISION).is_some() {
        out.report(
            BestPractice::TwoInjectionLabels,
            object(namespace),
            format!("The namespace has the labels {INJECTION} and {REVISION}."),
        );
    }
    if let (Some((REVISION, revision)), Ok(known)) = (injection_label(namespace), revisions_and_tags(observed))
        && !known.contains(revision)
    {
        out.report(
            BestPractice::UnknownRevision,
            object(namespace),
            format!("The label {REVISION} is {revision}, and the revisions and tags are {}.", summarize_names(known)),
        );
    }
}

fn revisions_and_tags<'a>(observed: &Observed<'a>) -> Known<BTreeSet<&'a str>> {
    let revisions = ControlPlane::all(observed)?.into_iter().map(ControlPlane::revision);
    Ok(revisions.chain(tags(observed.results)?.into_keys()).collect())
}

/// Whether a pod can't have a sidecar, or asks for none.
fn opts_out(pod: &Json) -> bool {
    const INJECT: &str = "sidecar.istio.io/inject";
    at(pod, &["spec", "hostNetwork"]).as_bool() == Some(true)
        || label(pod, INJECT) == Some("false")
        || annotation_value(pod, INJECT) == Some("false")
}

fn check_proxies(live: &Json, pods: &[&Json], observed: &Observed, out: &mut Departures) {
    let home = name(live);
    let is_exempt = home == observed.mesh.root_namespace || home.starts_with("kube-");
    let without_proxy =
        pods.iter().filter(|pod| namespace(pod) == home && !has_sidecar(pod) && !opts_out(pod)).map(|pod| name(pod));
    let mut without_proxy = without_proxy.peekable();
    if is_exempt || without_proxy.peek().is_none() {
        return;
    }
    let names = summarize_names(without_proxy);
    match (data_plane(live), injection_label(live)) {
        (DataPlane::Sidecar, _) => {
            out.report(BestPractice::PodMissingProxy, object(live), format!("Pods without a sidecar: {names}."));
        }
        (DataPlane::None, None) => out.report(
            BestPractice::NamespaceNotInjected,
            object(live),
            format!("The namespace has no label for injection. Pods without a sidecar: {names}."),
        ),
        _ => {}
    }
}

fn check_accounts(pods: &[&Json], out: &mut Departures) {
    let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for pod in pods.iter().filter(|pod| has_sidecar(pod) && pod_service_account(pod) == "default") {
        names.entry(namespace(pod)).or_default().push(name(pod));
    }
    for (namespace, names) in names {
        out.report(
            BestPractice::DefaultAccount,
            format!("ServiceAccount/{namespace}/default"),
            format!("Pods run as it: {}.", summarize_names(names)),
        );
    }
}

fn check_sidecars(observed: &Observed, out: &mut Departures) -> Known<()> {
    let has_default = |sidecars: Vec<&Json>| sidecars.into_iter().any(selects_all_workloads);
    if has_default(observed.of_root(&kind::SIDECAR)?) {
        return Ok(());
    }
    for live in observed.namespaces().into_iter().filter(|live| data_plane(live) == DataPlane::Sidecar) {
        if observed.of_namespace(&kind::SIDECAR, name(live)).is_ok_and(|sidecars| !has_default(sidecars)) {
            out.report(
                BestPractice::MissingSidecar,
                object(live),
                "Neither the namespace nor the mesh has a Sidecar for all workloads.",
            );
        }
    }
    Ok(())
}
