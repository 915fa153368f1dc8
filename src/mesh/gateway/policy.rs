//! The AuthorizationPolicy that admits every client to the hosts that are served. A mesh that denies all requests by default
//! denies them at gateways as well.

use std::collections::BTreeSet;

use super::{Gateway, Server};
use crate::{
    diagnostics::Path,
    known::Known,
    mesh::{
        Mesh,
        istio::{
            DRY_RUN, WorkloadSelector,
            authorization_policy::{AuthorizationPolicy, Operation, Rule, To},
        },
        manifest::manifest,
        port::PortNumber,
        stage,
    },
    object::{Key, Object},
};

/// Servers that see requests are allowed by host and not by port, since a Service may map the port to another number. Servers
/// that forward bytes are allowed by the pods' ports, since a rule with a host never matches there.
pub(super) fn policy(gateway: &Gateway, mesh: &Mesh, key: Key) -> Known<Object> {
    let servers = gateway.server.known()?;
    let (mut hosts, mut ports): (BTreeSet<String>, BTreeSet<PortNumber>) = Default::default();
    for server in servers {
        if server.sees_requests()? {
            hosts.extend(request_hosts(server)?);
        } else {
            ports.insert(server.target_port()?);
        }
    }
    let to = |operation: Operation| Rule { to: vec![To { operation }], ..Rule::default() };
    let mut rules = Vec::new();
    if !hosts.is_empty() {
        rules.push(to(Operation { hosts, ..Operation::default() }));
    }
    if !ports.is_empty() {
        rules.push(to(Operation { ports, ..Operation::default() }));
    }
    let selector = Some(WorkloadSelector { match_labels: gateway.selector()? });
    let spec = AuthorizationPolicy { selector, action: "ALLOW", provider: None, rules };
    let body = manifest(&key, gateway.metadata(mesh)?.with_annotation(DRY_RUN, "false"), &spec);
    Ok(Object::whole(key, body, stage::OPENING).with_origins([
        ("spec.selector", Path::root().attribute("selector")),
        ("spec.rules", Path::root().attribute("server")),
    ]))
}

/// The hosts as requests name them: with and without a port. A pattern takes only one `*`, so a wildcard host gets the number
/// of the port.
fn request_hosts(server: &Server) -> Known<Vec<String>> {
    let port = server.port.required()?;
    let forms = |host: &String| match host.as_str() {
        "*" => vec![host.clone()],
        wildcard if wildcard.starts_with('*') => vec![host.clone(), format!("{host}:{port}")],
        _ => vec![host.clone(), format!("{host}:*")],
    };
    Ok(server.hosts.required_elements()?.iter().flat_map(forms).collect())
}
