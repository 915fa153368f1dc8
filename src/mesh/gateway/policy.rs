//! The AuthorizationPolicy of the gateway's pods. By default it admits every client to the hosts that are served: a mesh that
//! denies all requests by default denies them at gateways as well.

use std::collections::BTreeSet;

use super::{Gateway, GatewayAllow, Server};
use crate::{
    diagnostics::Path,
    known::{Known, Unknown, any},
    mesh::{
        Mesh,
        istio::{
            DRY_RUN, WorkloadSelector,
            authorization_policy::{AuthorizationPolicy, From, Operation, Rule, Source, To},
        },
        manifest::manifest,
        port::PortNumber,
        reference::Caller,
        service::AuthorizationMode,
        sources::sources,
        stage,
    },
    object::{Key, Object},
    schema::At,
};

/// Renders the policy.
pub(super) fn policy(gateway: &Gateway, mesh: &Mesh, key: Key) -> Known<Object> {
    let (servers, blocks) = (gateway.server.known()?, gateway.allow.known()?);
    let mut rules = Vec::new();
    let mut origins = vec![("spec.selector".to_owned(), Path::root().attribute("selector"))];
    if blocks.is_empty() {
        rules = rules_of(&GatewayAllow::default(), servers)?;
        origins.push(("spec.rules".to_owned(), Path::root().attribute("server")));
    }
    for block in blocks {
        let from = block.sources(gateway.namespace.required()?, mesh)?;
        let rules_of_block = rules_of(block, servers)?;
        if rules_of_block.is_empty() {
            // Validation has reported the block.
            return Err(Unknown);
        }
        for rule in rules_of_block {
            origins.push((format!("spec.rules[{}]", rules.len()), block.at.clone()));
            rules.push(Rule { from: from.clone(), ..rule });
        }
    }
    let selector = Some(WorkloadSelector { match_labels: gateway.selector()? });
    let spec = AuthorizationPolicy { selector, action: "ALLOW", provider: None, rules };
    let dry_run = gateway.authorization_mode()? == AuthorizationMode::DryRun;
    let body = manifest(&key, gateway.metadata(mesh)?.with_annotation(DRY_RUN, dry_run.to_string()), &spec);
    Ok(Object::whole(key, body, stage::OPENING).with_origins(origins))
}

/// Returns the rules of a block, without sources: one for the servers that see requests, and one for those that forward bytes.
///
/// Servers that see requests are allowed by host and not by port, unless the block names ports: a Service may map the port to
/// another number. Servers that forward bytes are allowed by the pods' ports, since a rule with a host never matches there.
fn rules_of(block: &GatewayAllow, servers: &[At<Server>]) -> Known<Vec<Rule>> {
    let named = block.ports.elements()?;
    let (mut hosts, mut http_ports, mut byte_ports) =
        (BTreeSet::new(), BTreeSet::<PortNumber>::new(), BTreeSet::<PortNumber>::new());
    for server in servers {
        if named.is_some_and(|named| server.port.required().is_ok_and(|port| !named.contains(port))) {
            continue;
        }
        if server.sees_requests()? {
            hosts.extend(match block.hosts.elements()? {
                Some(own) => request_hosts(own, server)?,
                None => request_hosts(server.hosts.required_elements()?, server)?,
            });
            http_ports.insert(server.target_port()?);
        } else {
            byte_ports.insert(server.target_port()?);
        }
    }
    let of_requests = block.is_of_requests()?;
    let when = block.end_user.known()?.map(|user| user.conditions()).transpose()?.unwrap_or_default();
    let rule = |operation: Operation| Rule { to: vec![To { operation }], when: when.clone(), ..Rule::default() };
    let mut rules = Vec::new();
    if !hosts.is_empty() {
        rules.push(rule(Operation {
            hosts,
            methods: block.methods.elements_or_empty()?,
            paths: block.paths.elements_or_empty()?,
            ports: if named.is_some() { http_ports } else { BTreeSet::new() },
            ..Operation::default()
        }));
    }
    if !byte_ports.is_empty() && !of_requests {
        rules.push(rule(Operation { ports: byte_ports, ..Operation::default() }));
    }
    Ok(rules)
}

impl GatewayAllow {
    /// Whether the block holds for requests only, since it has an HTTP attribute.
    pub(super) fn is_of_requests(&self) -> Known<bool> {
        any([
            self.hosts.elements().map(|set| set.is_some()),
            self.methods.elements().map(|set| set.is_some()),
            self.paths.elements().map(|set| set.is_some()),
            self.end_user.known().map(|block| block.is_some()),
        ])
    }

    /// The sources of the block's rules. Empty: every client.
    fn sources(&self, namespace: &str, mesh: &Mesh) -> Known<Vec<From>> {
        let callers = match self.from.elements()? {
            Some(callers) if callers.is_empty() => return Err(Unknown),
            Some(callers) => callers.iter().map(|caller| caller.resolve(namespace, mesh)).collect(),
            None => BTreeSet::from([Caller::Anonymous]),
        };
        let addresses = Source {
            ip_blocks: self.ip_blocks.elements_or_empty()?,
            remote_ip_blocks: self.remote_ip_blocks.elements_or_empty()?,
            ..Source::default()
        };
        Ok(sources(&callers, &addresses, namespace, mesh))
    }
}

/// The hosts as requests name them: with and without a port. A pattern takes only one `*`, so one that begins with it gets the
/// number of the port.
fn request_hosts(hosts: &BTreeSet<String>, server: &Server) -> Known<Vec<String>> {
    let port = server.port.required()?;
    let forms = |host: &String| match host.as_str() {
        end if end.ends_with('*') || end.contains(':') => vec![host.clone()],
        wildcard if wildcard.starts_with('*') => vec![host.clone(), format!("{host}:{port}")],
        _ => vec![host.clone(), format!("{host}:*")],
    };
    Ok(hosts.iter().flat_map(forms).collect())
}
