//! The pods of the service, and their identity.

use serde_json::Value as Json;

use super::{
    LiveQueries, View,
    live_objects::{
        containers, format_labels, has_sidecar, is_istio_proxy, name, pod_service_account, summarize_names,
    },
    namespace,
};
use crate::{
    json_path::at,
    known::Known,
    mesh::{
        checks::{
            Code::{MissingAccount, NoWorkload, OtherAccount, PodMissingProxy, ProxyUser},
            Findings,
        },
        names,
    },
    object::{Key, kind},
};

/// The user that the sidecar runs as. Its traffic isn't redirected to the sidecar, or it would go round in circles.
const PROXY_USER: i64 = 1337;

pub(super) fn live_queries(view: &View, wants: &mut LiveQueries) {
    wants.all(&kind::POD, view.site.namespace, &[PodMissingProxy, NoWorkload, OtherAccount, ProxyUser]);
    if view.site.service.create_service_account() == Ok(false)
        && let Ok(key) = account_key(view)
    {
        wants.one(key, &[MissingAccount]);
    }
}

pub(super) fn live_checks(view: &View, out: &mut Findings) {
    // A check that needs what nobody knows says nothing.
    let _ = pods(view, out);
    let _ = service_account(view, out);
}

fn pods(view: &View, out: &mut Findings) -> Known<()> {
    let (pods, home) = (view.pods()?, view.site.namespace);
    if pods.is_empty() && !view.awaits_its_chart() {
        out.report(
            NoWorkload,
            "selector",
            "No pod is selected",
            &format!(
                "No pod in {home} is labelled {}, so no rule of this service holds anywhere. If its workload comes later, all \
                 is well; else correct selector.",
                format_labels(&view.site.selector()?)
            ),
        );
    }
    let of = |rule: &dyn Fn(&Json) -> bool| -> Vec<&str> {
        pods.iter().filter(|pod| rule(pod)).map(|pod| name(pod)).collect()
    };
    let bare = of(&|pod| !has_sidecar(pod));
    let told = matches!(view.namespace(), Ok(Some(namespace)) if !namespace::is_injected(namespace));
    if !bare.is_empty() && !told {
        out.report(
            PodMissingProxy,
            "selector",
            "Pods without a sidecar",
            &format!(
                "{} of {} pods in {home} have no container istio-proxy: {}. Nobody is refused there, and where mutual TLS is \
                 strict their own calls fail. Restart the workload, and see that no pod is annotated or labelled \
                 sidecar.istio.io/inject=false.",
                bare.len(),
                pods.len(),
                summarize_names(bare)
            ),
        );
    }
    let proxies = of(&|pod| runs_as_proxy(pod));
    if !proxies.is_empty() {
        out.report(
            ProxyUser,
            "selector",
            "A container runs as the sidecar's user",
            &format!(
                "Containers of {} in {home} run as user {PROXY_USER}, whose traffic goes past the sidecar: unencrypted, and by \
                 no rule. Give them another runAsUser.",
                summarize_names(proxies)
            ),
        );
    }
    let wanted = view.site.service.service_account()?;
    let others = of(&|pod| pod_service_account(pod) != wanted);
    if !others.is_empty() {
        let accounts =
            summarize_names(pods.iter().map(|pod| pod_service_account(pod)).filter(|account| account != wanted));
        out.report(
            OtherAccount,
            "service_account",
            "Pods run as another service account",
            &format!(
                "In {home}, {} run as {accounts}, not as {wanted}. Those whom this service calls see that identity, and what is \
                 allowed to {} isn't allowed to them. Correct serviceAccountName in the workload, or service_account here.",
                summarize_names(others),
                names::principal(&view.site.mesh.trust_domain, home, wanted)
            ),
        );
    }
    Ok(())
}

fn runs_as_proxy(pod: &Json) -> bool {
    let user = |of: &Json| at(of, &["securityContext", "runAsUser"]).as_i64();
    let whole = user(at(pod, &["spec"])) == Some(PROXY_USER);
    containers(pod).filter(|container| !is_istio_proxy(container)).any(|container| match user(container) {
        Some(own) => own == PROXY_USER,
        None => whole,
    })
}

fn service_account(view: &View, out: &mut Findings) -> Known<()> {
    if view.site.service.create_service_account()? || view.awaits_its_chart() {
        return Ok(());
    }
    let key = account_key(view)?;
    if view.found.get(&key)?.is_none() {
        out.report(
            MissingAccount,
            "service_account",
            "The service account isn't there",
            &format!(
                "{} has no ServiceAccount {}, and pods that name it don't start. Let the workload's chart make it, or set \
                 create_service_account = true.",
                view.site.namespace, key.name
            ),
        );
    }
    Ok(())
}

fn account_key(view: &View) -> Known<Key> {
    Ok(Key::new(&kind::SERVICE_ACCOUNT, view.site.namespace, view.site.service.service_account()?))
}
