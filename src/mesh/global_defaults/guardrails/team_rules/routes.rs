//! VirtualServices, which route hosts of their namespace, or hosts of gateways that the platform grants to it.

use super::TeamRule;
use crate::{
    known::Known,
    mesh::{
        Mesh,
        global_defaults::guardrails::{Guardrails, cel, global_names::GlobalNames},
    },
};

/// The variable with the hosts of all destinations of a VirtualService, as a list of lists.
pub(super) const DESTINATIONS: (&str, &str) = (
    "destinations",
    "object.?spec.?http.orValue([]).map(route, \
     route.?route.orValue([]).map(to, to.?destination.?host.orValue(\"\")) + \
     route.?mirrors.orValue([]).map(to, to.?destination.?host.orValue(\"\")) + \
     (route.?mirror.hasValue() ? [route.mirror.?host.orValue(\"\")] : [])) + \
     object.?spec.?tls.orValue([]).map(route, route.?route.orValue([]).map(to, to.?destination.?host.orValue(\"\"))) + \
     object.?spec.?tcp.orValue([]).map(route, route.?route.orValue([]).map(to, to.?destination.?host.orValue(\"\")))",
);

/// Gateways have identities that many services let in. So their requests go to the namespace's own services alone, while
/// requests in the mesh have the identities of their callers. A VirtualService without hosts is one to which those of gateways
/// may delegate.
pub(super) fn rules(mesh: &Mesh, names: &GlobalNames, guardrails: &Guardrails) -> Known<[TeamRule; 3]> {
    let GlobalNames { condition, description, .. } = names;
    let cluster_host = cel::is_host(&format!("{{name}}.{{namespace}}.svc.{}", mesh.cluster_domain));
    let is_own = format!("{cluster_host} || {} || {condition}", cel::is_host("{name}"));
    Ok([
        TeamRule::new(
            "VirtualService",
            format!(
                "object.?spec.?hosts.orValue([]).all(host, {is_own} || ({} && {}))",
                is_bound_to_gateways(mesh),
                is_ingress_host(guardrails)?
            ),
            format!(
                "hosts of a team's VirtualService may be Services of its namespace, global names of its namespace \
                 ({description}), and hosts that ingress_hosts grants it, these only at {}.",
                allowed_gateways(mesh)
            ),
        ),
        TeamRule::new(
            "VirtualService",
            format!(
                "(size(object.?spec.?hosts.orValue([])) > 0 && \
                 object.?spec.?gateways.orValue([]).all(gateway, gateway == \"mesh\")) || \
                 variables.destinations.all(hosts, hosts.all(host, {is_own}))"
            ),
            "a VirtualService of a team sends requests of gateways to Services of its own namespace.",
        ),
        TeamRule::new(
            "VirtualService",
            "object.?spec.?http.orValue([]).all(route, \
             route.?delegate.?namespace.orValue(\"\") in [\"\", request.namespace])",
            "a VirtualService of a team delegates to its own namespace.",
        ),
    ])
}

/// A CEL condition on the variable `host`: `ingress_hosts` grants it to the namespace of the request, by itself or by a
/// wildcard.
fn is_ingress_host(guardrails: &Guardrails) -> Known<String> {
    let granted = guardrails.ingress_hosts()?;
    if granted.is_empty() {
        return Ok("false".to_owned());
    }
    Ok(format!(
        "{}[?request.namespace].orValue([]).exists(granted, \
         host == granted || (granted.startsWith(\"*.\") && host.endsWith(granted.substring(1))))",
        cel::map(&granted)
    ))
}

/// A CEL condition: the VirtualService is bound to gateways only, which are in the namespaces of gateways or in its own. Teams may
/// not write Gateways, so one in a team's namespace is the platform's.
fn is_bound_to_gateways(mesh: &Mesh) -> String {
    let is_gateway = if mesh.gateway_namespaces.is_empty() {
        "gateway != \"mesh\"".to_owned()
    } else {
        let namespaces = cel::strings(&mesh.gateway_namespaces);
        format!("gateway.contains(\"/\") && gateway.split(\"/\")[0] in {namespaces} + [request.namespace]")
    };
    format!("size(object.?spec.?gateways.orValue([])) > 0 && object.spec.gateways.all(gateway, {is_gateway})")
}

/// The same condition in words, for the message.
fn allowed_gateways(mesh: &Mesh) -> String {
    if mesh.gateway_namespaces.is_empty() {
        return "Gateways (gateways set, without \"mesh\")".to_owned();
    }
    let namespaces: Vec<&str> = mesh.gateway_namespaces.iter().map(String::as_str).collect();
    format!("Gateways in {} or its own namespace (gateways set, without \"mesh\")", namespaces.join(", "))
}
