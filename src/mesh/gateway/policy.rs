//! Who may enter: anybody, for the hosts that are served. A mesh that denies everything denies it to its gateways, too.

use std::collections::BTreeSet;

use super::{Gateway, Server};
use crate::{
    diagnostics::Path,
    known::{Known, as_known},
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
    object::{Key, ManagementScope, Object, Transition},
};

/// Hosts where requests are seen, whatever port they came by: a Service may give it another number. Ports, of the workloads
/// themselves, where only bytes are seen: a rule with a host never matches there.
pub(super) fn policy(gateway: &Gateway, mesh: &Mesh, key: Key) -> Known<Object> {
    let servers = as_known(&gateway.servers)?;
    let (mut hosts, mut ports): (BTreeSet<String>, BTreeSet<PortNumber>) = Default::default();
    for server in servers {
        if server.sees_requests()? {
            hosts.extend(as_requests_name_them(server)?);
        } else {
            ports.insert(server.target_port?);
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
    let selector = Some(WorkloadSelector { match_labels: as_known(&gateway.selector)?.clone() });
    let spec = AuthorizationPolicy { selector, action: "ALLOW", provider: None, rules };
    Ok(Object {
        body: manifest(&key, gateway.metadata(mesh)?.with_annotation(DRY_RUN, "false"), &spec),
        key,
        scope: ManagementScope::Whole,
        stage: stage::OPENING,
        transition: Transition::InPlace,
        origins: vec![
            ("spec.selector".to_owned(), Path::root().attribute("selector")),
            ("spec.rules".to_owned(), Path::root().attribute("server")),
        ],
    })
}

/// With and without a port. A pattern has one `*` alone, so a wildcard names the port.
fn as_requests_name_them(server: &Server) -> Known<Vec<String>> {
    let port = server.port?;
    let forms = |host: &String| match host.as_str() {
        "*" => vec![host.clone()],
        wildcard if wildcard.starts_with('*') => vec![host.clone(), format!("{host}:{port}")],
        _ => vec![host.clone(), format!("{host}:*")],
    };
    Ok(as_known(&server.hosts)?.iter().flat_map(forms).collect())
}
