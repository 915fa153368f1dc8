//! The `external_authorization` block: a CUSTOM AuthorizationPolicy, which proxies evaluate before all other policies.

use super::context::{DefaultsContext, KeyedObject, spec_from};
use crate::{
    known::Known,
    mesh::{
        istio::{
            WorkloadSelector,
            authorization_policy::{AuthorizationPolicy, ExtensionProvider, Operation, Rule, To},
            policy_transition::UNITED,
        },
        names, patterns,
        port::PortNumber,
        stage,
    },
    model,
    object::{Key, Object, kind},
    schema::{
        At, Attr, Map, Set,
        model::{optional, required},
    },
};

/// The name of the policy for all workloads. A policy for some of them has a digest of their labels in addition.
pub(super) const NAME: &str = "external-authorization";

model! {
    /// An external authorizer of the mesh.
    pub struct ExternalAuthorization {
        /// Name of the extension provider in `meshConfig`.
        provider: Attr<String> = required().text("The name of a provider.", |name| !name.is_empty()),
        /// Labels of the workloads that ask the authorizer, in every namespace; often those of gateways. Defaults
        /// to all workloads.
        selector: Map<String> = optional().non_empty("At least one label; leave the argument out for all."),
        /// Paths of the requests that the authorizer decides about. Defaults to all.
        paths: Set<String> = optional()
            .non_empty("At least one path; leave the argument out for all.")
            .each(patterns::PATH_PATTERN, patterns::is_path_pattern),
        /// Paths of requests that the authorizer isn't asked about, such as health checks. Defaults to none.
        except_paths: Set<String> = optional()
            .non_empty("At least one path; leave the argument out for none.")
            .each(patterns::PATH_PATTERN, patterns::is_path_pattern),
        /// Ports on which the workloads listen and about which the authorizer isn't asked: those that don't speak
        /// HTTP, if it is an HTTP authorizer. Defaults to none.
        except_ports: Set<PortNumber> = optional().non_empty("At least one port; leave the argument out for none."),
    }
}

impl At<ExternalAuthorization> {
    /// Renders the AuthorizationPolicy. A `selector` is part of its name: a policy for other workloads exists before the old
    /// one is deleted.
    pub(super) fn render(&self, context: &DefaultsContext) -> Known<KeyedObject> {
        let selector = self.selector.elements()?;
        let digest = selector.map_or(String::new(), |labels| format!("-{}", names::label_digest(&labels)));
        Ok(context.render(&kind::AUTHORIZATION_POLICY, &format!("{NAME}{digest}"), |key| self.policy(context, key)))
    }

    /// The policy has no dry-run annotation: Istio refuses it on CUSTOM policies, whatever its value.
    fn policy(&self, context: &DefaultsContext, key: Key) -> Known<Object> {
        let operation = Operation {
            paths: self.paths.elements_or_empty()?,
            not_paths: self.except_paths.elements_or_empty()?,
            not_ports: self.except_ports.elements_or_empty()?,
            ..Operation::default()
        };
        let to = To::unless_any(operation);
        let spec = AuthorizationPolicy {
            selector: self.selector.elements()?.map(|match_labels| WorkloadSelector { match_labels }),
            action: "CUSTOM",
            provider: Some(ExtensionProvider { name: self.provider.required()?.clone() }),
            rules: vec![Rule { to, ..Rule::default() }],
        };
        Ok(context.object(key, &spec, stage::SUBTRACTING, spec_from(&self.at))?.with_transition(UNITED))
    }
}
