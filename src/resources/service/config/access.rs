//! Who may call.

use crate::{
    mesh::{patterns, port::PortNumber, reference::Caller},
    model,
    resources::arguments::{every, is_not_empty, text},
    schema::{
        Attr, Block, Map, Value,
        model::{Elements, Set, block, optional, required},
    },
};

model! {
    /// Calls, by who makes them and what they do. With an HTTP attribute (`methods`, `paths`, `hosts`, `end_user`) the block
    /// governs HTTP ports alone; other ports take a block of their own.
    pub struct Calls {
        /// Who. `*` is every workload of the mesh, `anonymous` everybody, with an identity or without.
        from: Set<Caller> = required().check("At least one caller.", is_not_empty),
        /// HTTP methods; any unless written. An HTTP attribute: with one, the block governs HTTP ports alone.
        methods: Set<String> = optional()
            .check("At least one method; leave the argument out for any.", is_not_empty)
            .check("Methods in capitals, like `GET`.", |v| every(v, patterns::is_method)),
        /// HTTP paths; any unless written. An HTTP attribute. `/charges/*` isn't `/charges`.
        paths: Set<String> = optional()
            .check("At least one path; leave the argument out for any.", is_not_empty)
            .check(patterns::PATH_PATTERN, |v| every(v, patterns::is_path_pattern)),
        /// Hosts that requests name, with any port where none is written; any unless written. An HTTP attribute. Clients name
        /// what they like, so this tells names of one service apart, and keeps nobody out.
        hosts: Set<String> = optional()
            .check("At least one host; leave the argument out for any.", is_not_empty)
            .check(patterns::HOST_PATTERN, |v| every(v, patterns::is_host_pattern)),
        /// Ports of the Service, by number; every one that the block governs unless written.
        ports: Set<PortNumber> = optional().check("At least one port; leave the argument out for any.", is_not_empty),
        /// Where connections come from; anywhere unless written. Behind a gateway that is the gateway, not its client.
        ip_blocks: Set<String> = optional()
            .check("At least one block; leave the argument out for any.", is_not_empty)
            .check(patterns::IP_BLOCK, |v| every(v, patterns::is_ip_block)),
        /// The end user whose token requests carry; any, or none, unless written. An HTTP attribute.
        end_user: Block<EndUser> = block(),
    }
}

model! {
    /// An end user, by a token that the mesh verified. A RequestAuthentication for the issuer must exist, which the central
    /// team writes: without it there are no verified tokens.
    pub struct EndUser {
        /// Who issued the token: its claim `iss`, in full.
        issuer: Attr<String> = required().check("As tokens name it, without `*`.", |v| text(v, |t| !t.is_empty() && !t.contains('*'))),
        /// Claims of the token, each with one of the given values; any unless written.
        claims: Map<Elements<String>> = optional()
            .check("At least one claim; leave the argument out for any.", is_not_empty)
            .check(patterns::CLAIM, are_claims)
            .check("At least one value a claim.", |v| every_claim(v, is_not_empty))
            .check(patterns::PATTERN, |v| every_claim(v, |values| every(values, patterns::is_pattern))),
    }
}

model! {
    /// Requests without a verified token of an end user are refused, on HTTP ports. Other ports carry no tokens.
    pub struct RequireEndUser {
        /// Paths that need none, like health checks and sign-in.
        except_paths: Set<String> = optional()
            .check("At least one path; leave the argument out for none.", is_not_empty)
            .check(patterns::PATH_PATTERN, |v| every(v, patterns::is_path_pattern)),
    }
}

model! {
    /// An authorizer that the mesh knows is asked about requests on HTTP ports, before `deny` and `allow` are.
    pub struct ExternalAuthorization {
        /// The name of the extension provider in the mesh's configuration.
        provider: Attr<String> = required().check("The name of a provider.", |v| text(v, |t| !t.is_empty())),
        /// Paths that it is asked about; all unless written.
        paths: Set<String> = optional()
            .check("At least one path; leave the argument out for all.", is_not_empty)
            .check(patterns::PATH_PATTERN, |v| every(v, patterns::is_path_pattern)),
    }
}

fn are_claims(value: &Value) -> bool {
    let Value::Map(claims) = value else { return true };
    claims.keys().all(|name| patterns::is_claim(name))
}

fn every_claim(value: &Value, rule: fn(&Value) -> bool) -> bool {
    let Value::Map(claims) = value else { return true };
    claims.values().all(rule)
}
