//! The DENY policy of requests without the token of an end user. A RequestAuthentication alone refuses only tokens that are
//! wrong, and lets requests without one in.

use std::collections::BTreeSet;

use super::{
    policy::{Action, policy as shared},
    rule::http_ports,
};
use crate::{
    diagnostics::Path,
    known::{Known, Unknown, as_known},
    mesh::{
        istio::authorization_policy::{Condition, Operation, Rule, To},
        service::Site,
    },
    object::{Key, Object},
};

/// What its name ends with.
pub(super) const SUFFIX: &str = "end-user";

/// One rule: no verified token has an issuer. Its ports are written, or it would close TCP ports, where there is no token.
///
/// Not by `notRequestPrincipals`, which would refuse tokens without the claim `sub` too, that an `allow` block lets in.
pub(super) fn policy(site: &Site, key: Key) -> Known<Object> {
    let required = as_known(&site.service.authorization.require_end_user)?.as_ref().ok_or(Unknown)?;
    let not_paths = required.except_paths.clone()?.unwrap_or_default();
    let operation = Operation { not_paths, ports: http_ports(site)?, ..Operation::default() };
    let nobody = Condition { not_values: BTreeSet::from(["*".to_owned()]), ..Condition::claim("iss") };
    let rule = Rule { to: vec![To { operation }], when: vec![nobody], ..Rule::default() };
    let place = ("spec.rules".to_owned(), Path::root().attribute("require_end_user"));
    shared(site, key, Action::Deny, vec![rule], std::iter::once(place))
}
