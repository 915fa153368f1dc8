//! The CUSTOM policy: an authorizer of the mesh is asked about requests, before any other policy is.

use super::policy::{Action, policy as shared};
use super::rule::http_ports;
use crate::{
    diagnostics::Path,
    known::{Known, Unknown, as_known},
    mesh::{
        istio::authorization_policy::{Operation, Rule, To},
        service::Site,
    },
    object::{Key, Object},
};

/// What its name ends with.
pub(super) const SUFFIX: &str = "ext-authz";

/// One rule. What it doesn't match goes on without being asked about, as does every TCP port.
pub(super) fn policy(site: &Site, key: Key) -> Known<Object> {
    let external = as_known(&site.service.authorization.external)?.as_ref().ok_or(Unknown)?;
    let paths = external.paths.clone()?.unwrap_or_default();
    let operation = Operation { paths, ports: http_ports(site)?, ..Operation::default() };
    let rule = Rule { to: vec![To { operation }], ..Rule::default() };
    let argument = Path::root().attribute("external_authorization");
    let places =
        [("spec.rules".to_owned(), argument.clone()), ("spec.provider".to_owned(), argument.attribute("provider"))];
    shared(site, key, Action::Custom(external.provider.clone()?), vec![rule], places)
}
