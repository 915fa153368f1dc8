//! Rules across arguments. Each runs as soon as the values that it needs are known, so that one validation reports all
//! mistakes.

use std::collections::{BTreeMap, BTreeSet};

use super::{Gateway, GatewayProtocol, Server, ServerTlsMode, Tls, TlsVersion};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::{Known, Unknown},
    mesh::{labels, policy_paths::validate_paths},
    schema::{At, Attr},
};

impl Gateway {
    /// Reports violations of rules across arguments.
    pub fn validate(&self, out: &mut Diagnostics) {
        let at = |argument| Path::root().attribute(argument);
        labels::validate_selector(&self.selector, &at("selector"), out);
        labels::validate_labels(&self.labels, &at("labels"), out);
        labels::validate_annotations(&self.annotations, &at("annotations"), out);
        if self.service_account().map(String::as_str) == Ok("default") {
            out.error(
                &Path::root().attribute("service_account"),
                "Service account \"default\"",
                "Every workload of the namespace without an account of its own runs as \"default\", so a service that lets this \
                 gateway in would let all of them in. Give the gateway an account of its own.",
            );
        }
        let Ok(servers) = self.server.known() else { return };
        for server in servers {
            validate_tls(server, out);
        }
        validate_ports(servers, out);
        validate_hosts(servers, out);
        validate_shared_connections(servers, out);
        self.validate_allow(servers, out);
    }

    /// Reports `allow` blocks without effect.
    fn validate_allow(&self, servers: &[At<Server>], out: &mut Diagnostics) {
        let Ok(blocks) = self.allow.known() else { return };
        if !blocks.is_empty() && self.authorization_mode == Attr::Null {
            out.error(
                &Path::root().attribute("allow"),
                "allow without authorization_mode",
                "Without authorization_mode the gateway has no policy, and admits every request. Write authorization_mode = \
                 \"dry_run\" or \"enforce\", or remove the allow blocks.",
            );
        }
        let ports: Vec<_> = servers.iter().filter_map(|server| server.port.copied().ok().flatten()).collect();
        for block in blocks {
            for port in block.ports.elements().ok().flatten().into_iter().flatten() {
                if ports.len() == servers.len() && !ports.contains(port) {
                    out.error(
                        &block.at.attribute("ports"),
                        format!("No server has port {port}"),
                        "Write the port of a server block, not its target_port.",
                    );
                }
            }
            validate_paths(&block.paths, &block.at.attribute("paths"), out);
            let governs = |server: &At<Server>| {
                let port = server.port.required()?;
                Ok(block.ports.elements()?.is_none_or(|ports| ports.contains(port)) && server.sees_requests()?)
            };
            let governed: Known<Vec<bool>> = servers.iter().map(governs).collect();
            if block.is_of_requests() == Ok(true) && governed.is_ok_and(|governed| !governed.contains(&true)) {
                out.error(
                    &block.at,
                    "Rule on requests without an HTTP server",
                    "hosts, methods, paths and tokens are seen by servers of http, http2 and grpc, and of https that end TLS. The block is \
                     for none of them. Remove these arguments, or correct ports.",
                );
            }
        }
    }
}

/// Warns of servers of one port among which a client may reuse a connection: HTTP/2 clients do so for every host of the
/// certificate that they were shown, and the server of that connection answers.
fn validate_shared_connections(servers: &[At<Server>], out: &mut Diagnostics) {
    let tls = |server: &At<Server>| -> Known<_> {
        let Some(tls) = server.tls.known()? else { return Err(Unknown) };
        let (mode, credential) = (tls.mode()?, tls.credential_name.known()?.cloned());
        if mode.terminates_at_gateway() { Ok((*server.port.required()?, mode, credential)) } else { Err(Unknown) }
    };
    for (n, server) in servers.iter().enumerate() {
        let Ok((port, mode, credential)) = tls(server) else { continue };
        for other in servers.iter().take(n) {
            let Ok((other_port, other_mode, other_credential)) = tls(other) else { continue };
            if other_port != port {
                continue;
            }
            if mode != other_mode {
                out.warn(
                    &server.at.attribute("tls").attribute("mode"),
                    "Client certificates required on some hosts of a port",
                    format!(
                        "{} is {other_mode} and this one {mode}, both on port {port}. The server name of a connection decides which of \
                         them it gets, and HTTP/2 clients reuse a connection for every host of its certificate: for hosts of \
                         the other server they get 404, and where hosts of the two overlap, clients without a certificate get \
                         in. Use certificates without names in common, or two ports.",
                        other.at
                    ),
                );
                break;
            }
            if credential.is_some() && credential == other_credential {
                out.warn(
                    &server.at.attribute("tls").attribute("credential_name"),
                    "Two servers of a port with one certificate",
                    format!(
                        "{} has the certificate {}, too, on port {port}. Browsers reuse an HTTP/2 connection for every host of a \
                         certificate, and the server of that connection answers 404 for hosts of this one. Write the hosts into one \
                         server block, or give each server a certificate of its own.",
                        other.at,
                        credential.as_deref().unwrap_or_default()
                    ),
                );
                break;
            }
        }
    }
}

/// Reports a `tls` block that is missing although the protocol uses TLS, and one that is set although it doesn't.
fn validate_tls(server: &At<Server>, out: &mut Diagnostics) {
    let Attr::Known(protocol) = server.protocol else { return };
    let (redirects, tls) = (server.https_redirect() == Ok(true), server.tls.known().ok());
    if protocol.is_tls() && matches!(tls, Some(None)) {
        out.error(
            &server.at.attribute("tls"),
            "Missing required block",
            format!("{protocol} needs a tls block, for example with credential_name = \"my-cert\"."),
        );
    }
    if !protocol.is_tls() && matches!(tls, Some(Some(_))) {
        out.error(
            &server.at.attribute("tls"),
            "TLS on a port without TLS",
            format!("{protocol} is clear text. Write protocol = \"https\" or \"tls\", or remove the block."),
        );
    }
    if redirects && !protocol.is_clear_http() {
        out.error(
            &server.at.attribute("https_redirect"),
            "https_redirect needs an http server",
            format!(
                "https_redirect redirects HTTP requests to HTTPS, and {protocol} isn't HTTP in clear text. Remove it."
            ),
        );
    }
    if let Some(Some(tls)) = tls {
        validate_credential(tls, out);
        validate_versions(tls, out);
    }
}

fn validate_credential(tls: &At<Tls>, out: &mut Diagnostics) {
    let at = tls.at.attribute("credential_name");
    match (tls.mode(), tls.credential_name.known()) {
        (Ok(mode), Ok(None)) if mode.needs_credential() => {
            out.error(
                &at,
                "TLS server without credential_name",
                format!(
                    "{mode} needs one: write credential_name, a TLS Secret in the namespace of the gateway's workloads. (IST0101)"
                ),
            );
        }
        (Ok(mode), Ok(Some(_))) if !mode.needs_credential() => {
            out.error(
                &at,
                "credential_name has no effect with this TLS mode",
                format!("With mode = \"{mode}\" the gateway doesn't read a Secret. Remove credential_name."),
            );
        }
        _ => {}
    }
}

fn validate_versions(tls: &At<Tls>, out: &mut Diagnostics) {
    let at = |argument: &str| tls.at.attribute(argument);
    if let Ok(mode @ (ServerTlsMode::Passthrough | ServerTlsMode::AutoPassthrough)) = tls.mode() {
        let arguments = [
            ("min_version", tls.min_version.is_set()),
            ("max_version", tls.max_version.is_set()),
            ("cipher_suites", tls.cipher_suites.is_set()),
        ];
        for (argument, _) in arguments.iter().filter(|(_, is_set)| *is_set) {
            out.error(
                &at(argument),
                "TLS setting has no effect with this TLS mode",
                format!(
                    "With mode = \"{mode}\" the gateway forwards TLS without terminating it, so the workload decides on \
                     versions and cipher suites. Remove {argument}."
                ),
            );
        }
        return;
    }
    let Ok(least) = tls.min_version() else { return };
    if let Attr::Known(most) = tls.max_version
        && most < least
    {
        out.error(
            &at("max_version"),
            "The maximum is below the minimum",
            format!(
                "No version is both {least} or later and {most} or earlier, and every handshake would fail; Istio accepts it silently. min_version defaults to 1.3."
            ),
        );
    }
    if least == TlsVersion::V13 && tls.cipher_suites.is_set() {
        out.error(
            &at("cipher_suites"),
            "Cipher suites have no effect",
            "TLS 1.3 has its own suites, which can't be chosen, and no older version is admitted. Remove cipher_suites, or write \
             min_version = \"1.2\".",
        );
    }
}

/// Reports servers that share a port but not its protocol.
fn validate_ports(servers: &[At<Server>], out: &mut Diagnostics) {
    let mut first: BTreeMap<_, GatewayProtocol> = BTreeMap::new();
    for server in servers {
        let (Attr::Known(port), Attr::Known(protocol)) = (server.port, server.protocol) else { continue };
        let Some(other) = first.get(&port) else {
            first.insert(port, protocol);
            continue;
        };
        let both_tls = other.is_tls() && protocol.is_tls();
        if !both_tls && (*other != protocol || !protocol.is_clear_http()) {
            out.error(
                &server.at.attribute("port"),
                "Two protocols on one port",
                format!(
                    "Another server speaks {other} on port {port}, and this one {protocol}. Only servers of the same HTTP, or of TLS, \
                     which are distinguished by name, can share a port. Give it another one."
                ),
            );
        }
    }
}

/// Reports a host that two servers have on the same port: Istio ignores the second one.
fn validate_hosts(servers: &[At<Server>], out: &mut Diagnostics) {
    let mut served = BTreeSet::new();
    for server in servers {
        let (Attr::Known(port), Ok(hosts), Ok(namespaces)) =
            (server.port, server.hosts.required_elements(), server.namespaces.required_elements())
        else {
            continue;
        };
        if namespaces.contains("*") && namespaces.len() > 1 {
            out.error(
                &server.at.attribute("namespaces"),
                "\"*\" combined with other namespaces in namespaces",
                "\"*\" is every namespace. Write [\"*\"] alone, or the names alone.",
            );
        }
        for host in hosts {
            for namespace in namespaces {
                let is_same = |(other_port, other_host, other): &(_, &String, String)| {
                    *other_port == port
                        && *other_host == host
                        && (other == "*" || namespace == "*" || other == namespace)
                };
                if served.iter().any(is_same) {
                    out.error(
                        &server.at.attribute("hosts"),
                        "Duplicate host",
                        format!(
                            "Another server has {host} on port {port}, too, and only one of them would serve it. Write it once. \
                             (IST0145)"
                        ),
                    );
                    break;
                }
            }
        }
        served.extend(hosts.iter().flat_map(|host| namespaces.iter().map(move |own| (port, host, own.clone()))));
    }
}
