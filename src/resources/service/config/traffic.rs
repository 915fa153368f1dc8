//! How failures are met, versions of the workload, and ways for requests.

use crate::{
    mesh::{
        duration::{Duration, is_positive},
        names, patterns,
    },
    model,
    resources::arguments::{is_not_empty, text, within},
    schema::{
        Attr, Block, Blocks, Map, Value,
        model::{block, optional, required},
    },
};

model! {
    /// A version of the workload, by its labels.
    pub struct Version {
        /// What routes call it.
        name: Attr<String> = required().check(names::LABEL, |v| text(v, names::is_label)),
        /// The labels that its pods carry beside those of `selector`.
        labels: Map<String> = required().check("At least one label.", is_not_empty),
        /// Its share of the requests that no route takes, in percent. The shares of all versions add up to 100.
        weight: Attr<u32> = optional().check("0 to 100.", |v| within(v, 0..=100)),
    }
}

model! {
    /// Requests that go another way, on every HTTP port. Routes are tried in order; what none takes is shared out by the weights
    /// of the versions.
    pub struct Route {
        /// What it is called in metrics and access logs.
        name: Attr<String> = optional().check(names::LABEL, |v| text(v, names::is_label)),
        /// How long a request may take, its retries included; like the service's unless written.
        request_timeout: Attr<Duration> = optional(),
        /// Requests that it takes; each block suffices. Without one it takes all.
        r#match: Blocks<Match> = block(),
        /// Versions that it goes to; as all others unless written.
        to: Blocks<To> = block(),
        /// Another path or host on the way.
        rewrite: Block<Rewrite> = block(),
        /// An answer that sends the caller elsewhere.
        redirect: Block<Redirect> = block(),
        /// A version that gets a copy of requests; its answers are thrown away.
        mirror: Block<Mirror> = block(),
        /// Failures that are made, to see how callers meet them.
        fault: Block<Fault> = block(),
    }
}

model! {
    /// Requests, by all of these.
    pub struct Match {
        /// The path, exact or with `*` at the end.
        path: Attr<String> = optional().check("A path that starts with `/`, with `*` at the end alone.", |v| text(v, is_prefix)),
        /// The method.
        method: Attr<String> = optional().check("A method in capitals, like `GET`.", |v| text(v, patterns::is_method)),
        /// Headers by name, each exact, or with `*` at the end, or `*` for any value.
        headers: Map<String> = optional()
            .check("At least one header.", is_not_empty)
            .check("Names of headers; for `uri`, `scheme`, `method` and `authority` Istio doesn't look.", are_headers)
            .check(PATTERNS, are_patterns),
        /// Parameters of the query by name, each exact, or with `*` at the end, or `*` for any value.
        query: Map<String> = optional().check("At least one parameter.", is_not_empty).check(PATTERNS, are_patterns),
    }
}

model! {
    /// A version, and its share.
    pub struct To {
        /// The name of a `version` block.
        version: Attr<String> = required(),
        /// Its share in percent; the shares of a route add up to 100. Not needed where there is one.
        weight: Attr<u32> = optional().check("0 to 100.", |v| within(v, 0..=100)),
    }
}

model! {
    /// Another path or host on the way.
    pub struct Rewrite {
        /// What takes the place of the matched path, or of its part before `*`.
        path: Attr<String> = optional().check("A path that starts with `/`.", |v| text(v, |t| t.starts_with('/'))),
        /// The host that the workload is told.
        host: Attr<String> = optional().check(names::SUBDOMAIN, |v| text(v, names::is_subdomain)),
    }
}

model! {
    /// An answer that sends the caller elsewhere.
    pub struct Redirect {
        /// The path; the one that was called unless written.
        path: Attr<String> = optional().check("A path that starts with `/`.", |v| text(v, |t| t.starts_with('/'))),
        /// The host; the one that was called unless written.
        host: Attr<String> = optional().check(names::SUBDOMAIN, |v| text(v, names::is_subdomain)),
        /// The status; 301 unless written.
        status: Attr<u32> = optional().check("One of 301, 302, 303, 307 and 308.", |v| {
            [301, 302, 303, 307, 308].iter().any(|status| within(v, *status..=*status))
        }),
    }
}

model! {
    /// A version that gets a copy of requests.
    pub struct Mirror {
        /// The name of a `version` block.
        version: Attr<String> = required(),
        /// Of the requests, in percent; 100 unless written.
        percent: Attr<u32> = optional().check("1 to 100.", |v| within(v, 1..=100)),
    }
}

model! {
    /// Failures that are made. Istio gives such requests neither timeout nor retries.
    pub struct Fault {
        /// How long requests are held up.
        delay: Attr<Duration> = optional().check("Longer than nothing.", is_positive),
        /// Of the requests that are held up, in percent; 100 unless written.
        delay_percent: Attr<u32> = optional().check("1 to 100.", |v| within(v, 1..=100)),
        /// The status that requests are answered with.
        abort_status: Attr<u32> = optional().check("200 to 599.", |v| within(v, 200..=599)),
        /// Of the requests that are answered so, in percent; 100 unless written.
        abort_percent: Attr<u32> = optional().check("1 to 100.", |v| within(v, 1..=100)),
    }
}

model! {
    /// Where requests of a region go when all of its endpoints fail.
    pub struct Failover {
        /// The region.
        from: Attr<String> = required().check(REGION, |v| text(v, is_region)),
        /// The region that takes over.
        to: Attr<String> = required().check(REGION, |v| text(v, is_region)),
    }
}

const REGION: &str = "A region, without its zones, like `eu-central-1`.";
const PATTERNS: &str = "Texts with `*` at the end alone, or `*`.";

fn is_region(text: &str) -> bool {
    !text.is_empty() && !text.contains(['/', '*'])
}

fn are_headers(value: &Value) -> bool {
    let Value::Map(headers) = value else { return true };
    let is_token = |name: &str| name.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(&c));
    let is_other = |name: &str| matches!(name.to_ascii_lowercase().as_str(), "uri" | "scheme" | "method" | "authority");
    headers.keys().all(|name| !name.is_empty() && is_token(name) && !is_other(name))
}

fn are_patterns(value: &Value) -> bool {
    let Value::Map(texts) = value else { return true };
    let is_pattern = |text: &str| !text.is_empty() && !text.strip_suffix('*').unwrap_or(text).contains('*');
    texts.values().all(|text| !matches!(text, Value::String(text) if !is_pattern(text)))
}

fn is_prefix(text: &str) -> bool {
    text.starts_with('/') && !text.strip_suffix('*').unwrap_or(text).contains('*')
}
