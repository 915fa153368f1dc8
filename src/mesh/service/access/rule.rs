//! A block as a rule of Istio's. Ports are the Service's in the block and the workload's in the rule, and an HTTP attribute
//! always names them: on a TCP port a rule with one would never match, or, where it denies, match everything.

use std::collections::BTreeSet;

use super::{Calls, EndUser};
use crate::{
    known::{Known, Unknown, as_known},
    mesh::{
        istio::authorization_policy::{Condition, Operation, Rule, To},
        port::PortNumber,
        reference::Caller,
        service::{Port, Site},
        sources::sources,
    },
};

/// The block as a rule.
pub(super) fn rule(site: &Site, block: &Calls) -> Known<Rule> {
    let callers = block.callers(site)?;
    if callers.is_empty() {
        // To Istio, no source is every source: the argument's own rule has told it.
        return Err(Unknown);
    }
    let ip_blocks = block.ip_blocks.clone()?.unwrap_or_default();
    let operation = operation(site.service.ports()?, block)?;
    let anything = operation == Operation::default();
    Ok(Rule {
        from: sources(&callers, &ip_blocks, site.namespace, site.mesh),
        to: if anything { Vec::new() } else { vec![To { operation }] },
        when: as_known(&block.end_user)?.as_ref().map(conditions).transpose()?.unwrap_or_default(),
    })
}

impl Calls {
    /// Who, with namespaces and without the mesh's own trust domain.
    pub(super) fn callers(&self, site: &Site) -> Known<BTreeSet<Caller>> {
        Ok(as_known(&self.from)?.iter().map(|caller| caller.resolve(site.namespace, site.mesh)).collect())
    }

    /// The HTTP attribute that the block has, if it has one.
    pub(super) fn http_attribute(&self) -> Known<Option<&'static str>> {
        let attributes = [
            ("methods", self.methods.as_ref().map(Option::is_some)),
            ("paths", self.paths.as_ref().map(Option::is_some)),
            ("hosts", self.hosts.as_ref().map(Option::is_some)),
            ("end_user", self.end_user.as_ref().map(Option::is_some)),
        ];
        let written = attributes.iter().find(|(_, written)| *written == Ok(true));
        match written {
            Some((attribute, _)) => Ok(Some(attribute)),
            None if attributes.iter().any(|(_, written)| written.is_err()) => Err(Unknown),
            None => Ok(None),
        }
    }

    /// Whether the block says something of calls of this port.
    pub(super) fn governs(&self, port: &Port) -> Known<bool> {
        let named = match as_known(&self.ports)? {
            Some(numbers) => numbers.contains(&port.number?),
            None => true,
        };
        Ok(named && (self.http_attribute()?.is_none() || port.protocol?.is_http()))
    }
}

/// What a block governs. With HTTP attributes, HTTP ports only; without, whatever ports it names, or all.
fn operation(ports: &[Port], block: &Calls) -> Known<Operation> {
    let http_only = block.http_attribute()?.is_some();
    let named = as_known(&block.ports)?;
    if named.is_none() && !http_only {
        return Ok(Operation::default());
    }
    for number in named.iter().flatten() {
        // A port that the service hasn't was told, and counts as unknown.
        ports.iter().find(|port| port.number == Ok(*number)).ok_or(Unknown)?;
    }
    let mut governed = Vec::new();
    for port in ports {
        if block.governs(port)? {
            governed.push(port);
        }
    }
    let hosts = block.hosts.clone()?.unwrap_or_default();
    Ok(Operation {
        methods: block.methods.clone()?.unwrap_or_default(),
        paths: block.paths.clone()?.unwrap_or_default(),
        not_paths: BTreeSet::new(),
        not_ports: BTreeSet::new(),
        hosts: with_ports(&hosts, &governed)?,
        ports: targets(&governed)?,
    })
}

/// The target ports of the ports that speak HTTP.
pub(super) fn http_ports(site: &Site) -> Known<BTreeSet<PortNumber>> {
    let mut http = Vec::new();
    for port in site.service.ports()? {
        if port.protocol?.is_http() {
            http.push(port);
        }
    }
    targets(&http)
}

/// Policies are held at the workload, which knows only where it listens. No port at all would mean every port: the checks on
/// blocks without a port have told it.
fn targets(ports: &[&Port]) -> Known<BTreeSet<PortNumber>> {
    let targets = ports.iter().map(|port| port.target_port).collect::<Known<BTreeSet<_>>>()?;
    if targets.is_empty() { Err(Unknown) } else { Ok(targets) }
}

/// Requests name a host with its port or without. A pattern that is open at its start can't be open at its end too, so it gets
/// the ports that are called.
fn with_ports(hosts: &BTreeSet<String>, ports: &[&Port]) -> Known<BTreeSet<String>> {
    let mut all = hosts.clone();
    for host in hosts.iter().filter(|host| !host.ends_with('*') && !has_port(host)) {
        if host.starts_with('*') {
            for port in ports {
                all.insert(format!("{host}:{}", port.number?));
            }
        } else {
            all.insert(format!("{host}:*"));
        }
    }
    Ok(all)
}

/// Whether a host names its port. An IPv6 address has colons of its own, in brackets.
fn has_port(host: &str) -> bool {
    host.rsplit(']').next().is_some_and(|rest| rest.contains(':'))
}

/// The token's issuer, then its claims. By the claim `iss`: `requestPrincipals` would also ask for a claim `sub`, which not
/// every token has.
fn conditions(user: &EndUser) -> Known<Vec<Condition>> {
    let condition = |claim: &str, values| Condition { values, ..Condition::claim(claim) };
    let issuer = condition("iss", BTreeSet::from([user.issuer.clone()?]));
    let claims = as_known(&user.claims)?.iter().map(|(claim, values)| condition(claim, values.clone()));
    Ok(std::iter::once(issuer).chain(claims).collect())
}
