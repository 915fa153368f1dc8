//! Checks of a change that need the configuration alone: arguments whose effect the plan doesn't show.

use super::{
    Service,
    access::{AuthorizationMode, access_caller},
};
use crate::{
    known::Known,
    mesh::{
        Mesh, access_change,
        checks::{
            Code::{OpenedAccess, PolicyOverride},
            Findings,
        },
        narrowed_calls,
    },
    object::kind,
};

impl Service {
    /// Checks a create (without `prior`) or an update.
    pub fn checks_of_change(prior: Option<&Self>, planned: &Self, mesh: &Mesh, out: &mut Findings) {
        // Each check is skipped where it needs an unknown value.
        let _ = prior.map(|prior| check_access(prior, planned, mesh, out));
        let _ = prior.map(|prior| check_callers(prior, planned, mesh, out));
        let _ = prior.map(|prior| check_calls(prior, planned, mesh, out));
        let _ = check_overridden_policies(planned, out);
    }

    /// Whether an `override` block patches an AuthorizationPolicy, so that the arguments don't say who may call.
    pub(super) fn overrides_policies(&self) -> Known<bool> {
        let kinds = self.r#override.known()?.iter().map(|block| block.kind.required());
        let kinds: Vec<&String> = kinds.collect::<Known<_>>()?;
        Ok(kinds.into_iter().any(|patched| patched == kind::AUTHORIZATION_POLICY.kind))
    }
}

/// Reports that the default of `access` admits the namespace after this change, and not before. That happens without a written
/// change where a `dynamic "allow"` block has no elements any more.
fn check_access(prior: &Service, planned: &Service, mesh: &Mesh, out: &mut Findings) -> Known<()> {
    let (before, after) = (prior.context(mesh)?, planned.context(mesh)?);
    let is_enforced = [&before, &after].map(|context| context.authorization_mode() == Ok(AuthorizationMode::Enforce));
    let is_default = planned.authorization.access.known()?.is_none() && planned.allow()?.is_empty();
    if is_enforced != [true, true] || !is_default || access_caller(&before)?.is_some() {
        return Ok(());
    }
    out.report(
        OpenedAccess,
        "allow",
        "Without allow blocks the whole namespace may call",
        &format!(
            "{}/{} has neither an allow block nor access any more: by the default of access every workload of {} may call after \
             this apply. Write access = \"none\" if only allow says who may call, also where a dynamic block has no elements; or \
             access = \"namespace\" if the namespace is meant.",
            after.namespace, after.name, after.namespace
        ),
    );
    Ok(())
}

fn check_overridden_policies(planned: &Service, out: &mut Findings) -> Known<()> {
    for block in planned.r#override.known()? {
        if block.kind.required()? == kind::AUTHORIZATION_POLICY.kind {
            out.report_at(
                PolicyOverride,
                block.at.attribute("patch"),
                "override patches an AuthorizationPolicy",
                "This override patches an AuthorizationPolicy. allow, deny and access no longer decide who may call, no check reads the patched rules, and effective_callers is null. Prefer these arguments, or read the policy in objects.",
            );
        }
    }
    Ok(())
}

/// Reports who gains and who loses access.
fn check_callers(prior: &Service, planned: &Service, mesh: &Mesh, out: &mut Findings) -> Known<()> {
    if prior.overrides_policies()? || planned.overrides_policies()? {
        return Ok(());
    }
    let subject = format!("{}/{}", planned.namespace()?, planned.name()?);
    access_change::report(prior.render(mesh), planned.render(mesh), mesh, "allow", &subject, out)
}

/// Reports destinations that the proxies of the service don't know any more.
fn check_calls(prior: &Service, planned: &Service, mesh: &Mesh, out: &mut Findings) -> Known<()> {
    let Some(calls) = planned.calls.elements()? else { return Ok(()) };
    let home = planned.namespace()?;
    narrowed_calls::report(prior.calls.elements()?, calls, home, mesh, &format!("{home}/{}", planned.name()?), out);
    Ok(())
}
