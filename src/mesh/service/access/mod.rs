//! The AuthorizationPolicies of a service, and the namespaces that see it, which follow from its callers.
//!
//! | file | content |
//! | --- | --- |
//! | [`arguments`] | the arguments |
//! | [`allow`] | the ALLOW policy |
//! | [`deny`] | the DENY policy of `deny` blocks |
//! | [`end_user`] | the DENY policy for requests without an end user |
//! | [`external`] | the CUSTOM policy, which asks an external authorizer |
//! | [`gateways`] | the gateways of `ingress` blocks as callers |
//! | [`policy`] | what the policies share |
//! | [`rule`] | an `allow` or `deny` block as a rule |
//! | [`conditions`] | its conditions on other attributes |
//! | [`export`] | all callers, and the namespaces that see the service |
//! | [`validate`] | rules across these arguments; those of blocks with exceptions in [`validate_exceptions`] |

mod allow;
mod arguments;
mod conditions;
mod deny;
mod end_user;
mod export;
mod external;
mod gateways;
mod policy;
mod rule;
mod validate;
mod validate_exceptions;

pub(super) use self::allow::access_caller;
pub use self::arguments::{
    Access, AccessRule, AttributeCondition, Authorization, AuthorizationMode, EndUser, Exceptions,
    ExternalAuthorization, RequireEndUser,
};
pub(super) use self::export::{
    argument as export_argument, callers, export_to, global_name_export_to, sets_annotation,
};
use super::{Render, ServiceContext};
use crate::{
    known::Known,
    mesh::{labels::default_selector, names, stage},
    object::{Key, Stage, kind},
};

/// The suffixes of the policies that refuse requests which the ALLOW policy admits.
const SUBTRACTING: [&str; 3] = [deny::SUFFIX, end_user::SUFFIX, external::SUFFIX];

/// The policies that some configuration of a service renders, by the suffixes of their names.
pub(super) fn possible_objects() -> impl Iterator<Item = (&'static str, Stage)> {
    std::iter::once(("", stage::OPENING)).chain(SUBTRACTING.map(|suffix| (suffix, stage::SUBTRACTING)))
}

/// The policies of the service with the functions that render them.
pub(super) fn policies(context: &ServiceContext) -> Known<Vec<(Key, Render)>> {
    let mode = context.authorization_mode()?;
    if mode == AuthorizationMode::Off {
        return Ok(Vec::new());
    }
    let authorization = &context.service.authorization;
    let mut subtracting: Vec<(&str, Render)> = Vec::new();
    if !authorization.deny.known()?.is_empty() {
        subtracting.push((deny::SUFFIX, deny::policy));
    }
    if authorization.require_end_user.known()?.is_some() {
        subtracting.push((end_user::SUFFIX, end_user::policy));
    }
    // Istio has no dry run of CUSTOM policies.
    if mode == AuthorizationMode::Enforce && authorization.external_authorization.known()?.is_some() {
        subtracting.push((external::SUFFIX, external::policy));
    }
    let key = |suffix: &str| context.key_with(&kind::AUTHORIZATION_POLICY, suffix);
    let mut policies: Vec<(Key, Render)> = vec![(key(""), allow::policy)];
    for (suffix, render) in subtracting {
        policies.push((key(&with_selector_digest(context, suffix)?), render));
    }
    Ok(policies)
}

/// Appends a digest to the suffix of a policy if the service has a `selector` of its own. So a policy for other pods is another
/// object, which exists before the old one is deleted: one policy can't hold for the pods of both selectors.
fn with_selector_digest(context: &ServiceContext, suffix: &str) -> Known<String> {
    let selector = context.selector()?;
    let is_default = selector == default_selector(context.name);
    Ok(if is_default { suffix.to_owned() } else { format!("{suffix}-{}", names::label_digest(&selector)) })
}
