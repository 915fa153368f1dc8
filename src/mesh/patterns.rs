//! Patterns of paths, hosts, claims and addresses, as AuthorizationPolicies, VirtualServices and Gateways take them.
//! Texts that Istio accepts but doesn't read as a pattern are refused: to an AuthorizationPolicy, a second `*` is an
//! ordinary character.

use core::net::IpAddr;

use super::names::is_subdomain;

/// The sentence for the documentation that says what [`is_path_pattern`] accepts.
pub const PATH_PATTERN: &str = "Paths that start with `/` or `*`, with one `*` at the start or end, or with `{*}` and `{**}` for parts between slashes.";

/// The sentence for the documentation that says what [`is_host_pattern`] accepts.
pub const HOST_PATTERN: &str =
    "Hosts, with one `*` at the start or end, like `payments.example.com` or `*.example.com`.";

/// The sentence for the documentation that says what [`is_ip_block`] accepts.
pub const IP_BLOCK: &str = "Addresses, or blocks of them, like `10.1.2.3` or `10.0.0.0/8`.";

/// The sentence for the documentation that says what [`is_claim`] accepts.
pub const CLAIM: &str = "Names of claims, like `groups`; a claim within a claim is `realm_access.roles` or \
                         `[realm_access][roles]`, and a name with dots is `[example.com]`. For `iss` use `issuer`.";

/// The sentence for the documentation that says what [`is_regex`] accepts.
pub const REGEX: &str = "Regular expressions in the syntax of RE2, without `^` and `$`: they match the whole text.";

/// The sentence for the documentation that says what [`is_pattern`] accepts.
pub const PATTERN: &str = "Values, with one `*` at the start or end; `*` alone is any.";

/// Whether `text` is an exact value, or a pattern with one `*` at the start or end. Istio reads `*x*` as the values
/// that end with `x*`, so it is refused.
pub fn is_pattern(text: &str) -> bool {
    match text.matches('*').count() {
        0 => !text.is_empty(),
        1 => text.starts_with('*') || text.ends_with('*'),
        _ => false,
    }
}

/// Whether `text` is a path of an AuthorizationPolicy: a pattern, or a path template in which `{*}` stands for one
/// segment and `{**}` for any number of segments. Istio matches paths without their query, so `?` is refused.
pub fn is_path_pattern(text: &str) -> bool {
    if text.contains("{*}") || text.contains("{**}") {
        return is_path_template(text);
    }
    is_pattern(text) && text.starts_with(['/', '*']) && !text.contains(['{', '}', '?', '#', ' '])
}

/// Whether `text` is a path template. Only literal segments may follow `{**}`, and these consist of the characters of a
/// URL's path.
fn is_path_template(text: &str) -> bool {
    let is_literal = |segment: &str| {
        !segment.is_empty() && segment.chars().all(|c| c.is_ascii_alphanumeric() || "-._~%!$&'()+,;:@=".contains(c))
    };
    let mut after_double = false;
    let mut is_segment = |segment: &str| match segment {
        "{*}" => !after_double,
        "{**}" => !std::mem::replace(&mut after_double, true),
        segment => is_literal(segment),
    };
    text.starts_with('/') && text.trim_matches('/').split('/').all(&mut is_segment)
}

/// Whether `text` is a token of RFC 9110, as names of headers and cookies are.
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c))
}

/// Whether `text` is a name of letters, digits, dashes, underscores and dots, as nearly all headers and cookies have one.
pub fn is_plain_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(&c))
}

/// Whether `text` is an HTTP method in upper case, as requests have it.
pub fn is_method(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_uppercase() || c == b'-')
}

/// Whether Envoy accepts `text` as a regular expression. It refuses a configuration with another one as a whole, and the syntax of
/// the parser here is that of RE2. Anchors are refused because Envoy matches whole texts in any case.
pub fn is_regex(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('^') && !text.ends_with('$') && regex_syntax::parse(text).is_ok()
}

/// Whether `text` was probably meant as a regular expression, where it is read literally.
pub fn looks_like_regex(text: &str) -> bool {
    let has_class = text.find('[').is_some_and(|start| text.get(start..).is_some_and(|rest| rest.contains(']')));
    let has_alternatives = ['(', '|', ')'].iter().all(|c| text.contains(*c));
    has_class
        || has_alternatives
        || text.starts_with('^')
        || text.ends_with('$')
        || [".*", ".+", "\\"].iter().any(|part| text.contains(part))
}

/// Whether `text` is a pattern of hosts as requests name them, with or without a port.
pub fn is_host_pattern(text: &str) -> bool {
    is_pattern(text) && !text.contains(|c: char| c == '/' || c == ',' || c.is_whitespace())
}

/// Whether `text` is a path as a VirtualService matches it: exact, or a prefix with `*` at the end.
pub fn is_path_prefix(text: &str) -> bool {
    text.starts_with('/') && !text.strip_suffix('*').unwrap_or(text).contains('*')
}

/// Whether `text` is a path of an `ingress` block: [`is_path_prefix`] without braces. The AuthorizationPolicy of the
/// service names the same path, and there Istio reads `{*}` and `{**}` as templates.
pub fn is_ingress_path(text: &str) -> bool {
    is_path_prefix(text) && !text.contains(['{', '}'])
}

/// Whether `text` is a DNS name with at least two labels, or such a name under `*.`.
pub fn is_dns_host(text: &str) -> bool {
    let host = text.strip_prefix("*.").unwrap_or(text);
    host.contains('.') && is_subdomain(host)
}

/// Whether `text` is the host of an external service: a DNS name with at least two labels, or such a name under `*.`.
/// An IP address is refused, since no top-level domain is a number.
pub fn is_external_host(text: &str) -> bool {
    let top_level_domain = text.rsplit('.').next().unwrap_or_default();
    is_dns_host(text) && !top_level_domain.bytes().all(|c| c.is_ascii_digit())
}

/// Whether `text` is a host of a Gateway server: `*`, a DNS name with at least two labels, or any DNS name under `*.`.
pub fn is_gateway_host(text: &str) -> bool {
    text == "*" || is_dns_host(text) || text.strip_prefix("*.").is_some_and(is_subdomain)
}

/// Whether `text` is an IP address or a CIDR block.
pub fn is_ip_block(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return text.parse::<IpAddr>().is_ok() };
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    let max_bits = if address.is_ipv4() { 32 } else { 128 };
    // Istio parses the block by Go, which accepts neither a sign nor a leading zero.
    bits.parse::<u8>().is_ok_and(|number| number <= max_bits && number.to_string() == bits)
}

/// Whether `text` is a claim of a condition: a claim path other than `iss`, which the argument `issuer` sets.
pub fn is_claim(text: &str) -> bool {
    is_claim_path(text) && claim_names(text) != ["iss"]
}

/// Whether `text` is the name of a claim, or a path to a nested claim, as [`claim_names`] reads it.
pub fn is_claim_path(text: &str) -> bool {
    let is_closed = !text.starts_with('[') || text.ends_with(']');
    is_closed && claim_names(text).iter().all(|name| !name.is_empty() && !name.contains(['[', ']']))
}

/// Returns the names on the path to a claim, the outermost first: of `realm_access.roles` and of `[realm_access][roles]` these two.
/// A name in brackets, or one with a slash or a colon like `https://pay.test/roles`, may contain dots.
pub fn claim_names(text: &str) -> Vec<&str> {
    match text.strip_prefix('[') {
        Some(names) => names.strip_suffix(']').unwrap_or(names).split("][").collect(),
        None if text.contains(['/', ':']) => vec![text],
        None => text.split('.').collect(),
    }
}

/// Returns a claim in the form of a condition's key, like `[groups]`.
pub fn claim_key(text: &str) -> String {
    format!("[{}]", claim_names(text).join("]["))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_accepts(rule: fn(&str) -> bool, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(rule(text), "{text}");
        }
        for text in bad {
            assert!(!rule(text), "{text}");
        }
    }

    #[test]
    fn patterns_have_one_asterisk_at_an_end() {
        assert_accepts(is_pattern, &["a", "*", "a*", "*a", "a b"], &["", "**", "*a*", "a*b", "a**", "*a*b"]);
    }

    #[test]
    fn path_patterns_and_templates_are_validated() {
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
        assert_accepts(is_path_pattern, &good, &bad);
    }

    #[test]
    fn host_patterns_are_validated() {
        let good = ["pay.test", "pay.test:8080", "*.pay.test", "pay.*", "*", "[::1]:80", "pay.test:*"];
        assert_accepts(is_host_pattern, &good, &["", "https://pay.test", "*.pay.*", "pay test", "a,b"]);
    }

    #[test]
    fn route_paths_are_validated() {
        assert_accepts(is_path_prefix, &["/", "/*", "/v1", "/v1/*", "/v1*", "/{x}"], &["", "*", "v1", "/*/a", "/**"]);
        assert_accepts(is_ingress_path, &["/", "/*", "/v1/*"], &["", "/{x}", "/a/{*}", "/*/a"]);
    }

    #[test]
    fn dns_hosts_are_validated() {
        assert_accepts(
            is_dns_host,
            &["pay.test", "*.pay.test"],
            &["", "*", "pay", "*.test", "*.*.test", "Pay.test", "pay.*"],
        );
        assert_accepts(
            is_gateway_host,
            &["pay.test", "*.pay.test", "*.test", "*"],
            &["", "pay", "**", "pay.*", "pay.test:80"],
        );
    }

    #[test]
    fn ip_blocks_are_validated() {
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
        assert_accepts(is_ip_block, &good, &bad);
    }

    #[test]
    fn claims_are_validated() {
        let good =
            ["groups", "https://pay.test/roles", "cognito:groups", "[realm_access][roles]", "[groups]", "a.b", "[a.b]"];
        let bad = ["", "iss", "[iss]", "[]", "[a][]", "[a]b", "a[b]", "[a", "a]", "[a]]", "a.", ".a", "a..b"];
        assert_accepts(is_claim, &good, &bad);
        assert_eq!(claim_key("groups"), "[groups]");
        assert_eq!(claim_key("[a][b]"), "[a][b]");
        assert_eq!(claim_key("a.b"), "[a][b]");
        assert_eq!(claim_key("[a.b]"), "[a.b]");
        assert_eq!(claim_key("https://pay.test/roles"), "[https://pay.test/roles]");
    }
}
