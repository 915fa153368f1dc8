//! The DENY policy for requests without the token of an end user. A RequestAuthentication alone refuses only invalid tokens,
//! and admits requests without one.

use std::collections::BTreeSet;

use super::{
    policy::{Action, policy as shared},
    rule::http_ports,
};
use crate::{
    diagnostics::Path,
    known::{Known, Unknown},
    mesh::{
        istio::authorization_policy::{Condition, Operation, Rule, To},
        service::Site,
    },
    object::{Key, Object},
};

/// The suffix of its name.
pub(super) const SUFFIX: &str = "end-user";

/// One rule that matches requests without a verified token, which have no claim `iss`. It names its ports: otherwise it would
/// refuse all connections to TCP ports, which carry no tokens.
///
/// The rule doesn't use `notRequestPrincipals`, which also refuses tokens without the claim `sub`, even where an `allow` block
/// admits them.
pub(super) fn policy(site: &Site, key: Key) -> Known<Object> {
    let required = site.service.authorization.require_end_user.known()?.ok_or(Unknown)?;
    let not_paths = required.except_paths.elements_or_empty()?;
    let operation = Operation { not_paths, ports: http_ports(site)?, ..Operation::default() };
    let no_issuer = Condition { not_values: BTreeSet::from(["*".to_owned()]), ..Condition::claim("iss") };
    let rule = Rule { to: vec![To { operation }], when: vec![no_issuer], ..Rule::default() };
    let origin = ("spec.rules".to_owned(), Path::root().attribute("require_end_user"));
    shared(site, key, Action::Deny, vec![rule], std::iter::once(origin))
}
