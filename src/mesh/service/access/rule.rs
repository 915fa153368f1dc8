//! An `allow` or `deny` block as a rule of an AuthorizationPolicy. The block names ports of the Service, the rule ports of the
//! pods. A rule with HTTP attributes always names its ports: on a TCP port an ALLOW rule with one never matches, and a DENY
//! rule with one refuses every connection.

use std::collections::BTreeSet;

use super::{AccessRule, EndUser};
use crate::{
    known::{Known, Unknown},
    mesh::{
        istio::authorization_policy::{Condition, Operation, Rule, To},
        port::PortNumber,
        reference::Caller,
        service::{Port, ServiceContext},
        sources::sources,
    },
    schema::At,
};

/// Renders the rule.
pub(super) fn rule(context: &ServiceContext, block: &AccessRule) -> Known<Rule> {
    let callers = block.callers(context)?;
    if callers.is_empty() {
        // To Istio, a rule without sources admits every source. Decoding has reported the empty set.
        return Err(Unknown);
    }
    let ip_blocks = block.ip_blocks.elements_or_empty()?;
    let operation = operation(context.service.ports()?, block)?;
    let any_operation = operation == Operation::default();
    Ok(Rule {
        from: sources(&callers, &ip_blocks, context.namespace, context.mesh),
        to: if any_operation { Vec::new() } else { vec![To { operation }] },
        when: block.end_user.known()?.map(|user| conditions(user)).transpose()?.unwrap_or_default(),
    })
}

impl AccessRule {
    /// The callers, with namespaces and without the mesh's own trust domain.
    pub(super) fn callers(&self, context: &ServiceContext) -> Known<BTreeSet<Caller>> {
        Ok(self
            .from
            .required_elements()?
            .iter()
            .map(|caller| caller.resolve(context.namespace, context.mesh))
            .collect())
    }

    /// The first HTTP attribute that is set; `None` if none is.
    pub(super) fn http_attribute(&self) -> Known<Option<&'static str>> {
        let attributes = [
            ("methods", self.methods.elements().map(|set| set.is_some())),
            ("paths", self.paths.elements().map(|set| set.is_some())),
            ("hosts", self.hosts.elements().map(|set| set.is_some())),
            ("end_user", self.end_user.known().map(|block| block.is_some())),
        ];
        let first = attributes.iter().find(|(_, is_set)| *is_set == Ok(true));
        match first {
            Some((attribute, _)) => Ok(Some(attribute)),
            None if attributes.iter().any(|(_, is_set)| is_set.is_err()) => Err(Unknown),
            None => Ok(None),
        }
    }

    /// Whether the block applies to requests on a port.
    pub(super) fn governs(&self, port: &Port) -> Known<bool> {
        let names_port = match self.ports.elements()? {
            Some(numbers) => numbers.contains(&port.number()?),
            None => true,
        };
        Ok(names_port && (self.http_attribute()?.is_none() || port.protocol()?.is_http()))
    }
}

/// The operation of a block: with HTTP attributes only on HTTP ports, otherwise on the ports that it names, or on all.
fn operation(ports: &[At<Port>], block: &AccessRule) -> Known<Operation> {
    let http_only = block.http_attribute()?.is_some();
    let numbers = block.ports.elements()?;
    if numbers.is_none() && !http_only {
        return Ok(Operation::default());
    }
    for number in numbers.into_iter().flatten() {
        // A port that the service doesn't have is reported by validation, and counts as unknown.
        ports.iter().find(|port| port.number() == Ok(*number)).ok_or(Unknown)?;
    }
    let mut governed = Vec::new();
    for port in ports {
        if block.governs(port)? {
            governed.push(port);
        }
    }
    let hosts = block.hosts.elements_or_empty()?;
    Ok(Operation {
        methods: block.methods.elements_or_empty()?,
        paths: block.paths.elements_or_empty()?,
        hosts: with_ports(&hosts, &governed)?,
        ports: target_ports(&governed)?,
        ..Operation::default()
    })
}

/// The target ports of the ports that speak HTTP.
pub(super) fn http_ports(context: &ServiceContext) -> Known<BTreeSet<PortNumber>> {
    let mut http = Vec::new();
    for port in context.service.ports()? {
        if port.protocol()?.is_http() {
            http.push(port);
        }
    }
    target_ports(&http)
}

/// The target ports, since policies are evaluated at the pod. A rule without ports would apply to every port; validation
/// reports blocks without one.
fn target_ports(ports: &[&At<Port>]) -> Known<BTreeSet<PortNumber>> {
    let targets = ports.iter().map(|port| port.target_port()).collect::<Known<BTreeSet<_>>>()?;
    if targets.is_empty() { Err(Unknown) } else { Ok(targets) }
}

/// The hosts with and without a port, as requests name them. A pattern takes only one `*`, so a host that begins with it gets
/// the numbers of the ports.
fn with_ports(hosts: &BTreeSet<String>, ports: &[&At<Port>]) -> Known<BTreeSet<String>> {
    let mut all = hosts.clone();
    for host in hosts.iter().filter(|host| !host.ends_with('*') && !has_port(host)) {
        if host.starts_with('*') {
            for port in ports {
                all.insert(format!("{host}:{}", port.number()?));
            }
        } else {
            all.insert(format!("{host}:*"));
        }
    }
    Ok(all)
}

/// Whether a host includes a port. An IPv6 address has colons of its own, in brackets.
fn has_port(host: &str) -> bool {
    host.rsplit(']').next().is_some_and(|rest| rest.contains(':'))
}

/// Conditions on the issuer and the claims of a token. The issuer is matched by the claim `iss`, since `requestPrincipals` also
/// needs the claim `sub`, which not every token has.
fn conditions(user: &EndUser) -> Known<Vec<Condition>> {
    let condition = |claim: &str, values| Condition { values, ..Condition::claim(claim) };
    let issuer = condition("iss", BTreeSet::from([user.issuer.required()?.clone()]));
    let claims = user.claims()?.into_iter().map(|(claim, values)| condition(claim, values.clone()));
    Ok(std::iter::once(issuer).chain(claims).collect())
}
