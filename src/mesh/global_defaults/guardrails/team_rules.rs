//! The guardrail that validates objects of teams, so that no team takes over names of another or opens the mesh. The objects of
//! a `mesh_service` are valid, except for an ALLOW policy that allows every request.

use super::{
    Guardrails, cel,
    global_names::{GlobalNames, global_names},
    policy::{Rules, resources, validation},
};
use crate::{
    known::Known,
    mesh::{Mesh, admission::Variable, global_defaults::context::DefaultsContext},
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
    let mut rules = Vec::from(service_entries(&names));
    rules.push(virtual_services(context.mesh, &names));
    rules.extend(protections());
    let validation = |rule: &TeamRule| {
        let expression = format!("object.kind != {} || {}", cel::string(rule.kind), rule.condition);
        validation(guardrails, expression, &format!("Rule team_rules of the mesh: {}", rule.message))
    };
    Ok(Rules {
        resources: vec![
            resources("networking.istio.io", vec!["destinationrules", "serviceentries", "sidecars", "virtualservices"]),
            resources("security.istio.io", vec!["authorizationpolicies"]),
        ],
        variables: vec![Variable {
            name: "policies",
            expression: "[object.?spec.?trafficPolicy] + \
                         object.?spec.?subsets.orValue([]).map(subset, subset.?trafficPolicy)"
                .to_owned(),
        }],
        validations: rules.iter().map(validation).collect::<Known<_>>()?,
    })
}

/// A ServiceEntry defines a global name of its namespace, and its traffic goes to Services.
fn service_entries(names: &GlobalNames) -> [TeamRule; 3] {
    let GlobalNames { condition, description } = names;
    [
        TeamRule::new(
            "ServiceEntry",
            "object.?spec.?location.orValue(\"MESH_EXTERNAL\") == \"MESH_INTERNAL\"",
            "a ServiceEntry of a team is MESH_INTERNAL; services outside the mesh are declared centrally.",
        ),
        TeamRule::new(
            "ServiceEntry",
            "size(object.?spec.?endpoints.orValue([])) == 0 && size(object.?spec.?addresses.orValue([])) == 0 && \
             !object.?spec.?workloadSelector.hasValue()",
            "a ServiceEntry of a team has no endpoints, addresses or workloadSelector: it would send a name's traffic elsewhere.",
        ),
        TeamRule::new(
            "ServiceEntry",
            format!("object.?spec.?hosts.orValue([]).all(host, {condition})"),
            format!("a ServiceEntry of a team is for its namespace's own global names ({description})."),
        ),
    ]
}

/// A VirtualService routes hosts of its namespace, or hosts of gateways.
fn virtual_services(mesh: &Mesh, names: &GlobalNames) -> TeamRule {
    let GlobalNames { condition, description } = names;
    let cluster_host = cel::is_host(&format!("{{name}}.{{namespace}}.svc.{}", mesh.cluster_domain));
    let short_host = cel::is_host("{name}");
    TeamRule::new(
        "VirtualService",
        format!(
            "{} || object.?spec.?hosts.orValue([]).all(host, {cluster_host} || {short_host} || {condition})",
            is_bound_to_gateways(mesh)
        ),
        format!(
            "a VirtualService of a team is for Services of its namespace, its own global names ({description}), or hosts of {}.",
            allowed_gateways(mesh)
        ),
    )
}

/// A CEL condition: the VirtualService is bound to gateways only. A Gateway itself says which hosts it serves for which
/// namespaces.
fn is_bound_to_gateways(mesh: &Mesh) -> String {
    let is_gateway = if mesh.gateway_namespaces.is_empty() {
        "gateway != \"mesh\"".to_owned()
    } else {
        let namespaces = cel::strings(&mesh.gateway_namespaces);
        format!("gateway.contains(\"/\") && gateway.split(\"/\")[0] in {namespaces}")
    };
    format!("(size(object.?spec.?gateways.orValue([])) > 0 && object.spec.gateways.all(gateway, {is_gateway}))")
}

/// The same condition in words, for the message.
fn allowed_gateways(mesh: &Mesh) -> String {
    if mesh.gateway_namespaces.is_empty() {
        return "a Gateway that it names alone".to_owned();
    }
    let namespaces: Vec<&str> = mesh.gateway_namespaces.iter().map(String::as_str).collect();
    format!("a Gateway in {} that it names alone", namespaces.join(", "))
}

/// Outbound traffic, encryption and authorization stay as strict as the mesh is.
fn protections() -> [TeamRule; 3] {
    [
        TeamRule::new(
            "Sidecar",
            "object.?spec.?outboundTrafficPolicy.hasValue() && \
             object.spec.outboundTrafficPolicy.?mode.orValue(\"REGISTRY_ONLY\") == \"REGISTRY_ONLY\"",
            "a Sidecar says outboundTrafficPolicy REGISTRY_ONLY, never ALLOW_ANY; left out, it would be ALLOW_ANY.",
        ),
        TeamRule::new(
            "DestinationRule",
            "variables.policies.all(policy, policy.?tls.?mode.orValue(\"\") != \"DISABLE\" && \
             policy.?portLevelSettings.orValue([]).all(port, port.?tls.?mode.orValue(\"\") != \"DISABLE\"))",
            "a DestinationRule doesn't say tls DISABLE: calls in the mesh are encrypted.",
        ),
        TeamRule::new(
            "AuthorizationPolicy",
            "object.?spec.?action.orValue(\"ALLOW\") != \"ALLOW\" || object.?spec.?rules.orValue([]).all(rule, \
             [rule.?from, rule.?to, rule.?when].exists(part, size(part.orValue([])) > 0))",
            "an ALLOW policy has no empty rule: it would let everybody in.",
        ),
    ]
}
