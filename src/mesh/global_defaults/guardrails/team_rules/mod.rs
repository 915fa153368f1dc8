//! The guardrail that validates objects of teams, so that no team takes over names of another or opens the mesh. The objects of
//! a `mesh_service` are valid, except for an ALLOW policy for callers of every identity and every path.
//!
//! | file | kinds |
//! | --- | --- |
//! | [`authorization`] | AuthorizationPolicy |
//! | [`destinations`] | DestinationRule, Sidecar |
//! | [`routes`] | VirtualService |
//! | [`services`] | Service, ServiceEntry |

mod authorization;
mod destinations;
mod routes;
mod services;

use super::{
    Guardrails, cel,
    global_names::global_names,
    policy::{Rules, WRITES, namespaced, new_spec, validation},
};
use crate::{
    known::Known,
    mesh::{admission::Variable, global_defaults::context::DefaultsContext},
};

/// A rule for objects of one kind.
struct TeamRule {
    kind: &'static str,
    /// The CEL expression that is true for valid objects.
    condition: String,
    /// The sentence that authors of other objects read.
    message: String,
}

impl TeamRule {
    fn new(kind: &'static str, condition: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, condition: condition.into(), message: message.into() }
    }
}

/// All rules of the guardrail.
pub(super) fn rules(context: &DefaultsContext, guardrails: &Guardrails) -> Known<Rules> {
    let names = global_names(context.mesh, guardrails)?;
    let mut rules = Vec::from(services::rules(&names));
    rules.extend(routes::rules(context.mesh, &names, guardrails)?);
    rules.extend(destinations::rules(context.mesh, &names));
    rules.push(authorization::rule());
    let validation = |rule: &TeamRule| {
        let expression = format!("object.kind != {} || {}", cel::string(rule.kind), rule.condition);
        validation(guardrails, expression, &format!("Rule team_rules of the mesh: {}", rule.message))
    };
    let variable = |(name, expression): (&'static str, &str)| Variable { name, expression: expression.to_owned() };
    Ok(Rules {
        resources: vec![
            namespaced("", vec!["services"], WRITES),
            namespaced(
                "networking.istio.io",
                vec!["destinationrules", "serviceentries", "sidecars", "virtualservices"],
                WRITES,
            ),
            namespaced("security.istio.io", vec!["authorizationpolicies"], WRITES),
        ],
        conditions: vec![new_spec()],
        variables: [destinations::POLICIES, destinations::TLS_SETTINGS, routes::DESTINATIONS].map(variable).into(),
        validations: rules.iter().map(validation).collect::<Known<_>>()?,
    })
}
