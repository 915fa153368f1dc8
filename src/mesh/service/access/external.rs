//! The CUSTOM policy: Envoy asks an external authorizer about requests before it evaluates other policies.

use super::policy::{Action, policy as shared};
use super::rule::http_ports;
use crate::{
    known::{Known, Unknown},
    mesh::{
        istio::authorization_policy::{Operation, Rule, To},
        service::Site,
    },
    object::{Key, Object},
};

/// The suffix of its name.
pub(super) const SUFFIX: &str = "ext-authz";

/// One rule. The authorizer isn't asked about requests that it doesn't match, nor about TCP ports.
pub(super) fn policy(site: &Site, key: Key) -> Known<Object> {
    let external = site.service.authorization.external_authorization.known()?.ok_or(Unknown)?;
    let paths = external.paths.elements_or_empty()?;
    let operation = Operation { paths, ports: http_ports(site)?, ..Operation::default() };
    let rule = Rule { to: vec![To { operation }], ..Rule::default() };
    let origins = [
        ("spec.rules".to_owned(), external.at.clone()),
        ("spec.provider".to_owned(), external.at.attribute("provider")),
    ];
    shared(site, key, Action::Custom(external.provider.required()?.clone()), vec![rule], origins)
}
