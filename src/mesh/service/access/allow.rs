//! The ALLOW policy. It is rendered unless `authorization_mode` is `off`: callers that it doesn't name are refused.

use std::collections::BTreeSet;

use super::{
    Access,
    policy::{Action, render_policy},
    rule::rule,
};
use crate::{
    diagnostics::Path,
    known::Known,
    mesh::{
        istio::authorization_policy::{Operation, Rule, To},
        reference::Caller,
        service::{Ingress, ServiceContext},
        sources::sources,
    },
    object::{Key, Object},
};

/// Renders the policy with rules for the `allow` blocks in their order, then for the gateways of `ingress`, then for `access`.
pub(super) fn policy(context: &ServiceContext, key: Key) -> Known<Object> {
    let blocks = context.service.allow()?;
    let mut rules = blocks.iter().map(|block| rule(context, block)).collect::<Known<Vec<_>>>()?;
    let ingress = context.service.ingress.known()?;
    for block in ingress {
        rules.push(ingress_rule(context, block)?);
    }
    if let Some(caller) = access_caller(context)? {
        let from = sources(&BTreeSet::from([caller]), &BTreeSet::new(), context.namespace, context.mesh);
        rules.push(Rule { from, ..Rule::default() });
    }
    let access = ("spec.rules".to_owned(), Path::root().attribute("access"));
    let blocks_at = blocks.iter().enumerate().map(|(n, block)| (format!("spec.rules[{n}]"), block.at.clone()));
    let ingress =
        ingress.iter().enumerate().map(|(n, block)| (format!("spec.rules[{}]", blocks.len() + n), block.at.clone()));
    render_policy(context, key, Action::Allow, rules, std::iter::once(access).chain(blocks_at).chain(ingress))
}

/// Returns the rule that admits the gateway of an `ingress` block: to the port that it forwards requests to, with the paths
/// after the rewrite.
fn ingress_rule(context: &ServiceContext, block: &Ingress) -> Known<Rule> {
    let operation = Operation {
        ports: BTreeSet::from([block.target(context.service.ports()?)?.target_port()?]),
        paths: block.forwarded_paths()?,
        ..Operation::default()
    };
    let from = sources(&BTreeSet::from([block.caller()?]), &BTreeSet::new(), context.namespace, context.mesh);
    Ok(Rule { from, to: vec![To { operation }], ..Rule::default() })
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
