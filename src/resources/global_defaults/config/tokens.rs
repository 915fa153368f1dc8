//! Tokens of end users.

use crate::{
    mesh::{global_defaults::Jwks, patterns, port::PortNumber},
    model,
    resources::arguments::{every, is_not_empty, text},
    schema::{
        Attr, Map, Value,
        model::{Set, optional, required},
    },
};

model! {
    /// An issuer.
    pub struct Jwt {
        /// Who issues the tokens: their claim `iss`, in full.
        issuer: Attr<String> = required().check("As tokens name it, without `*`.", |v| text(v, |t| !t.is_empty() && !t.contains('*'))),
        /// The issuer's public keys. They are no secret, and stand in the state and in the cluster as they are written.
        jwks: Attr<Jwks> = optional(),
        /// Where istiod gets the issuer's public keys. Without `jwks` and `jwks_uri` it asks the issuer itself, by OpenID
        /// discovery.
        jwks_uri: Attr<String> = optional().check("An address, `https://` or `http://`.", |v| text(v, is_address)),
        /// Whom tokens are for: their claim `aud` has one of these. Any unless written: then a token that was issued for
        /// somebody else is accepted here.
        audiences: Set<String> = optional()
            .check("At least one audience; leave the argument out for any.", is_not_empty)
            .check("No empty text.", |v| every(v, |t| !t.is_empty())),
        /// The labels of the workloads that verify these tokens, in every namespace; all workloads unless written.
        selector: Map<String> = optional().check("At least one label; leave the argument out for all.", is_not_empty),
        /// Whether workloads get the token, so that they can pass it on to services that they call; true unless written.
        forward: Attr<bool> = optional(),
        /// Claims that workloads get as headers, claim to header: `{ sub = "x-user" }`. Dots lead to claims of claims.
        claims_to_headers: Map<String> = optional()
            .check("At least one claim; leave the argument out for none.", is_not_empty)
            .check("Names of headers: letters, digits, dashes and underscores.", are_headers)
            .check("Names of claims.", are_claims),
    }
}

model! {
    /// Requests without a verified token are refused, by every workload: by gateways too, and from services that don't pass the
    /// token on.
    pub struct RequireEndUser {
        /// Ports that don't speak HTTP, by where workloads listen: there are no tokens there, so all calls would be refused.
        except_ports: Set<PortNumber> = optional().check("At least one port; leave the argument out for none.", is_not_empty),
        /// Paths that need no token, like health checks and sign-in.
        except_paths: Set<String> = optional()
            .check("At least one path; leave the argument out for none.", is_not_empty)
            .check(patterns::PATH_PATTERN, |v| every(v, patterns::is_path_pattern)),
    }
}

fn is_address(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| {
        host.starts_with(|c: char| c.is_ascii_alphanumeric())
            && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._~:/?#@!$&'()+,;=%".contains(c))
    })
}

fn are_headers(value: &Value) -> bool {
    let is_header =
        |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    let Value::Map(headers) = value else { return true };
    headers.values().all(|header| !matches!(header, Value::String(name) if !is_header(name)))
}

fn are_claims(value: &Value) -> bool {
    let Value::Map(headers) = value else { return true };
    headers.keys().all(|claim| !claim.is_empty())
}
