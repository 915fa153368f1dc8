//! Whether requests must carry a verified token of an end user. A RequestAuthentication alone refuses only tokens that are
//! wrong.

use std::collections::BTreeSet;

use super::{Site, object};
use crate::{
    known::{Known, Unknown, as_known},
    mesh::{
        Rendered,
        istio::{
            DRY_RUN,
            authorization_policy::{AuthorizationPolicy, Condition, Operation, Rule, To},
        },
        port::PortNumber,
        stage,
    },
    object::{Key, Object, kind},
};

/// The name of the policy.
pub(super) const NAME: &str = "require-end-user";

/// Requests must carry a verified token.
#[derive(Clone, Debug)]
pub struct RequireEndUser {
    /// But on these ports, where workloads listen.
    pub except_ports: Known<Option<BTreeSet<PortNumber>>>,
    /// But for these paths.
    pub except_paths: Known<Option<BTreeSet<String>>>,
}

pub(super) fn objects(site: &Site) -> Rendered {
    if as_known(&site.defaults.require_end_user)?.is_none() {
        return Ok(Vec::new());
    }
    let key = site.key(&kind::AUTHORIZATION_POLICY, NAME);
    Ok(vec![(key.clone(), policy(site, key))])
}

/// DENY where no verified token has an issuer. On a TCP port there is never one, so the whole port would be closed: such ports
/// are excepted.
///
/// Not by `notRequestPrincipals`, which would refuse tokens without the claim `sub` too.
fn policy(site: &Site, key: Key) -> Known<Object> {
    let required = as_known(&site.defaults.require_end_user)?.as_ref().ok_or(Unknown)?;
    let operation = Operation {
        not_ports: required.except_ports.clone()?.unwrap_or_default(),
        not_paths: required.except_paths.clone()?.unwrap_or_default(),
        ..Operation::default()
    };
    let to = if operation == Operation::default() { Vec::new() } else { vec![To { operation }] };
    let nobody = Condition { not_values: BTreeSet::from(["*".to_owned()]), ..Condition::claim("iss") };
    let rules = vec![Rule { from: Vec::new(), to, when: vec![nobody] }];
    let spec = AuthorizationPolicy { selector: None, action: "DENY", provider: None, rules };
    let metadata = site.metadata()?.with_annotation(DRY_RUN, "false");
    Ok(object(key, metadata, &spec, stage::CLOSING, &[("spec", "require_end_user")]))
}
