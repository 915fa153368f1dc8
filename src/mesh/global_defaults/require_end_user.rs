//! The `require_end_user` block: an AuthorizationPolicy that denies requests without a verified token. A RequestAuthentication
//! alone rejects only invalid tokens.

use std::collections::BTreeSet;

use super::{
    context::{DefaultsContext, KeyedObject, spec_from},
    jwt::Jwt,
};
use crate::{
    diagnostics::Diagnostics,
    known::Known,
    mesh::{
        istio::{
            DRY_RUN,
            authorization_policy::{AuthorizationPolicy, Condition, Operation, Rule, To},
            policy_transition::UNITED,
        },
        patterns,
        policy_paths::validate_paths,
        port::PortNumber,
        stage,
    },
    model,
    object::{Key, Object, kind},
    schema::{At, Attr, Set, model::optional},
};

/// The name of the policy.
pub(super) const NAME: &str = "require-end-user";

model! {
    /// Refusal of requests without a verified token of an end user, at every workload: at gateways too, and for
    /// requests of services that don't forward the token.
    pub struct RequireEndUser {
        /// Ports on which workloads listen that don't speak HTTP: such connections carry no tokens, so all of
        /// them would be refused. Defaults to none.
        except_ports: Set<PortNumber> = optional().non_empty("At least one port; leave the argument out for none."),
        /// Paths that need no token, such as health checks and sign-in. Defaults to none.
        except_paths: Set<String> = optional()
            .non_empty("At least one path; leave the argument out for none.")
            .each(patterns::PATH_PATTERN, patterns::is_path_pattern),
        /// HTTP methods that need no token, on every path (`notMethods`). A browser sends no token with a CORS
        /// preflight, so `["OPTIONS"]` admits preflights. Defaults to none.
        except_methods: Set<String> = optional()
            .non_empty("At least one method; leave the argument out for none.")
            .each("Methods in capitals, like `OPTIONS`.", patterns::is_method),
    }
}

impl At<RequireEndUser> {
    /// Renders the AuthorizationPolicy.
    pub(super) fn render(&self, context: &DefaultsContext) -> KeyedObject {
        context.render(&kind::AUTHORIZATION_POLICY, NAME, |key| self.policy(context, key))
    }

    /// The DENY rule matches requests without the claim `iss`, which every verified token has. It is not written with
    /// `notRequestPrincipals`, which would deny tokens without the claim `sub` as well. Connections on a TCP port never have a
    /// token, so the rule would close the port unless it is excepted.
    fn policy(&self, context: &DefaultsContext, key: Key) -> Known<Object> {
        let operation = Operation {
            not_ports: self.except_ports.elements_or_empty()?,
            not_paths: self.except_paths.elements_or_empty()?,
            not_methods: self.except_methods.elements_or_empty()?,
            ..Operation::default()
        };
        let to = To::unless_any(operation);
        let no_issuer = Condition { not_values: BTreeSet::from(["*".to_owned()]), ..Condition::claim("iss") };
        let rules = vec![Rule { from: Vec::new(), to, when: vec![no_issuer] }];
        let spec = AuthorizationPolicy { selector: None, action: "DENY", provider: None, rules };
        let context = context.with_annotation(DRY_RUN, "false");
        Ok(context.object(key, &spec, stage::SUBTRACTING, spec_from(&self.at))?.with_transition(UNITED))
    }

    /// Reports exceptions that leave nothing or too much, and issuers that are missing.
    pub(super) fn validate(&self, issuers: Known<&[At<Jwt>]>, out: &mut Diagnostics) {
        if let Ok(issuers) = issuers {
            self.validate_issuers(issuers, out);
        }
        if self.except_ports == Attr::Null {
            out.warn(
                &self.at,
                "TCP ports are closed to all callers",
                "A port that doesn't speak HTTP carries no tokens, so workloads refuse every connection there. Name such ports in \
                 except_ports, by where workloads listen.",
            );
        }
        validate_paths(&self.except_paths, &self.at.attribute("except_paths"), out);
        if let Ok(Some(paths)) = self.except_paths.elements()
            && let Some(all) = paths.iter().find(|path| matches!(path.as_str(), "*" | "/*" | "/{**}"))
        {
            out.error(
                &self.at.attribute("except_paths"),
                "except_paths leaves no path that requires a token",
                format!("\"{all}\" is every path. Leave it out, or leave out require_end_user."),
            );
        }
    }

    fn validate_issuers(&self, issuers: &[At<Jwt>], out: &mut Diagnostics) {
        if issuers.is_empty() {
            out.error(
                &self.at,
                "No RequestAuthentication verifies tokens",
                "Every request would be refused: without a jwt block no token is ever verified. Write one for each issuer.",
            );
        } else if !issuers.iter().any(|jwt| jwt.is_for_all_workloads()) {
            out.warn(
                &self.at,
                "Some workloads verify no tokens",
                "Every jwt block has a namespace or a selector, and require_end_user holds for every workload: those that no block \
                 means refuse every request. Write a jwt block without both, or require_end_user on services.",
            );
        }
    }
}
