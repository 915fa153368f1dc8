//! Rules across the arguments of `ingress` blocks. Each runs as soon as the values that it needs are known.

use super::{Ingress, IngressProtocol, PathPattern, validate_protocol::validate_protocol};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::Known,
    mesh::patterns,
    mesh::service::{Port, Service, ServiceManagement, Unmanaged, validate::format_ports},
    schema::{At, Attr},
};

impl Service {
    /// Reports violations of rules across the blocks.
    pub(in crate::mesh::service) fn validate_ingress(&self, out: &mut Diagnostics) {
        let Ok(blocks) = self.ingress.known() else { return };
        for (n, block) in blocks.iter().enumerate() {
            self.validate_target(block, out);
            validate_paths(block, out);
            validate_protocol(block, out);
            validate_rewrite(block, out);
            validate_hosts_are_distinct(block, out);
            let before = blocks.iter().take(n);
            validate_name(block, before.clone(), out);
            validate_is_reached(block, before.clone(), out);
            validate_hosts(block, before, out);
        }
        self.validate_ingress_routes(out);
        if !blocks.is_empty() && self.takeover.is_unmanaged(Unmanaged::VirtualService) == Ok(true) {
            out.error(
                &Path::root().attribute("ingress"),
                "ingress without a VirtualService",
                "ingress is rendered as a VirtualService, and unmanaged leaves VirtualServices to another tool. Remove the ingress blocks, or take \
                 VirtualService out of unmanaged.",
            );
        }
    }

    /// Reports blocks without exactly one port that can receive the requests.
    fn validate_target(&self, block: &At<Ingress>, out: &mut Diagnostics) {
        if self.management() == Ok(ServiceManagement::None) {
            out.error(
                &block.at,
                "Ingress without a Service",
                "With service = \"none\" there is nothing that a gateway could send requests to. Remove the block, or say what the \
                 Service is.",
            );
            return;
        }
        let (Ok(ports), Ok(number), Ok(protocol)) = (self.ports(), block.port.copied(), block.protocol()) else {
            return;
        };
        let for_requests = protocol == IngressProtocol::Http;
        let protocols: Known<Vec<bool>> =
            ports.iter().map(|port| Ok(port.protocol()?.is_http() == for_requests)).collect();
        let Ok(fitting) = protocols else { return };
        let fitting: Vec<&At<Port>> =
            ports.iter().zip(fitting).filter(|(_, fits)| *fits).map(|(port, _)| port).collect();
        let (kind, condition) =
            if for_requests { ("HTTP", "http, http2 or grpc") } else { ("TCP", "tls, https, tcp or the like") };
        if fitting.is_empty() {
            out.error(
                &block.at,
                format!("Ingress without {} {kind} port", if for_requests { "an" } else { "a" }),
                format!(
                    "With protocol = \"{protocol}\" a gateway sends {} to ports that speak {condition}, and the service has {}. Correct \
                     the protocol of the port or of the block, or remove the block.",
                    if for_requests { "requests" } else { "connections" },
                    format_ports(ports)
                ),
            );
        } else if let Some(number) = number {
            let numbers: Known<Vec<_>> = fitting.iter().map(|port| port.number()).collect();
            if numbers.is_ok_and(|numbers| !numbers.contains(&number)) {
                out.error(
                    &block.at.attribute("port"),
                    format!("No {kind} port {number}"),
                    format!(
                        "The service has {}. Write the number of a port block (not its target port) that speaks {condition}.",
                        format_ports(ports)
                    ),
                );
            }
        } else if fitting.len() > 1 {
            out.error(
                &block.at,
                "Several ports match: set port",
                format!(
                    "The service has {}, and the gateway needs to know which of the {kind} ports receives the traffic. Write port.",
                    format_ports(ports)
                ),
            );
        }
    }
}

/// Reports hosts that a wildcard host of the block covers: Istio refuses such a VirtualService.
fn validate_hosts_are_distinct(block: &At<Ingress>, out: &mut Diagnostics) {
    let Ok(hosts) = block.hosts.required_elements() else { return };
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

/// Reports paths that are probably regular expressions.
fn validate_paths(block: &At<Ingress>, out: &mut Diagnostics) {
    let paths = block.paths.elements().ok().flatten().into_iter().flatten();
    for path in paths.filter(|path| patterns::looks_like_regex(path)) {
        out.error(
            &block.at.attribute("paths"),
            "Regular expression in paths",
            format!(
                "paths are literal but for a * at the end, and {path:?} would match no request that you mean. Write the part that is \
                 always the same, and *: \"/items/*\"; a route block with applies_to = [\"ingress\"] and path_regex matches requests more precisely within it."
            ),
        );
    }
}

/// Reports rewrites without paths, and those that join prefix and rest of a path without or with two slashes.
fn validate_rewrite(block: &At<Ingress>, out: &mut Diagnostics) {
    let (Attr::Known(rewrite), Ok(patterns)) = (&block.rewrite, block.patterns()) else { return };
    let at = block.at.attribute("rewrite");
    if patterns.is_empty() {
        out.error(
            &at,
            "Rewrite without path",
            "rewrite replaces the path that paths matches, and there are no paths. Write paths, like [\"/v1/*\"].",
        );
    }
    for garbled in patterns.into_iter().filter(|pattern| pattern.is_garbled_by(rewrite)) {
        let PathPattern::Prefix(prefix) = garbled else { continue };
        let rest = if prefix.ends_with('/') { "charges" } else { "/charges" };
        let advice = if prefix.ends_with('/') {
            format!("rewrite = \"{rewrite}/\"")
        } else {
            format!("paths = [\"{prefix}\", \"{prefix}/*\"]")
        };
        out.error(
            &at,
            "Rewrite breaks longer paths",
            format!(
                "A request for {prefix}{rest} would be sent as {rewrite}{rest}, because {rewrite} replaces exactly {prefix}. Write \
                 {advice}."
            ),
        );
    }
}

/// Reports blocks of one name, which make one VirtualService, with different gateways, accounts or hosts.
fn validate_name<'a>(block: &At<Ingress>, before: impl Iterator<Item = &'a At<Ingress>>, out: &mut Diagnostics) {
    let Some(first) = of_same_name(block, before).next() else { return };
    let differ = [
        ("gateway", differs(first.gateway.required(), block.gateway.required())),
        ("service_account", differs(first.service_account(), block.service_account())),
        ("hosts", differs(first.hosts.required_elements(), block.hosts.required_elements())),
    ];
    if let Some((argument, _)) = differ.iter().find(|(_, differs)| *differs) {
        let named = match &block.name {
            Attr::Known(name) => format!("named \"{name}\""),
            _ => "without a name".to_owned(),
        };
        out.error(
            &block.at.attribute(argument),
            "Two ingresses of one name",
            format!(
                "{} is {named}, too, and differs in {argument}. Blocks of one name are one VirtualService, for the same hosts at \
                 the same gateway. Give this block a name of its own.",
                first.at
            ),
        );
    }
}

/// Reports a host that blocks of different names have at one gateway: two VirtualServices of one host have no order.
fn validate_hosts<'a>(block: &At<Ingress>, before: impl Iterator<Item = &'a At<Ingress>>, out: &mut Diagnostics) {
    let (Ok(gateway), Ok(hosts), Ok(name)) =
        (block.gateway.required(), block.hosts.required_elements(), block.name.known())
    else {
        return;
    };
    for other in before {
        let (Ok(other_hosts), Ok(other_name)) = (other.hosts.required_elements(), other.name.known()) else { continue };
        if other.gateway.required() != Ok(gateway) || other_name == name || !receives_the_same(block, other) {
            continue;
        }
        if let Some(host) = hosts.intersection(other_hosts).next() {
            out.error(
                &block.at.attribute("hosts"),
                format!("{host:.40} twice at one gateway"),
                format!(
                    "{} has this host at {gateway}, too, under another name, and the order of the two isn't defined. \
                     Give both blocks the same name and the same hosts: then their order here counts.",
                    other.at
                ),
            );
        }
    }
}

/// Whether both blocks are known to be for requests, or for connections of one protocol that arrive on one port of the gateway.
/// Requests, TLS connections and TCP connections have lists of rules of their own.
fn receives_the_same(one: &Ingress, other: &Ingress) -> bool {
    let (Ok(port), Ok(other_port)) = (one.gateway_port.copied(), other.gateway_port.copied()) else { return false };
    one.protocol().is_ok_and(|protocol| other.protocol() == Ok(protocol))
        && (port.is_none() || other_port.is_none() || port == other_port)
}

/// Reports a block whose requests all match an earlier block of the same name.
fn validate_is_reached<'a>(block: &At<Ingress>, before: impl Iterator<Item = &'a At<Ingress>>, out: &mut Diagnostics) {
    let (Ok(patterns), Ok(protocol)) = (block.patterns(), block.protocol()) else { return };
    for earlier in of_same_name(block, before).filter(|earlier| earlier.protocol() == Ok(protocol)) {
        let Ok(taken) = earlier.patterns() else { continue };
        // Blocks for connections of two ports don't meet.
        if !matches!(earlier.gateway_port, Attr::Null) && earlier.gateway_port != block.gateway_port {
            continue;
        }
        let covered = |pattern: &PathPattern| taken.iter().any(|taken| taken.covers(*pattern));
        if taken.is_empty() || !patterns.is_empty() && patterns.iter().all(covered) {
            out.error(
                &block.at,
                "Ingress block is never reached",
                format!(
                    "{} is tried first, and matches all of its requests (IST0130). Put this block before it, or remove it.",
                    earlier.at
                ),
            );
            return;
        }
    }
}

/// The earlier blocks of the same name.
fn of_same_name<'a>(
    block: &At<Ingress>,
    before: impl Iterator<Item = &'a At<Ingress>>,
) -> impl Iterator<Item = &'a At<Ingress>> {
    let name = block.name.clone();
    before.filter(move |other| name != Attr::Unknown && other.name == name)
}

/// Whether two values are known and differ.
fn differs<T: PartialEq>(one: Known<T>, other: Known<T>) -> bool {
    matches!((one, other), (Ok(one), Ok(other)) if one != other)
}
