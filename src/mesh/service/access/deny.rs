//! The DENY policy of `deny` blocks, which Istio evaluates before any ALLOW policy.

use super::{
    policy::{Action, policy as shared},
    rule::rule,
};
use crate::{
    known::Known,
    mesh::service::Site,
    object::{Key, Object},
};

/// The suffix of its name.
pub(super) const SUFFIX: &str = "deny";

/// A rule for each block, in their order.
pub(super) fn policy(site: &Site, key: Key) -> Known<Object> {
    let blocks = site.service.authorization.deny.known()?;
    let rules = blocks.iter().map(|block| rule(site, block)).collect::<Known<Vec<_>>>()?;
    let blocks_at = blocks.iter().enumerate().map(|(n, block)| (format!("spec.rules[{n}]"), block.at.clone()));
    shared(site, key, Action::Deny, rules, blocks_at)
}
