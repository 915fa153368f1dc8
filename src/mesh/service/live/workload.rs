//! The pods of the service, and their service account.

use serde_json::Value as Json;

use super::{namespace::is_injected, queries::LiveQueries, view::ServiceView};
use crate::{
    json_path::at,
    known::Known,
    mesh::{
        checks::{
            Code::{MissingAccount, NoWorkload, OtherAccount, PodMissingProxy, ProxyUser},
            Findings,
        },
        live_objects::{
            containers, format_labels, has_sidecar, is_istio_proxy, name, pod_service_account, summarize_names,
        },
    },
    object::{Key, kind},
};

/// The user id that the sidecar runs as. Traffic of this user isn't redirected to the sidecar, since its own would come back
/// to it.
const PROXY_USER: i64 = 1337;

pub(super) fn live_queries(view: &ServiceView, queries: &mut LiveQueries) {
    queries.list(&kind::POD, view.context.namespace, &[PodMissingProxy, NoWorkload, OtherAccount, ProxyUser]);
    if view.context.service.create_service_account() == Ok(false)
        && let Ok(key) = account_key(view)
    {
        queries.get(key, &[MissingAccount]);
    }
}

pub(super) fn live_checks(view: &ServiceView, out: &mut Findings) {
    // Each check is skipped where it needs an unknown value or a query without a result.
    if let Ok(pods) = view.pods() {
        let _ = check_selector(view, &pods, out);
        check_sidecars(view, &pods, out);
        check_users(view, &pods, out);
        let _ = check_accounts_of_pods(view, &pods, out);
    }
    let _ = check_service_account(view, out);
}

/// The names of the pods that satisfy a condition.
fn names_where<'a>(pods: &[&'a Json], condition: impl Fn(&Json) -> bool) -> Vec<&'a str> {
    pods.iter().filter(|pod| condition(pod)).map(|pod| name(pod)).collect()
}

fn check_selector(view: &ServiceView, pods: &[&Json], out: &mut Findings) -> Known<()> {
    if pods.is_empty() && !view.is_undeployed() {
        out.report(
            NoWorkload,
            "selector",
            "selector matches no pod",
            &format!(
                "No pod in {} is labelled {}, so no rule of this service holds anywhere. If its workload is deployed later, ignore this; otherwise correct selector.",
                view.context.namespace,
                format_labels(&view.context.selector()?)
            ),
        );
    }
    Ok(())
}

fn check_sidecars(view: &ServiceView, pods: &[&Json], out: &mut Findings) {
    if matches!(view.live_namespace(), Ok(Some(namespace)) if !is_injected(namespace)) {
        // The checks of the Namespace report it.
        return;
    }
    let without_sidecar = names_where(pods, |pod| !has_sidecar(pod));
    if !without_sidecar.is_empty() {
        out.report(
            PodMissingProxy,
            "selector",
            "Pods without a sidecar",
            &format!(
                "{} of {} pods in {} have no container istio-proxy: {}. No request is refused there, and under strict mutual TLS their own calls fail. Restart the workload, and see that no pod is annotated or labelled \
                 sidecar.istio.io/inject=false.",
                without_sidecar.len(),
                pods.len(),
                view.context.namespace,
                summarize_names(without_sidecar)
            ),
        );
    }
}

fn check_users(view: &ServiceView, pods: &[&Json], out: &mut Findings) {
    let bypassing = names_where(pods, runs_as_proxy_user);
    if !bypassing.is_empty() {
        out.report(
            ProxyUser,
            "selector",
            "Container runs as user 1337, the sidecar's",
            &format!(
                "Containers of {} in {} run as user {PROXY_USER}, whose traffic bypasses the sidecar, unencrypted and without authorization. Give them another runAsUser.",
                summarize_names(bypassing),
                view.context.namespace
            ),
        );
    }
}

/// Whether a container of the pod, other than the sidecar, runs as the user of the sidecar. The user of a container takes
/// precedence over that of its pod.
fn runs_as_proxy_user(pod: &Json) -> bool {
    let user = |of: &Json| at(of, &["securityContext", "runAsUser"]).as_i64();
    let pod_user = user(at(pod, &["spec"]));
    let mut others = containers(pod).filter(|container| !is_istio_proxy(container));
    others.any(|container| user(container).or(pod_user) == Some(PROXY_USER))
}

fn check_accounts_of_pods(view: &ServiceView, pods: &[&Json], out: &mut Findings) -> Known<()> {
    let (account, home) = (view.context.service.service_account()?, view.context.namespace);
    let others = names_where(pods, |pod| pod_service_account(pod) != account);
    if !others.is_empty() {
        let accounts = pods.iter().map(|pod| pod_service_account(pod)).filter(|own| own != account);
        out.report(
            OtherAccount,
            "service_account",
            "Pods run as another service account",
            &format!(
                "In {home}, {} run as service account {}, not as {account}. Services that they call see that identity, so \
                 rules that admit {} don't admit them. Correct serviceAccountName in the workload, or service_account \
                 here.",
                summarize_names(others),
                summarize_names(accounts),
                view.context.service.principal(view.context.mesh)?
            ),
        );
    }
    Ok(())
}

fn check_service_account(view: &ServiceView, out: &mut Findings) -> Known<()> {
    if view.context.service.create_service_account()? || view.is_undeployed() {
        return Ok(());
    }
    let key = account_key(view)?;
    if view.results.get(&key)?.is_none() {
        out.report(
            MissingAccount,
            "service_account",
            "ServiceAccount doesn't exist",
            &format!(
                "{} has no ServiceAccount {}, and pods that name it don't start. Let the workload's chart make it, or set \
                 create_service_account = true.",
                view.context.namespace, key.name
            ),
        );
    }
    Ok(())
}

/// The key of the ServiceAccount.
fn account_key(view: &ServiceView) -> Known<Key> {
    Ok(Key::new(&kind::SERVICE_ACCOUNT, view.context.namespace, view.context.service.service_account()?))
}
