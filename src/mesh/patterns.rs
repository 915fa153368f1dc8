//! By what requests are matched in policies: paths, hosts, claims, addresses. Each admits what Istio takes and means what it
//! says; what Istio takes and reads otherwise (a second `*` is a plain character there) is refused.

use core::net::IpAddr;

use super::names::is_subdomain;

/// What [`is_path_pattern`] admits.
pub const PATH_PATTERN: &str = "Paths that start with `/` or `*`, with one `*` at the start or end, or with `{*}` and `{**}` for parts between slashes.";

/// What [`is_host_pattern`] admits.
pub const HOST_PATTERN: &str =
    "Hosts, with one `*` at the start or end, like `payments.example.com` or `*.example.com`.";

/// What [`is_ip_block`] admits.
pub const IP_BLOCK: &str = "Addresses, or blocks of them, like `10.1.2.3` or `10.0.0.0/8`.";

/// What [`is_claim`] admits.
pub const CLAIM: &str = "Names of claims, like `groups`, or `[realm_access][roles]` for a claim within a claim; `iss` is what \
                         `issuer` stands for.";

/// What [`is_pattern`] admits.
pub const PATTERN: &str = "Texts, with one `*` at the start or end; `*` alone is any.";

/// Exact, or with one `*` at the start or end. Istio reads `*x*` as what ends with `x*`, so it isn't one.
pub fn is_pattern(text: &str) -> bool {
    match text.matches('*').count() {
        0 => !text.is_empty(),
        1 => text.starts_with('*') || text.ends_with('*'),
        _ => false,
    }
}

/// A path: a pattern, or one with templates: `{*}` for one part between slashes, `{**}` for all that follow up to literals.
/// What follows `?` is no part of it.
pub fn is_path_pattern(text: &str) -> bool {
    if text.contains("{*}") || text.contains("{**}") {
        return is_path_template(text);
    }
    is_pattern(text) && text.starts_with(['/', '*']) && !text.contains(['{', '}', '?', '#', ' '])
}

/// Nothing but literals follows `{**}`, and literals have the characters of a URL's path.
fn is_path_template(text: &str) -> bool {
    let literal = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-._~%!$&'()+,;:@=".contains(c))
    };
    let mut greedy = false;
    let mut part_holds = |part: &str| match part {
        "{*}" => !greedy,
        "{**}" => !std::mem::replace(&mut greedy, true),
        part => literal(part),
    };
    text.starts_with('/') && text.trim_matches('/').split('/').all(&mut part_holds)
}

/// A method, in capitals as requests carry it.
pub fn is_method(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_uppercase() || c == b'-')
}

/// A host as a request names it, with a port or without.
pub fn is_host_pattern(text: &str) -> bool {
    is_pattern(text) && !text.contains(|c: char| c == '/' || c == ',' || c.is_whitespace())
}

/// Whether `text` is a path as a VirtualService matches it: exact, or a prefix with `*` at the end.
pub fn is_path_prefix(text: &str) -> bool {
    text.starts_with('/') && !text.strip_suffix('*').unwrap_or(text).contains('*')
}

/// Whether `text` is a path of an `ingress` block: [`is_path_prefix`] without braces. The AuthorizationPolicy of the service
/// names the same path, and there Istio reads `{*}` and `{**}` as templates.
pub fn is_ingress_path(text: &str) -> bool {
    is_path_prefix(text) && !text.contains(['{', '}'])
}

/// Whether `text` is a DNS name with at least two labels, or such a name under `*.`.
pub fn is_dns_host(text: &str) -> bool {
    let host = text.strip_prefix("*.").unwrap_or(text);
    host.contains('.') && is_subdomain(host)
}

/// Whether `text` is a host of a Gateway server: `*`, a DNS name with at least two labels, or any DNS name under `*.`.
pub fn is_gateway_host(text: &str) -> bool {
    text == "*" || is_dns_host(text) || text.strip_prefix("*.").is_some_and(is_subdomain)
}

/// An address, or a block of them.
pub fn is_ip_block(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return text.parse::<IpAddr>().is_ok() };
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    let most = if address.is_ipv4() { 32 } else { 128 };
    // Go takes neither a sign nor a zero in front.
    bits.parse::<u8>().is_ok_and(|number| number <= most && number.to_string() == bits)
}

/// The name of a claim, or the way to one within another in Istio's own brackets. Names have dots and slashes (`https://x.com/roles`),
/// so these can't stand for the way.
pub fn is_claim(text: &str) -> bool {
    let name = |name: &str| !name.is_empty() && !name.contains(['[', ']']);
    let way = claim_key(text);
    let names = way.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or_default();
    names.split("][").all(name) && way != "[iss]"
}

/// A claim as the key of a condition has it: `[groups]`.
pub fn claim_key(text: &str) -> String {
    if text.starts_with('[') { text.to_owned() } else { format!("[{text}]") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(rule: fn(&str) -> bool, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(rule(text), "{text}");
        }
        for text in bad {
            assert!(!rule(text), "{text}");
        }
    }

    #[test]
    fn patterns() {
        admits(is_pattern, &["a", "*", "a*", "*a", "a b"], &["", "**", "*a*", "a*b", "a**", "*a*b"]);
    }

    #[test]
    fn paths() {
        let good = ["/", "*", "/v1/*", "*.json", "/a/{*}/b", "/a/{**}", "/{**}/z", "/{*}/{*}/{**}/", "/a%20b"];
        let bad = [
            "",
            "v1",
            "/a*b",
            "*/a*",
            "/{**}/{*}",
            "/{**}/{**}",
            "/a/{*}b",
            "/{x}",
            "/{*}/b*",
            "{*}/a",
            "/a//{*}",
            "/a?b",
            "/a#b",
            "/a b",
            "/{",
        ];
        admits(is_path_pattern, &good, &bad);
    }

    #[test]
    fn hosts() {
        let good = ["pay.test", "pay.test:8080", "*.pay.test", "pay.*", "*", "[::1]:80", "pay.test:*"];
        admits(is_host_pattern, &good, &["", "https://pay.test", "*.pay.*", "pay test", "a,b"]);
    }

    #[test]
    fn paths_of_routes() {
        admits(is_path_prefix, &["/", "/*", "/v1", "/v1/*", "/v1*", "/{x}"], &["", "*", "v1", "/*/a", "/**"]);
        admits(is_ingress_path, &["/", "/*", "/v1/*"], &["", "/{x}", "/a/{*}", "/*/a"]);
    }

    #[test]
    fn dns_hosts() {
        admits(is_dns_host, &["pay.test", "*.pay.test"], &["", "*", "pay", "*.test", "*.*.test", "Pay.test", "pay.*"]);
        admits(is_gateway_host, &["pay.test", "*.pay.test", "*.test", "*"], &["", "pay", "**", "pay.*", "pay.test:80"]);
    }

    #[test]
    fn ip_blocks() {
        let good = ["10.0.0.1", "10.0.0.0/8", "0.0.0.0/0", "::1", "2001:db8::/32", "::/128"];
        let bad = [
            "",
            "10.0.0",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10.0.0.0/08",
            "::/129",
            "010.0.0.1",
            "10.0.0.*",
            "fe80::1%eth0",
            "10.0.0.0/8/8",
            "pay.test",
        ];
        admits(is_ip_block, &good, &bad);
    }

    #[test]
    fn claims() {
        let good = ["groups", "https://pay.test/roles", "cognito:groups", "[realm_access][roles]", "[groups]"];
        admits(is_claim, &good, &["", "iss", "[iss]", "[]", "[a][]", "[a]b", "a[b]", "[a", "a]", "[a]]"]);
        assert_eq!(claim_key("groups"), "[groups]");
        assert_eq!(claim_key("[a][b]"), "[a][b]");
    }
}
