//! Best practices of policies: who may call, with which identity, and encrypted.

use serde_json::Value as Json;

use super::Departures;
use crate::{
    json_path::{at, text},
    known::Known,
    mesh::{
        cluster_report::{BestPractice, observed::Observed},
        live_objects::{items, namespace, namespaced_name, string_map, strings},
        live_policies::{admits_everything, applies, is_enforced, is_strict},
        manifest::StringMap,
        policy_evaluation::is_dry_run,
    },
    object::kind,
};

pub(super) fn check(observed: &Observed, out: &mut Departures) {
    check_authorization(observed, out);
    check_mtls(observed, out);
    check_tokens(observed, out);
}

fn check_authorization(observed: &Observed, out: &mut Departures) {
    let root = &observed.mesh.root_namespace;
    let is_open = |policy: &&&Json| is_enforced(policy, "ALLOW") && admits_everything(policy);
    for policy in observed.visible(&kind::AUTHORIZATION_POLICY).iter().filter(is_open) {
        out.report(
            BestPractice::OpenPolicy,
            format!("AuthorizationPolicy/{}", namespaced_name(policy)),
            "A rule without from, to and when admits every request.",
        );
    }
    // An ALLOW policy for all workloads makes them refuse what it, and others, don't allow.
    let denies_by_default = |policy: &Json| {
        is_enforced(policy, "ALLOW") && !admits_everything(policy) && applies(policy, root, &StringMap::new(), root)
    };
    if let Ok(policies) = observed.of_root(&kind::AUTHORIZATION_POLICY)
        && !policies.into_iter().any(denies_by_default)
    {
        out.report(
            BestPractice::MissingDenyAll,
            format!("Namespace/{root}"),
            format!("{root} has no enforced ALLOW policy for all workloads."),
        );
    }
}

fn check_mtls(observed: &Observed, out: &mut Departures) {
    let root = &observed.mesh.root_namespace;
    if let Ok(authentications) = observed.of_root(&kind::PEER_AUTHENTICATION)
        && !is_strict(&authentications, root, &StringMap::new(), root, None)
    {
        out.report(
            BestPractice::PermissiveMtls,
            format!("Namespace/{root}"),
            format!("{root} has no PeerAuthentication of mode STRICT for all workloads."),
        );
    }
    for authentication in observed.visible(&kind::PEER_AUTHENTICATION) {
        let is_of_mesh = namespace(authentication) == root
            && string_map(authentication, &["spec", "selector", "matchLabels"]).is_empty();
        let accepts_clear_text = |mode: Option<&str>| matches!(mode, Some("PERMISSIVE" | "DISABLE"));
        let ports = at(authentication, &["spec", "portLevelMtls"]).as_object().into_iter().flatten();
        let ports = ports.filter(|(_, mtls)| accepts_clear_text(text(mtls, &["mode"])));
        let mut places: Vec<String> = ports.map(|(port, _)| format!("port {port}")).collect();
        if accepts_clear_text(text(authentication, &["spec", "mtls", "mode"])) {
            places.insert(0, "all ports without a mode of their own".to_owned());
        }
        if !is_of_mesh && !places.is_empty() {
            out.report(
                BestPractice::MtlsException,
                format!("PeerAuthentication/{}", namespaced_name(authentication)),
                format!("Clear text is accepted on {}.", places.join(", ")),
            );
        }
    }
}

fn check_tokens(observed: &Observed, out: &mut Departures) {
    let verifies = |live: &&Json| !items(live, &["spec", "jwtRules"]).is_empty();
    for authentication in observed.visible(&kind::REQUEST_AUTHENTICATION).into_iter().filter(verifies) {
        if is_token_required(observed, namespace(authentication)) == Ok(false) {
            out.report(
                BestPractice::UnrequiredToken,
                format!("RequestAuthentication/{}", namespaced_name(authentication)),
                "No enforced policy for these workloads requires a token.",
            );
        }
    }
}

/// Whether an enforced policy requires a token of workloads of the namespace `home`: one of the namespace or of the root namespace.
/// A policy of any namespace counts for the root namespace, so all must have been read then.
fn is_token_required(observed: &Observed, home: &str) -> Known<bool> {
    let root = &observed.mesh.root_namespace;
    let policies = if home == root {
        observed.of_cluster(&kind::AUTHORIZATION_POLICY)?
    } else {
        let mut policies = observed.of_namespace(&kind::AUTHORIZATION_POLICY, home)?;
        policies.extend(observed.of_root(&kind::AUTHORIZATION_POLICY)?);
        policies
    };
    Ok(policies.into_iter().any(|policy| !is_dry_run(policy) && names_tokens(policy)))
}

/// Whether a rule of the policy depends on a token.
fn names_tokens(policy: &Json) -> bool {
    items(policy, &["spec", "rules"]).iter().any(|rule| {
        let in_source = items(rule, &["from"]).iter().any(|from| {
            ["requestPrincipals", "notRequestPrincipals"]
                .iter()
                .any(|field| strings(from, &["source", field]).next().is_some())
        });
        in_source
            || items(rule, &["when"])
                .iter()
                .any(|condition| text(condition, &["key"]).is_some_and(|key| key.starts_with("request.auth.")))
    })
}
