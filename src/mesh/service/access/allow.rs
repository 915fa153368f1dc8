//! The ALLOW policy. It is rendered unless `authorization_mode` is `off`: callers that it doesn't name are refused.

use std::collections::BTreeSet;

use super::{
    Access,
    policy::{Action, policy as shared},
    rule::rule,
};
use crate::{
    diagnostics::Path,
    known::Known,
    mesh::{
        istio::authorization_policy::{Operation, Rule, To},
        reference::Caller,
        service::{Ingress, Site},
        sources::sources,
    },
    object::{Key, Object},
};

/// Rules for the blocks in their order, then for the gateways of `ingress`, then for `access`.
pub(super) fn policy(site: &Site, key: Key) -> Known<Object> {
    let blocks = site.service.allow()?;
    let mut rules = blocks.iter().map(|block| rule(site, block)).collect::<Known<Vec<_>>>()?;
    let ingress = site.service.ingress.known()?;
    for block in ingress {
        rules.push(ingress_rule(site, block)?);
    }
    if let Some(caller) = access_caller(site)? {
        let from = sources(&BTreeSet::from([caller]), &BTreeSet::new(), site.namespace, site.mesh);
        rules.push(Rule { from, ..Rule::default() });
    }
    let access = ("spec.rules".to_owned(), Path::root().attribute("access"));
    let blocks_at = blocks.iter().enumerate().map(|(n, block)| (format!("spec.rules[{n}]"), block.at.clone()));
    let ingress =
        ingress.iter().enumerate().map(|(n, block)| (format!("spec.rules[{}]", blocks.len() + n), block.at.clone()));
    shared(site, key, Action::Allow, rules, std::iter::once(access).chain(blocks_at).chain(ingress))
}

/// A gateway may call the port that it forwards requests to, with the paths that remain after a rewrite.
fn ingress_rule(site: &Site, block: &Ingress) -> Known<Rule> {
    let operation = Operation {
        ports: BTreeSet::from([block.target(site.service.ports()?)?.target_port()?]),
        paths: block.forwarded_paths()?,
        ..Operation::default()
    };
    let from = sources(&BTreeSet::from([block.caller()?]), &BTreeSet::new(), site.namespace, site.mesh);
    Ok(Rule { from, to: vec![To { operation }], ..Rule::default() })
}

/// The callers that `access` admits: where it is set, or where no `allow` block replaces its default.
pub(super) fn access_caller(site: &Site) -> Known<Option<Caller>> {
    let access = match site.service.authorization.access.copied()? {
        Some(access) => access,
        None if site.service.allow()?.is_empty() => Access::Namespace,
        None => Access::None,
    };
    Ok(match access {
        Access::Namespace => Some(Caller::Namespace(site.namespace.to_owned())),
        Access::None => None,
        Access::Mesh => Some(Caller::Any),
    })
}
