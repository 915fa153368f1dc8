//! Who may call.

use crate::{
    mesh::{port::PortNumber, reference::Caller},
    model,
    resources::arguments::{every, is_not_empty, text},
    schema::{
        Attr, Block, Map,
        model::{Elements, Set, block, optional, required},
    },
};

model! {
    /// A rule of who may call. With `methods`, `paths`, `hosts` or `end_user` it governs HTTP ports alone; other ports take a block of their own.
    pub struct Allow {
        /// Who.
        from: Set<Caller> = required().check("At least one caller.", is_not_empty),
        /// HTTP methods; any unless written.
        methods: Set<String> = optional()
            .check("At least one method; leave the argument out for any.", is_not_empty)
            .check("Methods in capitals, like `GET`.", |v| every(v, is_method)),
        /// HTTP paths, exact or with `*` at the start or end; any unless written. `/charges/*` isn't `/charges`.
        paths: Set<String> = optional()
            .check("At least one path; leave the argument out for any.", is_not_empty)
            .check("Paths that start with `/` or `*`, with `*` at the start or end alone.", |v| every(v, is_path)),
        /// Ports of the Service, by number; every one that the block governs unless written.
        ports: Set<PortNumber> = optional().check("At least one port; leave the argument out for any.", is_not_empty),
        /// Hosts that requests name, exact or with `*` at the start or end; any unless written. An HTTP attribute, like
        /// `methods` and `paths`.
        hosts: Set<String> = optional()
            .check("At least one host; leave the argument out for any.", is_not_empty)
            .check(HOSTS, |v| every(v, is_host)),
        /// Addresses that connections come from, like `10.0.0.0/8`; any unless written.
        ip_blocks: Set<String> = optional()
            .check("At least one block; leave the argument out for any.", is_not_empty)
            .check(IP_BLOCKS, |v| every(v, is_ip_block)),
        /// The end user that requests must carry a token of. An HTTP attribute.
        end_user: Block<EndUser> = block(),
    }
}

model! {
    /// A rule of who may not call. It beats every `allow`. With `methods`, `paths`, `hosts` or `end_user` it governs HTTP ports
    /// alone.
    pub struct Deny {
        /// Who; `*` is any workload of the mesh, `anonymous` everybody, with an identity or without.
        from: Set<Caller> = required().check("At least one caller.", is_not_empty),
        /// HTTP methods; any unless written.
        methods: Set<String> = optional()
            .check("At least one method; leave the argument out for any.", is_not_empty)
            .check("Methods in capitals, like `GET`.", |v| every(v, is_method)),
        /// HTTP paths, exact or with `*` at the start or end; any unless written.
        paths: Set<String> = optional()
            .check("At least one path; leave the argument out for any.", is_not_empty)
            .check("Paths that start with `/` or `*`, with `*` at the start or end alone.", |v| every(v, is_path)),
        /// Ports of the Service, by number; every one that the block governs unless written.
        ports: Set<PortNumber> = optional().check("At least one port; leave the argument out for any.", is_not_empty),
        /// Hosts that requests name, exact or with `*` at the start or end; any unless written.
        hosts: Set<String> = optional()
            .check("At least one host; leave the argument out for any.", is_not_empty)
            .check(HOSTS, |v| every(v, is_host)),
        /// Addresses that connections come from, like `10.0.0.0/8`; any unless written.
        ip_blocks: Set<String> = optional()
            .check("At least one block; leave the argument out for any.", is_not_empty)
            .check(IP_BLOCKS, |v| every(v, is_ip_block)),
        /// The end user whose requests are refused.
        end_user: Block<EndUser> = block(),
    }
}

model! {
    /// An end user, by a token that the mesh verified: a RequestAuthentication for the issuer must exist, which the central team
    /// writes (`jwt` of `mesh_global_defaults`).
    pub struct EndUser {
        /// Who issued the token: its claim `iss`.
        issuer: Attr<String> = required().check("A text.", |v| text(v, |t| !t.is_empty())),
        /// Claims that the token must carry, each with one of the given values, exact or with `*` at the start or end.
        claims: Map<Elements<String>> = optional().check("At least one claim; leave the argument out for any.", is_not_empty),
    }
}

model! {
    /// Requests without a valid token of an end user are refused, on HTTP ports.
    pub struct RequireEndUser {
        /// Paths that need none, exact or with `*` at the start or end: health checks, sign-in.
        except_paths: Set<String> = optional()
            .check("At least one path; leave the argument out for none.", is_not_empty)
            .check("Paths that start with `/` or `*`, with `*` at the start or end alone.", |v| every(v, is_path)),
    }
}

model! {
    /// Requests are put before an authorizer that the mesh knows; on HTTP ports.
    pub struct ExternalAuthorization {
        /// The name of the extension provider in the mesh's configuration.
        provider: Attr<String> = required().check("A text.", |v| text(v, |t| !t.is_empty())),
        /// Paths that it is asked about, exact or with `*` at the start or end; all unless written.
        paths: Set<String> = optional()
            .check("At least one path; leave the argument out for all.", is_not_empty)
            .check("Paths that start with `/` or `*`, with `*` at the start or end alone.", |v| every(v, is_path)),
    }
}

const HOSTS: &str = "Hosts, with `*` at the start or end alone, like `payments.example.com` or `*.example.com`.";
const IP_BLOCKS: &str = "Addresses, or blocks of them, like `10.1.2.3` or `10.0.0.0/8`.";

fn is_method(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_uppercase() || c == b'-')
}

/// Istio compares by prefix and suffix, and by the path templates `{*}` and `{**}`.
fn is_path(text: &str) -> bool {
    let templated = text.replace("{**}", "x").replace("{*}", "x");
    let inner = templated.strip_prefix('*').unwrap_or(&templated);
    let inner = inner.strip_suffix('*').unwrap_or(inner);
    text.starts_with(['/', '*']) && !inner.contains('*')
}

fn is_host(text: &str) -> bool {
    let inner = text.strip_prefix('*').unwrap_or(text);
    let inner = inner.strip_suffix('*').unwrap_or(inner);
    !text.is_empty() && !inner.contains(|c: char| c == '*' || c == '/' || c.is_whitespace())
}

fn is_ip_block(text: &str) -> bool {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let Ok(address) = address.parse::<std::net::IpAddr>() else { return false };
    let most = if address.is_ipv4() { 32 } else { 128 };
    bits.is_none_or(|bits| bits.parse::<u8>().is_ok_and(|bits| bits <= most))
}
