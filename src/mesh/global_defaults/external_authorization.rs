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
    /// An authorizer that the mesh knows.
    pub struct ExternalAuthorization {
        /// The name of the extension provider in the mesh's configuration.
        provider: Attr<String> = required().text("The name of a provider.", |name| !name.is_empty()),
        /// The labels of the workloads that ask it, in every namespace; all workloads unless written. Often it's the gateways.
        selector: Map<String> = optional().non_empty("At least one label; leave the argument out for all."),
        /// Paths that it is asked about; all unless written.
        paths: Set<String> = optional()
            .non_empty("At least one path; leave the argument out for all.")
            .each(patterns::PATH_PATTERN, patterns::is_path_pattern),
        /// Paths that it isn't asked about, like health checks.
        except_paths: Set<String> = optional()
            .non_empty("At least one path; leave the argument out for none.")
            .each(patterns::PATH_PATTERN, patterns::is_path_pattern),
        /// Ports that it isn't asked about, by where workloads listen: those that don't speak HTTP, for an authorizer that
        /// speaks HTTP.
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
