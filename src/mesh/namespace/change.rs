//! Checks of a change that need the configuration alone.

use super::Namespace;
use crate::{
    known::Known,
    mesh::{Mesh, access_change, checks::Findings, narrowed_calls},
};

impl Namespace {
    /// Checks an update.
    pub fn checks_of_change(prior: Option<&Self>, planned: &Self, mesh: &Mesh, out: &mut Findings) {
        // Each check is skipped where it needs an unknown value.
        let _ = prior.map(|prior| check_calls(prior, planned, mesh, out));
        let _ = prior.map(|prior| check_callers(prior, planned, mesh, out));
    }
}

/// Reports destinations that the proxies of the namespace don't know any more.
fn check_calls(prior: &Namespace, planned: &Namespace, mesh: &Mesh, out: &mut Findings) -> Known<()> {
    let Some(calls) = planned.calls.elements()? else { return Ok(()) };
    let name = planned.name.required()?;
    narrowed_calls::report(prior.calls.elements()?, calls, name, mesh, name, out);
    Ok(())
}

/// Reports the callers that deny-all refuses or admits from now on. Services with policies of their own admit others beside those.
fn check_callers(prior: &Namespace, planned: &Namespace, mesh: &Mesh, out: &mut Findings) -> Known<()> {
    let argument = if planned.allow.known()?.is_empty() { "authorization_mode" } else { "allow" };
    let subject = format!("workloads of {} without policies of their own", planned.name.required()?);
    access_change::report(prior.render(mesh), planned.render(mesh), mesh, argument, &subject, out)
}
