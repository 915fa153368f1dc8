//! An `allow` or `deny` block as a rule of an AuthorizationPolicy. The block names ports of the Service, the rule ports of the
//! pods.
//!
//! An ALLOW rule always names the ports that the block governs: without them it would open ports that no `port` block declares,
//! where neither `deny` blocks with HTTP attributes nor `require_end_user` hold. So does every rule with HTTP attributes: on a TCP
//! port an ALLOW rule with one never matches, and a DENY rule with one refuses every connection. A DENY rule by identity
//! alone names no ports, and holds on undeclared ports, too.

use std::collections::BTreeSet;

use super::{AccessRule, Exceptions};
use crate::{
    known::{Known, Unknown, any},
    mesh::{
        istio::authorization_policy::{Operation, Rule, Source, To},
        port::PortNumber,
        reference::Caller,
        service::{Port, ServiceContext},
        sources::sources,
    },
    schema::{At, Set},
};

/// What a block does with the requests that it matches.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// An `allow` block admits them.
    Allow,
    /// A `deny` block refuses them.
    Deny,
}

impl Effect {
    /// The name of the blocks.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

/// Renders the rule.
pub(super) fn rule(context: &ServiceContext, block: &AccessRule, effect: Effect) -> Known<Rule> {
    let callers = block.callers(context)?;
    if callers.is_empty() {
        // To Istio, a rule without sources admits every source. Decoding has reported the empty set.
        return Err(Unknown);
    }
    let mut when = block.end_user.known()?.map(|user| user.conditions()).transpose()?.unwrap_or_default();
    for condition in block.when.known()? {
        when.push(condition.render()?);
    }
    Ok(Rule {
        from: sources(&callers, &limits(context, block)?, context.namespace, context.mesh),
        to: To::unless_any(operation(context.service.ports()?, block, effect)?),
        when,
    })
}

/// The addresses of a block, and the callers and addresses that it leaves out: the same for each of its sources.
fn limits(context: &ServiceContext, block: &AccessRule) -> Known<Source> {
    let mut limits = Source {
        ip_blocks: block.ip_blocks.elements_or_empty()?,
        remote_ip_blocks: block.remote_ip_blocks.elements_or_empty()?,
        ..Source::default()
    };
    if let Some(except) = block.except.known()? {
        limits.not_ip_blocks = except.ip_blocks.elements_or_empty()?;
        limits.not_remote_ip_blocks = except.remote_ip_blocks.elements_or_empty()?;
        let callers = except.from.elements_or_empty()?;
        for from in sources(&callers, &Source::default(), context.namespace, context.mesh) {
            limits.not_principals.extend(from.source.principals);
            limits.not_namespaces.extend(from.source.namespaces);
        }
    }
    Ok(limits)
}

impl AccessRule {
    /// The callers, with namespaces and without the mesh's own trust domain.
    pub(super) fn callers(&self, context: &ServiceContext) -> Known<BTreeSet<Caller>> {
        Ok(resolved(self.from.required_elements()?, context))
    }

    /// The callers that the block leaves out, in the same form.
    pub(super) fn excepted_callers(&self, context: &ServiceContext) -> Known<BTreeSet<Caller>> {
        let Some(except) = self.except.known()? else { return Ok(BTreeSet::new()) };
        Ok(resolved(&except.from.elements_or_empty()?, context))
    }

    /// The first HTTP attribute that is set, as `paths` or `except.paths`; `None` if none is.
    pub(super) fn http_attribute(&self) -> Known<Option<&'static str>> {
        let is_set = |set: &Set<String>| set.elements().map(|set| set.is_some());
        let except = |set: fn(&Exceptions) -> &Set<String>| {
            self.except.known()?.map_or(Ok(false), |except| set(except).elements().map(|set| set.is_some()))
        };
        let attributes = [
            ("methods", is_set(&self.methods)),
            ("paths", is_set(&self.paths)),
            ("hosts", is_set(&self.hosts)),
            ("remote_ip_blocks", is_set(&self.remote_ip_blocks)),
            ("end_user", self.end_user.known().map(|block| block.is_some())),
            ("except.methods", except(|except| &except.methods)),
            ("except.paths", except(|except| &except.paths)),
            ("except.hosts", except(|except| &except.hosts)),
            ("except.remote_ip_blocks", except(|except| &except.remote_ip_blocks)),
            ("when", self.when.known().and_then(|blocks| any(blocks.iter().map(|block| block.is_of_requests())))),
        ];
        let first = attributes.iter().find(|(_, is_set)| *is_set == Ok(true));
        match first {
            Some((attribute, _)) => Ok(Some(attribute)),
            None if attributes.iter().any(|(_, is_set)| is_set.is_err()) => Err(Unknown),
            None => Ok(None),
        }
    }

    /// The ports of the Service that the block leaves out.
    fn excepted_ports(&self) -> Known<BTreeSet<PortNumber>> {
        self.except.known()?.map_or(Ok(BTreeSet::new()), |except| except.ports.elements_or_empty())
    }

    /// Whether the block says on which ports it holds.
    pub(super) fn names_ports(&self) -> Known<bool> {
        Ok(self.ports.elements()?.is_some() || self.target_ports.elements()?.is_some())
    }

    /// Whether the block applies to requests on a port of the Service.
    pub(super) fn governs(&self, port: &Port) -> Known<bool> {
        if self.excepted_ports()?.contains(&port.number()?) {
            return Ok(false);
        }
        let names_port = match self.ports.elements()? {
            Some(numbers) => numbers.contains(&port.number()?),
            None => !self.names_ports()?,
        };
        Ok(names_port && (self.http_attribute()?.is_none() || port.protocol()?.is_http()))
    }
}

fn resolved(callers: &BTreeSet<Caller>, context: &ServiceContext) -> BTreeSet<Caller> {
    callers.iter().map(|caller| caller.resolve(context.namespace, context.mesh)).collect()
}

/// The operation of a block. Ports that it leaves out aren't among those that it governs; a rule without ports names them.
fn operation(ports: &[At<Port>], block: &AccessRule, effect: Effect) -> Known<Operation> {
    let excepted = block.excepted_ports()?;
    for number in block.ports.elements()?.into_iter().flatten().chain(&excepted) {
        // A port that the service doesn't have is reported by validation, and counts as unknown.
        ports.iter().find(|port| port.number() == Ok(*number)).ok_or(Unknown)?;
    }
    let is_by_identity_alone = block.http_attribute()?.is_none() && !block.names_ports()?;
    if is_by_identity_alone && (effect == Effect::Deny || ports.is_empty()) {
        let excepted = ports.iter().filter(|port| port.number().is_ok_and(|number| excepted.contains(&number)));
        return Ok(Operation { not_ports: target_ports(excepted)?, ..Operation::default() });
    }
    let mut governed = Vec::new();
    for port in ports {
        if block.governs(port)? {
            governed.push(port);
        }
    }
    let undeclared = block.target_ports.elements_or_empty()?;
    let hosts = block.hosts.elements_or_empty()?;
    let except = block.except.known()?;
    let except = |set: fn(&Exceptions) -> &Set<String>| {
        except.map_or(Ok(BTreeSet::new()), |except| set(except).elements_or_empty())
    };
    let mut numbers = governed.iter().map(|port| port.number()).collect::<Known<BTreeSet<_>>>()?;
    numbers.extend(&undeclared);
    let mut targets = target_ports(governed)?;
    targets.extend(&undeclared);
    Ok(Operation {
        methods: block.methods.elements_or_empty()?,
        paths: block.paths.elements_or_empty()?,
        hosts: with_ports(&hosts, &numbers),
        not_methods: except(|except| &except.methods)?,
        not_paths: except(|except| &except.paths)?,
        not_hosts: with_ports(&except(|except| &except.hosts)?, &numbers),
        ports: some_ports(targets)?,
        not_ports: BTreeSet::new(),
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
    some_ports(target_ports(http)?)
}

/// The target ports, since policies are evaluated at the pod.
pub(super) fn target_ports<'a>(ports: impl IntoIterator<Item = &'a At<Port>>) -> Known<BTreeSet<PortNumber>> {
    ports.into_iter().map(|port| port.target_port()).collect()
}

/// A rule without ports would apply to every port. Validation reports blocks without one.
fn some_ports(ports: BTreeSet<PortNumber>) -> Known<BTreeSet<PortNumber>> {
    if ports.is_empty() { Err(Unknown) } else { Ok(ports) }
}

/// The hosts with and without a port, as requests name them. A pattern takes only one `*`, so a host that begins with it gets
/// the numbers of the ports.
pub(super) fn with_ports(hosts: &BTreeSet<String>, ports: &BTreeSet<PortNumber>) -> BTreeSet<String> {
    let mut all = hosts.clone();
    for host in hosts.iter().filter(|host| !host.ends_with('*') && !has_port(host)) {
        if host.starts_with('*') {
            all.extend(ports.iter().map(|port| format!("{host}:{port}")));
        } else {
            all.insert(format!("{host}:*"));
        }
    }
    all
}

/// Whether a host includes a port. An IPv6 address has colons of its own, in brackets.
fn has_port(host: &str) -> bool {
    host.rsplit(']').next().is_some_and(|rest| rest.contains(':'))
}
