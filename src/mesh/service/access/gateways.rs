//! The gateways of `ingress` blocks as callers. If an `allow` block names a gateway, exactly or by a pattern, the `allow` blocks
//! alone say what comes through it: a rule of the `ingress` beside them would let in what they leave out. Else the `ingress`
//! makes a rule of its own.

use std::collections::BTreeSet;

use super::{AccessRule, rule::with_ports};
use crate::{
    diagnostics::Diagnostics,
    known::Known,
    mesh::{
        istio::authorization_policy::{Operation, Rule, Source, To},
        policy_evaluation::matches_path,
        port::PortNumber,
        reference::Caller,
        service::{
            Ingress, ServiceContext,
            ingress::{self, IngressProtocol, RewrittenRequests},
        },
        sources::sources,
    },
    schema::At,
};

/// Whether an `allow` block names the gateway.
pub(super) fn is_named_by_allow(context: &ServiceContext, ingress: &Ingress) -> Known<bool> {
    Ok(!naming_blocks(context, ingress)?.is_empty())
}

/// The `allow` blocks that name the gateway. One for `anonymous` names no identity, so it counts only if it is about the port of
/// the `ingress`: it may be about scrapers.
fn naming_blocks<'a>(context: &ServiceContext<'a>, ingress: &Ingress) -> Known<Vec<&'a At<AccessRule>>> {
    let (gateway, port) = (ingress.caller()?, ingress.target(context.service.ports()?)?);
    let mut naming = Vec::new();
    for block in context.service.allow()? {
        let callers = block.callers(context)?;
        let names = callers.iter().any(|caller| *caller != Caller::Anonymous && caller.overlaps(&gateway));
        if names || callers.contains(&Caller::Anonymous) && block.governs(port)? {
            naming.push(block);
        }
    }
    Ok(naming)
}

/// Returns the rule that admits the gateway of an `ingress` block: to the port that it forwards to, and for requests with the hosts
/// of the block and the paths after the rewrite, or with those that routes make of them. Gateways leave the host as clients name it.
pub(super) fn ingress_rule(context: &ServiceContext, block: &At<Ingress>) -> Known<Rule> {
    let ports = BTreeSet::from([block.target(context.service.ports()?)?.target_port()?]);
    let connections = Operation { ports, ..Operation::default() };
    let mut operations = Vec::new();
    if block.protocol()? == IngressProtocol::Http {
        let hosts = block.hosts.required_elements()?;
        // `*` is every host.
        let hosts = if hosts.contains("*") { BTreeSet::new() } else { with_default_ports(hosts) };
        operations.push(Operation { paths: block.forwarded_paths()?, hosts, ..connections });
        for RewrittenRequests { paths, host } in ingress::rewritten_requests(context, block)? {
            let usual = operations.first().cloned().unwrap_or_default();
            if usual.paths.is_empty() && host.is_none() {
                continue;
            }
            let paths = if paths.is_empty() { usual.paths.clone() } else { paths };
            let hosts = host.map_or_else(|| usual.hosts.clone(), |host| with_default_ports(&BTreeSet::from([host])));
            let operation = Operation { paths, hosts, ..usual };
            if !operations.contains(&operation) {
                operations.push(operation);
            }
        }
    } else {
        operations.push(connections);
    }
    let from = sources(&BTreeSet::from([block.caller()?]), &Source::default(), context.namespace, context.mesh);
    Ok(Rule { from, to: operations.into_iter().map(|operation| To { operation }).collect(), ..Rule::default() })
}

/// The hosts with and without a port, which at gateways is one of the usual ones.
fn with_default_ports(hosts: &BTreeSet<String>) -> BTreeSet<String> {
    with_ports(hosts, &BTreeSet::from([PortNumber::HTTP, PortNumber::HTTPS]))
}

/// Warns of paths of `ingress` blocks that no `allow` block admits, although `allow` blocks name the gateway.
pub(super) fn validate_coverage(context: &ServiceContext, out: &mut Diagnostics) {
    for block in context.service.ingress.known().into_iter().flatten() {
        // A block is skipped where its check needs an unknown value.
        let _ = validate_block(context, block, out);
    }
}

fn validate_block(context: &ServiceContext, block: &At<Ingress>, out: &mut Diagnostics) -> Known<()> {
    let gateway = block.caller()?;
    let naming = naming_blocks(context, block)?;
    if naming.is_empty() {
        return Ok(());
    }
    let port = block.target(context.service.ports()?)?;
    let for_requests = block.protocol()? == IngressProtocol::Http;
    let forwarded = block.forwarded_paths()?;
    let mut paths = if forwarded.is_empty() { BTreeSet::from(["/*".to_owned()]) } else { forwarded };
    if for_requests {
        paths.extend(ingress::rewritten_requests(context, block)?.into_iter().flat_map(|requests| requests.paths));
    }
    let mut uncovered = Vec::new();
    for path in paths {
        let mut is_covered = false;
        for rule in &naming {
            let excludes_gateway = rule.excepted_callers(context)?.iter().any(|caller| caller.overlaps(&gateway));
            is_covered |= !excludes_gateway && rule.governs(port)? && (!for_requests || admits_path(rule, &path)?);
        }
        if !is_covered {
            uncovered.push(format!("\"{path}\""));
        }
    }
    if !uncovered.is_empty() && !for_requests {
        out.warn(
            &block.at,
            "allow refuses connections through the gateway",
            format!(
                "allow names {gateway}, so the allow blocks alone say what it may call, and none of them governs port {}. Connections \
                 that come through the gateway are refused. Write an allow block for the gateway with ports = [{0}].",
                port.number()?
            ),
        );
    } else if !uncovered.is_empty() {
        out.warn(
            &block.at,
            "allow refuses requests through the gateway",
            format!(
                "allow names {gateway}, so the allow blocks alone say what it may call, and none of them admits {} on port {}. \
                 Requests that arrive there through the gateway are refused (403). Add the paths, as they are after a rewrite, to an \
                 allow block, or take them out of ingress.",
                uncovered.join(", "),
                port.number()?
            ),
        );
    }
    Ok(())
}

/// Whether the paths of a block include those of a pattern, which is a path or a prefix with `*`. A prefix is included if a path
/// of it is that no rule names.
fn admits_path(rule: &AccessRule, pattern: &str) -> Known<bool> {
    let example = pattern.replace('*', "a-path-that-no-rule-names");
    let names = |paths: &BTreeSet<String>| paths.iter().any(|path| matches_path(path, &example));
    let excepted = rule.except.known()?.map_or(Ok(false), |except| Ok(except.paths.elements()?.is_some_and(names)))?;
    Ok(!excepted && rule.paths.elements()?.is_none_or(names))
}
