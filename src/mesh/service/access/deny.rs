//! The DENY policy of `deny` blocks, which Istio evaluates before any ALLOW policy.

use super::{
    policy::{Action, render_policy},
    rule::{Effect, rule},
};
use crate::{
    known::Known,
    mesh::service::ServiceContext,
    object::{Key, Object},
};

/// The suffix of the policy's name.
pub(super) const SUFFIX: &str = "deny";

/// Renders the policy with a rule for each block, in their order.
pub(super) fn policy(context: &ServiceContext, key: Key) -> Known<Object> {
    let blocks = context.service.authorization.deny.known()?;
    let rules = blocks.iter().map(|block| rule(context, block, Effect::Deny)).collect::<Known<Vec<_>>>()?;
    let blocks_at = blocks.iter().enumerate().map(|(n, block)| (format!("spec.rules[{n}]"), block.at.clone()));
    render_policy(context, key, Action::Deny, rules, blocks_at)
}
