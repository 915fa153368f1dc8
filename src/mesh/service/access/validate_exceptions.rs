//! Rules of `allow` and `deny` blocks about what they leave out, and about addresses of clients behind gateways.

use std::collections::BTreeSet;

use super::{AccessRule, conditions, rule::Effect};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::Known,
    mesh::{
        policy_paths::validate_paths,
        reference::Caller,
        service::{Service, ServiceContext, ingress, validate::format_ports},
    },
    schema::{At, Attr, Set},
};

impl Service {
    /// Reports exceptions of a block that leave nothing, or that can't hold, and literals that are probably regular expressions.
    pub(super) fn validate_exceptions(&self, effect: Effect, block: &At<AccessRule>, out: &mut Diagnostics) {
        validate_paths(&block.paths, &block.at.attribute("paths"), out);
        for condition in block.when.known().into_iter().flatten() {
            conditions::validate(condition, out);
        }
        let Ok(Some(except)) = block.except.known() else { return };
        let sets = [&except.methods, &except.paths, &except.hosts, &except.ip_blocks, &except.remote_ip_blocks];
        if sets.iter().all(|set| **set == Attr::Null) && except.from == Attr::Null && except.ports == Attr::Null {
            out.error(
                &except.at,
                "Empty except block",
                "Write what the block leaves out: from, methods, paths, hosts, ports, ip_blocks or remote_ip_blocks; or remove it.",
            );
        }
        validate_paths(&except.paths, &except.at.attribute("paths"), out);
        if except.from.elements().is_ok_and(|from| from.is_some_and(|from| from.contains(&Caller::Anonymous))) {
            out.error(
                &except.at.attribute("from"),
                "No caller matches the block",
                "\"anonymous\" is every client, with an identity or without. Write \"*\" for all workloads of the mesh, or remove it.",
            );
        }
        if let Some(all) = except.paths.elements().ok().flatten().into_iter().flatten().find(|path| is_every_path(path))
        {
            out.error(
                &except.at.attribute("paths"),
                "No path matches the block",
                format!(
                    "{all:?} is every path, so the block would match no request. Write the paths that it leaves out."
                ),
            );
        }
        let values = [
            ("methods", &block.methods, &except.methods),
            ("paths", &block.paths, &except.paths),
            ("hosts", &block.hosts, &except.hosts),
            ("ip_blocks", &block.ip_blocks, &except.ip_blocks),
            ("remote_ip_blocks", &block.remote_ip_blocks, &except.remote_ip_blocks),
        ];
        for (argument, values, excepted) in values {
            let (Ok(Some(values)), Ok(Some(excepted))) = (values.elements(), excepted.elements()) else { continue };
            if !values.is_empty() && values.is_subset(excepted) {
                out.error(
                    &except.at.attribute(argument),
                    format!("except leaves no {argument}"),
                    format!(
                        "except lists every value of {argument} in the block, so the block would match no request. Remove \
                         from except the values that the block is meant for, or remove the block."
                    ),
                );
            }
        }
        if effect == Effect::Allow {
            validate_hosts(&except.hosts, &except.at.attribute("hosts"), out);
        }
        let (Ok(ports), Ok(Some(numbers))) = (self.ports(), except.ports.elements()) else { return };
        if let Some(number) =
            numbers.iter().find(|number| ports.iter().all(|port| port.number().is_ok_and(|own| own != **number)))
        {
            out.error(
                &except.at.attribute("ports"),
                format!("No port {number}"),
                format!("The service has {}. Write numbers of port blocks (not target ports).", format_ports(ports)),
            );
        } else if !ports.is_empty() && ports.iter().all(|port| block.governs(port) == Ok(false)) {
            out.error(
                &except.at.attribute("ports"),
                "No port matches the block",
                format!(
                    "With except.ports, the block applies to no port of the service, which has {}. Remove from except a \
                     port that the block is meant for, or remove the block.",
                    format_ports(ports)
                ),
            );
        }
    }
}

/// Reports blocks whose callers are all left out, and addresses of clients that other callers than gateways could make up.
pub(super) fn validate_in_mesh(context: &ServiceContext, block: &At<AccessRule>, out: &mut Diagnostics) -> Known<()> {
    let (callers, excepted) = (block.callers(context)?, block.excepted_callers(context)?);
    let is_left_out = |caller: &Caller| excepted.iter().any(|excepted| excepted.includes(caller));
    if !callers.is_empty() && !excepted.contains(&Caller::Anonymous) && callers.iter().all(is_left_out) {
        out.error(
            &block.at.attribute("except").attribute("from"),
            "No caller matches the block",
            "except covers every caller in from of the block, so the block would match no request. Remove from except the \
             callers that the block is meant for, or remove the block.",
        );
    }
    let in_except = block.except.known()?.is_some_and(|except| except.remote_ip_blocks.is_set());
    if !in_except && !block.remote_ip_blocks.is_set() {
        return Ok(());
    }
    let gateways = ingress::callers(context)?;
    let is_gateway = |caller: &Caller| {
        let namespace = caller.namespace();
        gateways.contains(caller) || namespace.is_some_and(|name| context.mesh.gateway_namespaces.contains(name))
    };
    let others: BTreeSet<String> =
        callers.iter().filter(|caller| !is_gateway(caller)).map(|caller| format!("\"{caller}\"")).collect();
    if !others.is_empty() {
        let argument = block.at.attribute("remote_ip_blocks");
        out.error(
            &if in_except { block.at.attribute("except").attribute("remote_ip_blocks") } else { argument },
            "remote_ip_blocks can be forged by callers",
            format!(
                "Sidecars take the client's address from X-Forwarded-For, which every caller in the mesh can set. Only \
                 gateways overwrite that header, but from also names {}, which neither an ingress block nor the provider's \
                 gateway_namespaces declares as gateways. Write a separate block for the gateways, or use ip_blocks for \
                 callers in the mesh.",
                others.into_iter().collect::<Vec<_>>().join(", ")
            ),
        );
    }
    Ok(())
}

/// Reports host patterns that clients evade by adding a port to the host: a pattern that begins with `*` can't end with
/// another.
pub(super) fn validate_hosts(hosts: &Set<String>, at: &Path, out: &mut Diagnostics) {
    let Ok(Some(hosts)) = hosts.elements() else { return };
    for host in hosts.iter().filter(|host| host.len() > 1 && host.starts_with('*')) {
        out.error(
            at,
            format!("{host:.30} can be evaded"),
            format!(
                "Clients may name a host with a port, like {}:1, which doesn't end as {host} does. Write whole hosts, which are \
                 refused with every port, or refuse by from or paths.",
                host.replacen('*', "x", 1)
            ),
        );
    }
}

/// Whether a pattern matches every path.
pub(super) fn is_every_path(path: &str) -> bool {
    matches!(path, "*" | "/*" | "/{**}")
}
