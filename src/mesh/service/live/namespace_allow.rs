//! The callers that `allow` of the namespace's `mesh_namespace` admits beside those of the service: Istio adds ALLOW policies up, and the
//! arguments of a service can't know of it.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::{queries::LiveQueries, view::ServiceView};
use crate::{
    known::Known,
    mesh::{
        checks::{Code::NamespaceAllow, Findings},
        live_objects::{annotation_value, items, namespaced_name, strings, summarize_names},
        live_policies::is_enforced,
        names,
        service::AuthorizationMode,
    },
    object::{annotation, kind, resource_id, resource_type},
};

pub(super) fn live_queries(view: &ServiceView, queries: &mut LiveQueries) {
    if restricts_callers(view) {
        queries.list(&kind::AUTHORIZATION_POLICY, view.context.namespace, &[NamespaceAllow]);
    }
}

pub(super) fn live_checks(view: &ServiceView, out: &mut Findings) {
    // The check is skipped where it needs an unknown value or a query without a result.
    let _ = check(view, out);
}

/// Whether the service says who may call it.
fn restricts_callers(view: &ServiceView) -> bool {
    view.allow_policies().next().is_some() && view.context.authorization_mode() == Ok(AuthorizationMode::Enforce)
}

fn check(view: &ServiceView, out: &mut Findings) -> Known<()> {
    if !restricts_callers(view) {
        return Ok(());
    }
    let own: BTreeSet<String> = view.allow_policies().flat_map(callers).collect();
    for policy in view.live_objects(&kind::AUTHORIZATION_POLICY)? {
        let resource = annotation_value(policy, annotation::RESOURCE).unwrap_or_default();
        if resource_id(resource_type::NAMESPACE, resource).is_none() || !is_enforced(policy, "ALLOW") {
            continue;
        }
        let added: BTreeSet<String> = callers(policy).difference(&own).cloned().collect();
        if !added.is_empty() {
            out.report(
                NamespaceAllow,
                "allow",
                "The namespace lets further callers in",
                &format!(
                    "The policy {} of a mesh_namespace admits {} to every workload of {}, in addition to the callers that \
                     this service allows. effective_callers doesn't include them. To refuse them here, write a deny block; \
                     otherwise ask the owner of the namespace to remove them from allow of the mesh_namespace.",
                    namespaced_name(policy),
                    summarize_names(added.iter().map(String::as_str)),
                    view.context.namespace
                ),
            );
        }
    }
    Ok(())
}

/// The callers that the rules of a policy name.
fn callers(policy: &Json) -> BTreeSet<String> {
    let mut callers = BTreeSet::new();
    for rule in items(policy, &["spec", "rules"]) {
        let sources = items(rule, &["from"]);
        if sources.is_empty() {
            callers.insert("everyone".to_owned());
        }
        for source in sources {
            let principals = strings(source, &["source", "principals"]).map(describe);
            let namespaces = strings(source, &["source", "namespaces"]).map(|namespace| format!("{namespace}/*"));
            let named: Vec<String> = principals.chain(namespaces).collect();
            callers.extend(if named.is_empty() { vec!["everyone".to_owned()] } else { named });
        }
    }
    callers
}

/// A principal as arguments name callers.
fn describe(principal: &str) -> String {
    match names::service_account_of(principal) {
        Some((namespace, account)) => format!("{namespace}/{account}"),
        None if principal == "*" => "every workload of the mesh".to_owned(),
        None => principal.to_owned(),
    }
}
