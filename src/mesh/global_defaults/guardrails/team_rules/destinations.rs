//! DestinationRules and Sidecars: outbound traffic stays as strict as the mesh is.

use super::TeamRule;
use crate::mesh::{
    Mesh,
    global_defaults::guardrails::{cel, global_names::GlobalNames},
};

/// The variable with all traffic policies of a DestinationRule, as optional values.
pub(super) const POLICIES: (&str, &str) = (
    "policies",
    "[object.?spec.?trafficPolicy] + object.?spec.?subsets.orValue([]).map(subset, subset.?trafficPolicy)",
);

/// The variable with the TLS settings of each of these policies and of their ports, as lists of optional values.
pub(super) const TLS_SETTINGS: (&str, &str) = (
    "tlsSettings",
    "variables.policies.map(policy, \
     [policy.?tls] + policy.?portLevelSettings.orValue([]).map(port, port.?tls))",
);

/// A proxy uses one DestinationRule for a host, and looks in its own namespace first: a team's rule for an external host
/// would take the place of the platform's, with its TLS settings.
pub(super) fn rules(mesh: &Mesh, names: &GlobalNames) -> [TeamRule; 4] {
    let cluster_hosts =
        ["{name}.{name}", "*.{name}", "*"].map(|host| cel::is_host(&format!("{host}.svc.{}", mesh.cluster_domain)));
    let every_tls_setting = |condition: &str| {
        format!("variables.tlsSettings.all(settings, settings.all(tls, !tls.hasValue() || {condition}))")
    };
    [
        TeamRule::new(
            "Sidecar",
            "object.?spec.?outboundTrafficPolicy.hasValue() && \
             object.spec.outboundTrafficPolicy.?mode.orValue(\"REGISTRY_ONLY\") == \"REGISTRY_ONLY\"",
            "a Sidecar says outboundTrafficPolicy REGISTRY_ONLY, never ALLOW_ANY; left out, it would be ALLOW_ANY.",
        ),
        TeamRule::new(
            "DestinationRule",
            every_tls_setting("tls.?mode.orValue(\"DISABLE\") != \"DISABLE\""),
            "a DestinationRule with tls says its mode, and never DISABLE; left out, it would be DISABLE. Calls in the mesh are \
             encrypted.",
        ),
        TeamRule::new(
            "DestinationRule",
            every_tls_setting("!tls.?insecureSkipVerify.orValue(false)"),
            "a DestinationRule has no insecureSkipVerify: the certificates of servers are verified.",
        ),
        TeamRule::new(
            "DestinationRule",
            format!(
                "[object.?spec.?host.orValue(\"\")].all(host, {} || {} || {})",
                cel::is_host("{name}"),
                cluster_hosts.join(" || "),
                names.any_namespace
            ),
            "a DestinationRule of a team is for services of the mesh; TLS of services outside the mesh is set centrally.",
        ),
    ]
}
