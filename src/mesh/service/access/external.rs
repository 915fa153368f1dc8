//! The CUSTOM policy: Envoy asks an external authorizer about requests before it evaluates other policies.

use super::policy::{Action, render_policy};
use super::rule::http_ports;
use crate::{
    known::{Known, Unknown},
    mesh::{
        istio::authorization_policy::{Operation, Rule, To},
        service::ServiceContext,
    },
    object::{Key, Object},
};

/// The suffix of the policy's name.
pub(super) const SUFFIX: &str = "ext-authz";

/// Renders the policy with one rule. The authorizer is asked only about requests that match it, and never about TCP ports.
pub(super) fn policy(context: &ServiceContext, key: Key) -> Known<Object> {
    let external = context.service.authorization.external_authorization.known()?.ok_or(Unknown)?;
    let paths = external.paths.elements_or_empty()?;
    let operation = Operation { paths, ports: http_ports(context)?, ..Operation::default() };
    let rule = Rule { to: vec![To { operation }], ..Rule::default() };
    let origins = [
        ("spec.rules".to_owned(), external.at.clone()),
        ("spec.provider".to_owned(), external.at.attribute("provider")),
    ];
    render_policy(context, key, Action::Custom(external.provider.required()?.clone()), vec![rule], origins)
}
