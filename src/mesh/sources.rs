//! Callers as sources of AuthorizationPolicy rules.

use std::collections::BTreeSet;

use super::{
    Mesh,
    istio::authorization_policy::{From, Source},
    names,
    reference::Caller,
};

/// Converts callers to the `from` of a rule. Each source also has the fields of `limits`, such as addresses. `own_namespace` is
/// the namespace of the resource that has the references. The result is empty for `anonymous` without limits, since a rule
/// without sources matches every caller.
pub fn sources(callers: &BTreeSet<Caller>, limits: &Source, own_namespace: &str, mesh: &Mesh) -> Vec<From> {
    let (mut principals, mut namespaces) = (BTreeSet::new(), BTreeSet::new());
    for caller in callers {
        match caller {
            Caller::Anonymous => {}
            Caller::Any => {
                principals.insert("*".to_owned());
            }
            Caller::Namespace(namespace) => {
                namespaces.insert(namespace.clone());
            }
            Caller::Workload { namespace, service_account } => {
                let namespace = namespace.as_deref().unwrap_or(own_namespace);
                principals.insert(names::principal(&mesh.trust_domain, namespace, service_account));
            }
            Caller::Principal { trust_domain, namespace, service_account } => {
                principals.insert(names::principal(trust_domain, namespace, service_account));
            }
        }
    }
    let mut sources = Vec::new();
    if callers.contains(&Caller::Anonymous) {
        sources.push(limits.clone());
    } else {
        if !principals.is_empty() {
            sources.push(Source { principals, ..limits.clone() });
        }
        if !namespaces.is_empty() {
            sources.push(Source { namespaces, ..limits.clone() });
        }
    }
    sources.into_iter().filter(|source| *source != Source::default()).map(|source| From { source }).collect()
}
