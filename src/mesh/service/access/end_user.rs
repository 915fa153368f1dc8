//! The DENY policy for requests without the token of an end user. A RequestAuthentication alone refuses only invalid tokens,
//! and admits requests without one.

use std::collections::BTreeSet;

use super::{
    policy::{Action, render_policy},
    rule::http_ports,
};
use crate::{
    diagnostics::Path,
    known::{Known, Unknown},
    mesh::{
        istio::authorization_policy::{Condition, Operation, Rule, To},
        service::ServiceContext,
    },
    object::{Key, Object},
};

/// The suffix of the policy's name.
pub(super) const SUFFIX: &str = "end-user";

/// Renders the policy with one rule, which matches requests without a verified token, which have no claim `iss`. It names its
/// ports: otherwise it would refuse all connections to TCP ports, which carry no tokens.
///
/// The rule doesn't use `notRequestPrincipals`, which also refuses tokens without the claim `sub`, even where an `allow` block
/// admits them.
pub(super) fn policy(context: &ServiceContext, key: Key) -> Known<Object> {
    let block = context.service.authorization.require_end_user.known()?.ok_or(Unknown)?;
    let (not_paths, not_methods) = (block.except_paths.elements_or_empty()?, block.except_methods.elements_or_empty()?);
    let operation = Operation { not_paths, not_methods, ports: http_ports(context)?, ..Operation::default() };
    let no_issuer = Condition { not_values: BTreeSet::from(["*".to_owned()]), ..Condition::claim("iss") };
    let rule = Rule { to: vec![To { operation }], when: vec![no_issuer], ..Rule::default() };
    let origin = ("spec.rules".to_owned(), Path::root().attribute("require_end_user"));
    render_policy(context, key, Action::Deny, vec![rule], std::iter::once(origin))
}
