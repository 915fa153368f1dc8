//! Checks of a change that need the configuration alone: who gains or loses access, whose tokens workloads refuse, and what their
//! proxies don't know any more.

use super::GlobalDefaults;
use crate::{
    known::Known,
    mesh::{
        Mesh, access_change,
        checks::{
            Code::{ForeignTokens, NarrowedCalls},
            Findings,
        },
    },
};

impl GlobalDefaults {
    /// Checks a create (without `prior`) or an update.
    pub fn checks_of_change(prior: Option<&Self>, planned: &Self, mesh: &Mesh, out: &mut Findings) {
        // Each check is skipped where it needs an unknown value.
        let _ = prior.map(|prior| check_callers(prior, planned, mesh, out));
        let _ = check_tokens(prior, planned, out);
        let _ = check_sidecar(prior, planned, out);
    }
}

fn check_callers(prior: &GlobalDefaults, planned: &GlobalDefaults, mesh: &Mesh, out: &mut Findings) -> Known<()> {
    let subject = "workloads without policies of their own";
    access_change::report(prior.render(mesh), planned.render(mesh), mesh, "authorization", subject, out)
}

/// Whether workloads everywhere verify tokens.
fn verifies_everywhere(defaults: &GlobalDefaults) -> Known<bool> {
    Ok(defaults.jwt.known()?.iter().any(|block| block.is_for_all_workloads()))
}

/// Reports the first issuer for all workloads: tokens that they didn't look at are refused from then on.
fn check_tokens(prior: Option<&GlobalDefaults>, planned: &GlobalDefaults, out: &mut Findings) -> Known<()> {
    if verifies_everywhere(planned)? && prior.is_none_or(|prior| verifies_everywhere(prior) != Ok(true)) {
        out.report(
            ForeignTokens,
            "jwt",
            "Every workload refuses tokens of other issuers",
            "A jwt block without namespace and selector holds for every workload: from this apply on, requests with a bearer token that no jwt block \
             verifies get 401, opaque tokens and those of other issuers among them. Write a jwt block for each issuer, or give the \
             block the namespace or selector of the workloads that it is for.",
        );
    }
    Ok(())
}

/// Reports a first `sidecar` block.
fn check_sidecar(prior: Option<&GlobalDefaults>, planned: &GlobalDefaults, out: &mut Findings) -> Known<()> {
    let has_sidecar = |defaults: &GlobalDefaults| defaults.sidecar.known().map(|block| block.is_some());
    if has_sidecar(planned)? && prior.is_none_or(|prior| has_sidecar(prior) != Ok(true)) {
        out.report(
            NarrowedCalls,
            "sidecar",
            "Proxies know only what sidecar lists",
            "From this apply on, workloads without calls of their own know the services of sidecar alone: by default those of their \
             own namespace and of the root namespace. With outbound_traffic_policy = \"registry_only\", calls of other namespaces, of \
             external hosts and of the Kubernetes API fail (502, or a reset connection). Write calls for services that call others, \
             and list the Kubernetes API as \"default/kubernetes\" where workloads use it.",
        );
    }
    Ok(())
}
