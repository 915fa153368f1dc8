//! Checks of a change that need the configuration alone.

use super::Namespace;
use crate::{
    known::Known,
    mesh::{Mesh, checks::Findings, narrowed_calls},
};

impl Namespace {
    /// Checks an update.
    pub fn checks_of_change(prior: Option<&Self>, planned: &Self, mesh: &Mesh, out: &mut Findings) {
        // The check is skipped where it needs an unknown value.
        let _ = prior.map(|prior| check_calls(prior, planned, mesh, out));
    }
}

/// Reports destinations that the proxies of the namespace don't know any more.
fn check_calls(prior: &Namespace, planned: &Namespace, mesh: &Mesh, out: &mut Findings) -> Known<()> {
    let Some(calls) = planned.calls.elements()? else { return Ok(()) };
    let name = planned.name.required()?;
    narrowed_calls::report(prior.calls.elements()?, calls, name, mesh, name, out);
    Ok(())
}
