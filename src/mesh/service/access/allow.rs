//! The ALLOW policy. It is rendered unless `authorization_mode` is `off`: callers that it doesn't name are refused.

use std::collections::BTreeSet;

use super::{
    Access, gateways,
    policy::{Action, render_policy},
    rule::{Effect, rule, target_ports},
};
use crate::{
    diagnostics::Path,
    known::Known,
    mesh::{
        istio::authorization_policy::{Operation, Rule, Source, To},
        reference::Caller,
        service::ServiceContext,
        sources::sources,
    },
    object::{Key, Object},
};

/// Renders the policy with rules for the `allow` blocks in their order, then for the gateways of `ingress`, then for `access`.
pub(super) fn policy(context: &ServiceContext, key: Key) -> Known<Object> {
    let mut rules = Vec::new();
    for block in context.service.allow()? {
        rules.push((rule(context, block, Effect::Allow)?, block.at.clone()));
    }
    for block in context.service.ingress.known()? {
        if !gateways::is_named_by_allow(context, block)? {
            rules.push((gateways::ingress_rule(context, block)?, block.at.clone()));
        }
    }
    let access = Path::root().attribute("access");
    if let Some(caller) = access_caller(context)? {
        rules.push((access_rule(context, caller)?, access.clone()));
    }
    let (rules, origins): (Vec<Rule>, Vec<Path>) = rules.into_iter().unzip();
    let origins = origins.into_iter().enumerate().map(|(n, at)| (format!("spec.rules[{n}]"), at));
    render_policy(context, key, Action::Allow, rules, std::iter::once(("spec.rules".to_owned(), access)).chain(origins))
}

/// Returns the rule of `access`: on the declared ports, or on all if there are none.
fn access_rule(context: &ServiceContext, caller: Caller) -> Known<Rule> {
    let operation = Operation { ports: target_ports(context.service.ports()?)?, ..Operation::default() };
    let from = sources(&BTreeSet::from([caller]), &Source::default(), context.namespace, context.mesh);
    Ok(Rule { from, to: To::unless_any(operation), ..Rule::default() })
}

/// Returns the callers that `access` admits. Its default applies only without `allow` blocks.
pub(in crate::mesh::service) fn access_caller(context: &ServiceContext) -> Known<Option<Caller>> {
    let access = match context.service.authorization.access.copied()? {
        Some(access) => access,
        None if context.service.allow()?.is_empty() => Access::Namespace,
        None => Access::None,
    };
    Ok(match access {
        Access::Namespace => Some(Caller::Namespace(context.namespace.to_owned())),
        Access::None => None,
        Access::Mesh => Some(Caller::Any),
    })
}
