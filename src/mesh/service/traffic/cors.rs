//! The `cors` blocks: cross-origin resource sharing.

use crate::{
    diagnostics::Diagnostics,
    known::Known,
    mesh::{
        duration::Duration,
        istio::virtual_service::{CorsPolicy, StringMatch},
        patterns,
    },
    model,
    schema::{Attr, Block, Set, model::optional},
};

model! {
    /// Cross-origin resource sharing (`corsPolicy`): the caller's proxy, or the gateway, answers preflight
    /// requests itself and adds the headers by which browsers let pages of other origins read responses. It
    /// refuses no request: `allow` does that.
    pub struct Cors {
        /// Origins of pages: exact, with `*` at the end, or `*` alone for any (`allowOrigins`):
        /// `https://shop.example.com`. At least one of `allow_origins` and `allow_origins_regex` is required.
        allow_origins: Set<String> = optional().non_empty("At least one origin.").each(ORIGIN, is_origin),
        /// Regular expressions (RE2) that match a whole origin (`allowOrigins.regex`):
        /// `https://[a-z]+\\.example\\.com`. At least one of `allow_origins` and `allow_origins_regex` is
        /// required.
        allow_origins_regex: Set<String> = optional()
            .non_empty("At least one regular expression.")
            .each(patterns::REGEX, patterns::is_regex),
        /// HTTP methods that pages may use (`allowMethods`). Defaults to none.
        allow_methods: Set<String> = optional()
            .non_empty("At least one method.")
            .each("Methods in capitals, like `GET`.", patterns::is_method),
        /// Names of headers that pages may send (`allowHeaders`). Defaults to none.
        allow_headers: Set<String> = optional().non_empty("At least one header.").each(HEADER, is_header),
        /// Names of response headers that pages may read (`exposeHeaders`). Defaults to none.
        expose_headers: Set<String> = optional().non_empty("At least one header.").each(HEADER, is_header),
        /// Time for which browsers cache the answer to a preflight request (`maxAge`). Defaults to the browser's
        /// own, usually 5 seconds.
        max_age: Attr<Duration> = optional(),
        /// Whether pages may send cookies and credentials (`allowCredentials`). With `true` an origin of `*` is
        /// refused: any page could act for its visitors. Defaults to `false`.
        allow_credentials: Attr<bool> = optional(),
    }
}

const ORIGIN: &str =
    "Origins with a scheme and without a path, like `https://shop.example.com`, with `*` at the end alone, or `*`.";
const HEADER: &str = "Names of headers, like `x-team`.";

fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return matches!(text, "*" | "null") };
    let host = host.strip_suffix('*').unwrap_or(host);
    !scheme.is_empty() && !text.starts_with('*') && !host.contains(['*', '/', ' '])
}

fn is_header(name: &str) -> bool {
    name == "*" || patterns::is_plain_token(name)
}

impl Cors {
    /// Renders the policy.
    pub(super) fn render(&self) -> Known<CorsPolicy> {
        let origin = |text: String| match text.strip_suffix('*') {
            // Envoy reads the exact origin "*" as any.
            Some("") | None => StringMatch::Exact(text),
            Some(prefix) => StringMatch::Prefix(prefix.to_owned()),
        };
        let exact = self.allow_origins.elements_or_empty()?.into_iter().map(origin);
        let regex = self.allow_origins_regex.elements_or_empty()?.into_iter().map(StringMatch::Regex);
        Ok(CorsPolicy {
            allow_origins: exact.chain(regex).collect(),
            allow_methods: self.allow_methods.elements_or_empty()?.into_iter().collect(),
            allow_headers: self.allow_headers.elements_or_empty()?.into_iter().collect(),
            expose_headers: self.expose_headers.elements_or_empty()?.into_iter().collect(),
            max_age: self.max_age.copied()?,
            allow_credentials: self.allow_credentials.copied()?,
        })
    }
}

/// Reports a policy without origins, and one by which any page acts for its visitors.
pub(super) fn validate(cors: &Block<Cors>, out: &mut Diagnostics) {
    let Ok(Some(cors)) = cors.known() else { return };
    if cors.allow_origins == Attr::Null && cors.allow_origins_regex == Attr::Null {
        out.error(
            &cors.at,
            "CORS without an origin",
            "Write allow_origins, for example [\"https://shop.example.com\"].",
        );
    }
    let (Ok(origins), Attr::Known(true)) = (cors.allow_origins.elements_or_empty(), cors.allow_credentials) else {
        return;
    };
    if let Some(open) = origins.iter().find(|origin| matches!(origin.as_str(), "*" | "https://*" | "http://*")) {
        out.error(
            &cors.at.attribute("allow_origins"),
            "allow_credentials with origin \"*\"",
            format!(
                "With allow_credentials = true and the origin {open:?}, any page can send requests with its visitors' cookies and read \
                 the responses. Name the origins, or set allow_credentials = false."
            ),
        );
    }
}
