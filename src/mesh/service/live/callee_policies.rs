//! The authorization policies of the called Services: whether one of them can allow the service.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::{caller_identity::CallerIdentity, calls::called_services, queries::LiveQueries, view::ServiceView};
use crate::{
    json_path::{at, text},
    known::Known,
    mesh::{
        checks::{Code::RefusedByCallee, Findings},
        live_objects::{namespace, namespaced_name, selector_matches_labels, string_map, summarize_objects},
        manifest::StringMap,
        policy_evaluation::is_dry_run,
    },
    object::kind,
};

pub(super) fn live_queries(view: &ServiceView, queries: &mut LiveQueries) {
    let Ok(services) = called_services(view) else { return };
    let mut namespaces: BTreeSet<&str> = services.iter().filter_map(|service| service.namespace.as_deref()).collect();
    if !namespaces.is_empty() {
        namespaces.insert(&view.context.mesh.root_namespace);
    }
    for namespace in namespaces {
        queries.list(&kind::AUTHORIZATION_POLICY, namespace, &[RefusedByCallee]);
    }
    for service in services {
        queries.get(service, &[RefusedByCallee]);
    }
}

pub(super) fn live_checks(view: &ServiceView, out: &mut Findings) {
    // The check is skipped where it needs an unknown value or a query without a result.
    let _ = check_policies(view, out);
}

fn check_policies(view: &ServiceView, out: &mut Findings) -> Known<()> {
    let account = view.context.service.service_account()?;
    let principal = view.context.service.principal(view.context.mesh)?;
    let caller = CallerIdentity { principal, namespace: view.context.namespace, account };
    let mut refused = BTreeMap::new();
    for service in called_services(view)?.iter().filter_map(|key| view.results.get(key).ok().flatten()) {
        let policies = allow_policies(view, service).unwrap_or_default();
        if !policies.is_empty() && !policies.iter().any(|policy| caller.may_be_allowed_by(policy)) {
            refused.insert(namespaced_name(service), summarize_objects(policies));
        }
    }
    if !refused.is_empty() {
        let refused: Vec<String> = refused
            .iter()
            .map(|(service, policies)| format!("{service} (by AuthorizationPolicy {policies})"))
            .collect();
        out.report(
            RefusedByCallee,
            "calls",
            "Callee doesn't admit this service",
            &format!(
                "AuthorizationPolicies of callees don't admit {}: {}. Ask the owner to allow it. If this run does, ignore this.",
                caller.principal,
                refused.join(", ")
            ),
        );
    }
    Ok(())
}

/// The enforced ALLOW policies of the pods of a Service. Without any, Istio allows every request.
pub(super) fn allow_policies<'a>(view: &ServiceView<'a>, service: &Json) -> Known<Vec<&'a Json>> {
    let labels = string_map(service, &["spec", "selector"]);
    if labels.is_empty() {
        return Ok(Vec::new());
    }
    let root = view.context.mesh.root_namespace.as_str();
    let mut policies = view.results.list(&kind::AUTHORIZATION_POLICY, namespace(service))?;
    if namespace(service) != root {
        // Teams often have no right to read the root namespace. Then the callee's own policies decide.
        policies.extend(view.results.list(&kind::AUTHORIZATION_POLICY, root).unwrap_or_default());
    }
    policies.retain(|policy| allows_requests_to(policy, &labels));
    Ok(policies)
}

/// Whether a policy is an enforced ALLOW policy of workloads with these labels.
fn allows_requests_to(policy: &Json, labels: &StringMap) -> bool {
    let spec = at(policy, &["spec"]);
    matches!(text(spec, &["action"]), None | Some("ALLOW"))
        && !is_dry_run(policy)
        && at(spec, &["targetRef"]).is_null()
        && at(spec, &["targetRefs"]).is_null()
        && selector_matches_labels(&string_map(spec, &["selector", "matchLabels"]), labels)
}
