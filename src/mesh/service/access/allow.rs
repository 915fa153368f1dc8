//! The ALLOW policy. It is there unless nothing is checked: with it, who isn't named is refused.

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

/// The blocks in their order, then the gateways that send requests from outside, then what `access` adds.
pub(super) fn policy(site: &Site, key: Key) -> Known<Object> {
    let blocks = site.service.allow()?;
    let mut rules = blocks.iter().map(|block| rule(site, block)).collect::<Known<Vec<_>>>()?;
    let ways_in = site.service.ingress()?;
    for way in ways_in {
        rules.push(way_in(site, way)?);
    }
    if let Some(caller) = access_caller(site)? {
        let from = sources(&BTreeSet::from([caller]), &BTreeSet::new(), site.namespace, site.mesh);
        rules.push(Rule { from, ..Rule::default() });
    }
    let access = ("spec.rules".to_owned(), Path::root().attribute("access"));
    let places = blocks.iter().enumerate().map(|(n, block)| (format!("spec.rules[{n}]"), block.at.clone()));
    let ways_in =
        ways_in.iter().enumerate().map(|(n, way)| (format!("spec.rules[{}]", blocks.len() + n), way.at.clone()));
    shared(site, key, Action::Allow, rules, std::iter::once(access).chain(places).chain(ways_in))
}

/// What a gateway may call is what it is told to send: its port, and the paths as they arrive.
fn way_in(site: &Site, way: &Ingress) -> Known<Rule> {
    let operation = Operation {
        ports: BTreeSet::from([way.port(site.service.ports()?)?.target_port?]),
        paths: way.seen_paths()?,
        ..Operation::default()
    };
    let from = sources(&BTreeSet::from([way.caller()?]), &BTreeSet::new(), site.namespace, site.mesh);
    Ok(Rule { from, to: vec![To { operation }], ..Rule::default() })
}

/// Whom `access` lets in: where it is written, or where no block replaces its default.
pub(super) fn access_caller(site: &Site) -> Known<Option<Caller>> {
    let access = match site.service.authorization.access? {
        Some(written) => written,
        None if site.service.allow()?.is_empty() => Access::Namespace,
        None => Access::None,
    };
    Ok(match access {
        Access::Namespace => Some(Caller::Namespace(site.namespace.to_owned())),
        Access::None => None,
        Access::Mesh => Some(Caller::Any),
    })
}
