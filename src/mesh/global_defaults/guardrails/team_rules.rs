//! Values by which a team would take or open what isn't its own. Whatever `mesh_service` renders passes, but for an `allow`
//! block that lets everybody do everything.

use super::{Guardrails, Rules, cel, resources, sound, validation};
use crate::{
    known::{Known, as_known},
    mesh::{Mesh, admission::Variable, global_defaults::Site, global_name::is_global_name},
};

/// The rules: of which kind, what holds, and what whoever breaks it reads.
pub(super) fn rules(site: &Site, guardrails: &Guardrails) -> Known<Rules> {
    let Names { own, told } = names(site.mesh, guardrails)?;
    let cluster_host = cel::is_host(&format!("{{name}}.{{namespace}}.svc.{}", site.mesh.cluster_domain));
    let short_host = cel::is_host("{name}");
    let rules = [
        (
            "ServiceEntry",
            "object.?spec.?location.orValue(\"MESH_EXTERNAL\") == \"MESH_INTERNAL\"".to_owned(),
            "a ServiceEntry of a team is MESH_INTERNAL; services outside the mesh are declared centrally.".to_owned(),
        ),
        (
            "ServiceEntry",
            "size(object.?spec.?endpoints.orValue([])) == 0 && size(object.?spec.?addresses.orValue([])) == 0 && \
             !object.?spec.?workloadSelector.hasValue()"
                .to_owned(),
            "a ServiceEntry of a team has no endpoints, addresses or workloadSelector: it would send a name's traffic elsewhere."
                .to_owned(),
        ),
        (
            "ServiceEntry",
            format!("object.?spec.?hosts.orValue([]).all(host, {own})"),
            format!("a ServiceEntry of a team is for its namespace's own global names ({told})."),
        ),
        (
            "VirtualService",
            format!(
                "{} || object.?spec.?hosts.orValue([]).all(host, {cluster_host} || {short_host} || {own})",
                ingress(site.mesh)
            ),
            format!(
                "a VirtualService of a team is for Services of its namespace, its own global names ({told}), or hosts of {}.",
                gateways(site.mesh)
            ),
        ),
        (
            "Sidecar",
            "object.?spec.?outboundTrafficPolicy.hasValue() && \
             object.spec.outboundTrafficPolicy.?mode.orValue(\"REGISTRY_ONLY\") == \"REGISTRY_ONLY\""
                .to_owned(),
            "a Sidecar says outboundTrafficPolicy REGISTRY_ONLY, never ALLOW_ANY; left out, it would be ALLOW_ANY.".to_owned(),
        ),
        (
            "DestinationRule",
            "variables.policies.all(policy, policy.?tls.?mode.orValue(\"\") != \"DISABLE\" && \
             policy.?portLevelSettings.orValue([]).all(port, port.?tls.?mode.orValue(\"\") != \"DISABLE\"))"
                .to_owned(),
            "a DestinationRule doesn't say tls DISABLE: calls in the mesh are encrypted.".to_owned(),
        ),
        (
            "AuthorizationPolicy",
            "object.?spec.?action.orValue(\"ALLOW\") != \"ALLOW\" || object.?spec.?rules.orValue([]).all(rule, \
             [rule.?from, rule.?to, rule.?when].exists(part, size(part.orValue([])) > 0))"
                .to_owned(),
            "an ALLOW policy has no empty rule: it would let everybody in.".to_owned(),
        ),
    ];
    let validations = rules.into_iter().map(|(kind, holds, why)| {
        let expression = format!("object.kind != {} || {holds}", cel::text(kind));
        validation(guardrails, expression, &format!("Rule team_rules of the mesh: {why}"))
    });
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
        validations: validations.collect::<Known<_>>()?,
    })
}

/// Which names are a namespace's own.
struct Names {
    /// A condition on `host`.
    own: String,
    /// In words.
    told: String,
}

fn names(mesh: &Mesh, guardrails: &Guardrails) -> Known<Names> {
    let (mut conditions, mut told) = (Vec::new(), Vec::new());
    if let Some(template) = &mesh.global_name_template {
        conditions.push(cel::is_host(&template.to_string()));
        told.push(template.to_string());
    }
    let granted = as_known(&guardrails.global_names)?;
    if !granted.is_empty() {
        sound(granted.values().flatten().all(|name| is_global_name(name)).then_some(()))?;
        let of = |(namespace, names)| format!("{}: {}", cel::text(namespace), cel::texts(names));
        let map: Vec<String> = granted.iter().map(|(namespace, names)| of((namespace, names))).collect();
        conditions.push(format!("host in {{{}}}[?request.namespace].orValue([])", map.join(", ")));
        told.push("what the central team granted it".to_owned());
    }
    if conditions.is_empty() {
        return Ok(Names { own: "false".to_owned(), told: "there are none in this mesh".to_owned() });
    }
    Ok(Names { own: format!("({})", conditions.join(" || ")), told: told.join(", or ") })
}

/// What comes in by a gateway: which hosts it takes from which namespaces says the Gateway.
fn ingress(mesh: &Mesh) -> String {
    let is_gateway = if mesh.gateway_namespaces.is_empty() {
        "gateway != \"mesh\"".to_owned()
    } else {
        let namespaces = cel::texts(&mesh.gateway_namespaces);
        format!("gateway.contains(\"/\") && gateway.split(\"/\")[0] in {namespaces}")
    };
    format!("(size(object.?spec.?gateways.orValue([])) > 0 && object.spec.gateways.all(gateway, {is_gateway}))")
}

fn gateways(mesh: &Mesh) -> String {
    if mesh.gateway_namespaces.is_empty() {
        return "a Gateway that it names alone".to_owned();
    }
    let namespaces: Vec<&str> = mesh.gateway_namespaces.iter().map(String::as_str).collect();
    format!("a Gateway in {} that it names alone", namespaces.join(", "))
}

/// Whether the template keeps the names of two namespaces apart: with `{namespace}` as a part of its own.
pub(in crate::mesh::global_defaults) fn tells_namespaces_apart(template: &str) -> bool {
    template.split('.').any(|part| part == "{namespace}")
}
