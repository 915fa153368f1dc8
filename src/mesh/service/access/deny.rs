//! The DENY policy of `deny` blocks. It beats every ALLOW policy.

use super::{
    policy::{Action, policy as shared},
    rule::rule,
};
use crate::{
    known::{Known, as_known},
    mesh::service::Site,
    object::{Key, Object},
};

/// What its name ends with.
pub(super) const SUFFIX: &str = "deny";

/// The blocks in their order.
pub(super) fn policy(site: &Site, key: Key) -> Known<Object> {
    let blocks = as_known(&site.service.authorization.deny)?;
    let rules = blocks.iter().map(|block| rule(site, block)).collect::<Known<Vec<_>>>()?;
    let places = blocks.iter().enumerate().map(|(n, block)| (format!("spec.rules[{n}]"), block.at.clone()));
    shared(site, key, Action::Deny, rules, places)
}
