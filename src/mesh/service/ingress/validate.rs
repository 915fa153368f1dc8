//! What must hold across the arguments of traffic from outside. Each rule runs when what *it* needs is known.

use super::{Ingress, Pattern};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::{Known, as_known},
    mesh::service::{Management, Port, Service, Unmanaged, validate::listed},
};

impl Service {
    pub(in crate::mesh::service) fn check_ingress(&self, out: &mut Diagnostics) {
        let Ok(blocks) = self.ingress() else { return };
        for (n, block) in blocks.iter().enumerate() {
            self.check_target(block, out);
            check_rewrite(block, out);
            check_covered(block, out);
            let before = blocks.iter().take(n);
            check_name(block, before.clone(), out);
            check_reached(block, before.clone(), out);
            check_hosts(block, before, out);
        }
        if !blocks.is_empty() && self.others.leaves(Unmanaged::VirtualService) == Ok(true) {
            out.error(
                &Path::root().attribute("ingress"),
                "ingress without a VirtualService",
                "ingress is a VirtualService, and unmanaged leaves those to somebody else. Remove the ingress blocks, or take \
                 VirtualService out of unmanaged.",
            );
        }
    }

    /// What takes the requests.
    fn check_target(&self, block: &Ingress, out: &mut Diagnostics) {
        if self.management == Ok(Management::None) {
            out.error(
                &block.at,
                "Ingress without a Service",
                "With service = \"none\" there is nothing that a gateway could send requests to. Remove the block, or say what the \
                 Service is.",
            );
            return;
        }
        let (Ok(ports), Ok(written)) = (self.ports(), block.port) else { return };
        let protocols: Known<Vec<bool>> = ports.iter().map(|port| Ok(port.protocol?.is_http())).collect();
        let Ok(http) = protocols else { return };
        let http: Vec<&Port> = ports.iter().zip(http).filter(|(_, http)| *http).map(|(port, _)| port).collect();
        if http.is_empty() {
            out.error(
                &block.at,
                "Ingress without an HTTP port",
                format!(
                    "A gateway sends requests to ports that speak http, http2 or grpc, and the service has {}. Correct the \
                     protocol of the port, or remove the block.",
                    listed(ports)
                ),
            );
        } else if let Some(number) = written {
            let numbers: Known<Vec<_>> = http.iter().map(|port| port.number).collect();
            if numbers.is_ok_and(|numbers| !numbers.contains(&number)) {
                out.error(
                    &block.at.attribute("port"),
                    format!("No HTTP port {number}"),
                    format!(
                        "The service has {}. Write the number of a port block (not its target port) that speaks http, http2 or grpc.",
                        listed(ports)
                    ),
                );
            }
        } else if http.len() > 1 {
            out.error(
                &block.at,
                "Which port?",
                format!(
                    "The service has {}, and the gateway must know which of the HTTP ports takes these requests. Write port.",
                    listed(ports)
                ),
            );
        }
    }
}

/// Istio refuses a VirtualService whose hosts mean the same requests.
fn check_covered(block: &Ingress, out: &mut Diagnostics) {
    let Ok(hosts) = &block.hosts else { return };
    let wildcards = hosts.iter().filter_map(|host| Some((host, host.strip_prefix('*')?)));
    for (wildcard, end) in wildcards {
        if let Some(host) = hosts.iter().find(|host| *host != wildcard && host.ends_with(end)) {
            out.error(
                &block.at.attribute("hosts"),
                format!("{host:.40} twice"),
                format!("{wildcard} means {host}, too. Remove {host}, or write it in a block of its own, with a name."),
            );
        }
    }
}

fn check_rewrite(block: &Ingress, out: &mut Diagnostics) {
    let (Ok(Some(rewrite)), Ok(patterns)) = (&block.rewrite, block.patterns()) else { return };
    let at = block.at.attribute("rewrite");
    if patterns.is_empty() {
        out.error(
            &at,
            "A rewrite of no path",
            "rewrite takes the place of what paths matches, and there are no paths. Write paths, like [\"/v1/*\"].",
        );
    }
    for garbled in patterns.into_iter().filter(|pattern| pattern.is_garbled_by(rewrite)) {
        let Pattern::Prefix(prefix) = garbled else { continue };
        let rest = if prefix.ends_with('/') { "charges" } else { "/charges" };
        out.error(
            &at,
            "A rewrite that garbles paths",
            format!(
                "Of {prefix}{rest}, {rewrite}{rest} would be left: {rewrite} takes the place of {prefix} to the letter. Let both end \
                 in \"/\", or neither."
            ),
        );
    }
}

/// Blocks of one name are one VirtualService, so what that says once they must say alike.
fn check_name<'a>(block: &Ingress, before: impl Iterator<Item = &'a Ingress>, out: &mut Diagnostics) {
    let Some(first) = alike(block, before).next() else { return };
    let differ = [
        ("gateway", differs(&first.gateway, &block.gateway)),
        ("service_account", differs(&first.account(), &block.account())),
        ("hosts", differs(&first.hosts, &block.hosts)),
    ];
    if let Some((argument, _)) = differ.iter().find(|(_, differs)| *differs) {
        let named = match &block.name {
            Ok(Some(name)) => format!("named \"{name}\""),
            _ => "without a name".to_owned(),
        };
        out.error(
            &block.at.attribute(argument),
            "Two ingresses of one name",
            format!(
                "{} is {named}, too, and has another {argument}. Blocks of one name are one VirtualService, for the same hosts at \
                 the same gateway. Give this block a name of its own.",
                first.at
            ),
        );
    }
}

/// Between two VirtualServices of one host at one gateway there is no order.
fn check_hosts<'a>(block: &Ingress, before: impl Iterator<Item = &'a Ingress>, out: &mut Diagnostics) {
    let (Ok(gateway), Ok(hosts), Ok(name)) = (&block.gateway, &block.hosts, &block.name) else { return };
    for other in before {
        let (Ok(others), Ok(theirs)) = (&other.hosts, &other.name) else { continue };
        if other.gateway.as_ref() != Ok(gateway) || theirs == name {
            continue;
        }
        if let Some(host) = hosts.intersection(others).next() {
            out.error(
                &block.at.attribute("hosts"),
                format!("{host:.40} twice at one gateway"),
                format!(
                    "{} has this host at {gateway}, too, under another name, and which of the two is tried first is left to chance. \
                     Give both blocks the same name and the same hosts: then their order here counts.",
                    other.at
                ),
            );
        }
    }
}

/// What an earlier block of the name takes never reaches a later one.
fn check_reached<'a>(block: &Ingress, before: impl Iterator<Item = &'a Ingress>, out: &mut Diagnostics) {
    let Ok(patterns) = block.patterns() else { return };
    for earlier in alike(block, before) {
        let Ok(taken) = earlier.patterns() else { continue };
        let covered = |pattern: &Pattern| taken.iter().any(|taken| taken.covers(*pattern));
        if taken.is_empty() || !patterns.is_empty() && patterns.iter().all(covered) {
            out.error(
                &block.at,
                "An ingress that is never reached",
                format!(
                    "{} comes first and takes all of its requests (IST0130). Put this block before it, or remove it.",
                    earlier.at
                ),
            );
            return;
        }
    }
}

/// Those of the same name.
fn alike<'a>(block: &Ingress, before: impl Iterator<Item = &'a Ingress>) -> impl Iterator<Item = &'a Ingress> {
    let name = as_known(&block.name).ok().cloned();
    before.filter(move |other| name.is_some() && as_known(&other.name).ok() == name.as_ref())
}

fn differs<T: PartialEq>(one: &Known<T>, other: &Known<T>) -> bool {
    matches!((one, other), (Ok(one), Ok(other)) if one != other)
}
