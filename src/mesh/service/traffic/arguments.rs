//! The arguments about traffic: resiliency, versions, routes and failover.

use super::{cors::Cors, headers::Headers, target::RouteTarget};
use crate::{
    known::Known,
    mesh::{
        duration::{Duration, is_positive},
        names, patterns,
        resiliency::{CircuitBreaker, Connections, LoadBalancing, OutlierDetection, Preset, Retries},
        text::text_enum,
    },
    model,
    schema::{
        Attr, Block, Blocks, List, Map, Set, Value,
        model::{Flat, block, flat, optional, required},
    },
};

text_enum! {
    /// The requests that a route takes.
    pub enum RouteScope {
        /// Those of callers in the mesh.
        Mesh = "mesh",
        /// Those that come through gateways of `ingress` blocks.
        Ingress = "ingress",
    }
}

model! {
    /// How requests are routed, and how failures are met.
    pub struct Traffic {
        /// Resiliency preset for callers of this service: retries, connection pool limits and outlier detection (see the guide
        /// "Resiliency presets"). `none` switches them off, whatever the defaults of the mesh are. Defaults to the provider's
        /// `defaults.resiliency`; without either nothing is written, and Istio's and the mesh's own defaults hold.
        resiliency: Attr<Preset> = optional(),
        /// Timeout of a request, including its retries (`http.timeout`). `0s`: no timeout. It cuts streams such as server-sent
        /// events. Defaults to the provider's `defaults.request_timeout`, which doesn't apply to gRPC ports; without either none
        /// is written. Conflicts with `streaming`.
        request_timeout: Attr<Duration> = optional(),
        /// Whether requests may be streams that live for long. They then have no timeout, and the preset has no limits of requests.
        /// Defaults to `false`. Conflicts with `request_timeout`.
        streaming: Attr<bool> = optional(),
        /// Labels by which near endpoints are preferred, the most important first (`failoverPriority`). Endpoints that have the
        /// same values as the caller's node come first, and others take over as these are ejected: `["topology.kubernetes.io/region"]`
        /// balances over all zones of the caller's region. Needs outlier detection, by a preset or a block. Conflicts with
        /// `failover`.
        failover_priority: List<String> = optional()
            .non_empty("At least one label.")
            .each("Keys of labels, alone or as `key=value`.", is_failover_label),
        /// Seconds that proxies get to learn of a change before the next step relies on it: between the subset of a new version and
        /// the routes to it, and between moving traffic off a version and removing its subset. 0 to 300. Defaults to `2`.
        settle_seconds: Attr<u32> = optional().range(0..=300),
        /// Retries of failed requests (`http.retries`). Each field overrides the preset's value. Without the block and without a
        /// preset, Istio's and the mesh's own defaults hold: Istio retries twice.
        retries: Block<Retries> = block(),
        /// Connection pool limits of each caller's proxy (`trafficPolicy.connectionPool`). Each field overrides the preset's
        /// value; without a preset only the block's own fields are written.
        circuit_breaker: Block<CircuitBreaker> = block(),
        /// How long connections live, and what they speak (`trafficPolicy.connectionPool`).
        connections: Block<Connections> = block(),
        /// Ejection of endpoints that fail (`trafficPolicy.outlierDetection`). Each field overrides the preset's value; without a
        /// preset only the block's own fields are written, and `consecutive5xxErrors`.
        outlier_detection: Block<OutlierDetection> = block(),
        /// Selection of endpoints (`trafficPolicy.loadBalancer`).
        load_balancing: Block<LoadBalancing> = block(),
        /// Changes of the headers of all requests and responses (`headers`); a `route` may have changes of its own instead.
        headers: Block<Headers> = block(),
        /// Cross-origin resource sharing: the origins whose pages may read responses (`corsPolicy`). A `route` may have a policy of its own
        /// instead.
        cors: Block<Cors> = block(),
        /// Versions of the workload, and how requests are shared out among them.
        version: Blocks<Version> = block(),
        /// Requests that go another way, in order: the first that matches.
        route: Blocks<Route> = block(),
        /// The region that takes over the requests of another one as endpoints there are ejected (`localityLbSetting.failover`).
        /// Callers then prefer endpoints in their own *zone*, and go to other zones of their region before they go to `to`. Needs
        /// outlier detection, by a preset or a block. Conflicts with `failover_priority`.
        failover: Blocks<Failover> = block(),
    }
}

model! {
    /// A version of the workload, by its labels.
    pub struct Version {
        /// What routes call it.
        name: Attr<String> = required().text(names::LABEL, names::is_label),
        /// The labels that its pods carry beside those of `selector`.
        labels: Map<String> = required().non_empty("At least one label."),
        /// Its share of the requests that no route takes, in percent. The shares of all versions add up to 100. Without any weight,
        /// several versions are only what routes name, and other requests go to all pods of the service. A single version gets
        /// all requests.
        weight: Attr<u32> = optional().range(0..=100),
    }
}

model! {
    /// Requests that go another way, on every HTTP port. Routes are tried in order; requests that match none are shared out by the
    /// weights of the versions.
    pub struct Route {
        /// What it is called in metrics and access logs.
        name: Attr<String> = optional().text(names::LABEL, names::is_label),
        /// Whose requests it takes: those of callers in the mesh (`mesh`), and those that come through the gateways of `ingress`
        /// blocks with protocol `http` (`ingress`). There it takes the requests that match it of those that a block lets in, before
        /// the block itself does, so it opens no path and no host. Paths in `match` and `rewrite` are those after the `rewrite` of the
        /// `ingress`, as callers in the mesh have them. Defaults to `["mesh"]`.
        applies_to: Set<RouteScope> = optional().non_empty("At least one of `mesh` and `ingress`."),
        /// How long a request may take, its retries included; like the service's unless written.
        request_timeout: Attr<Duration> = optional(),
        /// Retries of failed requests (`retries`). Each field overrides the preset's value. Defaults to those of the service.
        retries: Block<Retries> = block(),
        /// Requests that it takes; each block suffices. Without one it takes all.
        r#match: Blocks<Match> = block(),
        /// Weighted destinations: versions, other Services or external hosts (`route`). Defaults to those of requests that match no
        /// route.
        to: Blocks<To> = block(),
        /// Another path or host on the way.
        rewrite: Block<Rewrite> = block(),
        /// An answer that sends the caller elsewhere.
        redirect: Block<Redirect> = block(),
        /// An answer of the caller's proxy itself (`directResponse`): nothing is sent to the service.
        direct_response: Block<DirectResponse> = block(),
        /// Changes of headers (`headers`). Defaults to those of the service.
        headers: Block<Headers> = block(),
        /// Cross-origin resource sharing (`corsPolicy`). Defaults to that of the service.
        cors: Block<Cors> = block(),
        /// Destinations that get a copy of requests (`mirrors`). Their responses are discarded.
        mirror: Blocks<Mirror> = block(),
        /// Failures that are made, to see how callers meet them.
        fault: Block<Fault> = block(),
    }
}

model! {
    /// Requests, by all of these.
    pub struct Match {
        /// The path, exact or with `*` at the end.
        path: Attr<String> = optional().text("A path that starts with `/`, with `*` at the end alone.", patterns::is_path_prefix),
        /// Regular expression (RE2) that the whole path matches (`uri.regex`). Conflicts with `path`.
        path_regex: Attr<String> = optional().text(patterns::REGEX, patterns::is_regex),
        /// Host that the caller asked for (`authority`), exact or with `*` at the end.
        authority: Attr<String> = optional().text("A host, with `*` at the end alone.", is_authority),
        /// Scheme of the request (`scheme`).
        scheme: Attr<String> = optional().text("`http` or `https`.", |text| matches!(text, "http" | "https")),
        /// Cookie by name, with its exact value. It is one regular expression on the header `cookie`, so a block has one cookie. Conflicts
        /// with `cookie` in `headers` and `headers_regex`.
        cookies: Map<String> = optional()
            .check("One cookie.", is_single)
            .keys("Names of cookies, like `beta`.", patterns::is_token),
        /// Headers by name, whose whole value matches a regular expression (RE2).
        headers_regex: Map<String> = optional()
            .non_empty("At least one header.")
            .keys("Names of headers; for `uri`, `scheme`, `method` and `authority` Istio doesn't look.", is_header)
            .check(patterns::REGEX, are_regexes),
        /// Parameters of the query by name, whose whole value matches a regular expression (RE2).
        query_regex: Map<String> = optional().non_empty("At least one parameter.").check(patterns::REGEX, are_regexes),
        /// Callers, by what Kubernetes says of their pods. It is no authorization: `allow` is.
        from: Block<From> = block(),
        /// The method.
        method: Attr<String> = optional().text("A method in capitals, like `GET`.", patterns::is_method),
        /// Headers by name, each exact, or with `*` at the end, or `*` for any value. Sensitive values show in clear, in `objects`
        /// and in the cluster.
        headers: Map<String> = optional()
            .non_empty("At least one header.")
            .keys("Names of headers; for `uri`, `scheme`, `method` and `authority` Istio doesn't look.", is_header)
            .check(PATTERNS, are_patterns),
        /// Parameters of the query by name, each exact, or with `*` at the end, or `*` for any value.
        query: Map<String> = optional().non_empty("At least one parameter.").check(PATTERNS, are_patterns),
    }
}

model! {
    /// Callers, by the namespace or the labels of their pods.
    pub struct From {
        /// Namespace of the caller (`sourceNamespace`).
        namespace: Attr<String> = optional().text(names::LABEL, names::is_label),
        /// Labels of the caller's pods (`sourceLabels`).
        labels: Map<String> = optional().non_empty("At least one label."),
    }
}

model! {
    /// An answer of the caller's proxy itself.
    pub struct DirectResponse {
        /// Status code.
        status: Attr<u32> = required().range(200..=599),
        /// Text of the body. Defaults to none.
        body: Attr<String> = optional(),
    }
}

model! {
    /// A weighted destination of a route: one of `version`, `service` and `host`.
    pub struct To {
        /// Where the requests go.
        target: Flat<RouteTarget> = flat(),
        /// Its share in percent; the shares of a route add up to 100. Not needed where there is one.
        weight: Attr<u32> = optional().range(0..=100),
        /// Changes of headers for this destination alone, after those of the route (`route[].headers`).
        headers: Block<Headers> = block(),
    }
}

model! {
    /// Another path or host on the way.
    pub struct Rewrite {
        /// What takes the place of the matched path, or of its part before `*`.
        path: Attr<String> = optional().text("A path that starts with `/`.", |t| t.starts_with('/')),
        /// The host that the workload is told.
        host: Attr<String> = optional().text(names::SUBDOMAIN, names::is_subdomain),
    }
}

model! {
    /// An answer that sends the caller elsewhere.
    pub struct Redirect {
        /// The path; the one that was called unless written.
        path: Attr<String> = optional().text("A path that starts with `/`.", |t| t.starts_with('/')),
        /// The host; the one that was called unless written.
        host: Attr<String> = optional().text(names::SUBDOMAIN, names::is_subdomain),
        /// The status; 301 unless written.
        status: Attr<u32> = optional().check("One of 301, 302, 303, 307 and 308.", is_redirect_status),
    }
}

model! {
    /// A destination that gets a copy of requests: one of `version`, `service` and `host`.
    pub struct Mirror {
        /// Where the copies go.
        target: Flat<RouteTarget> = flat(),
        /// Percentage of the requests that are copied. 1 to 100. Defaults to `100`.
        percent: Attr<u32> = optional().range(1..=100),
    }
}

model! {
    /// Failures that are made. Istio gives such requests neither timeout nor retries.
    pub struct Fault {
        /// How long requests are held up.
        delay: Attr<Duration> = optional().check("Longer than nothing.", is_positive),
        /// Of the requests that are held up, in percent; 100 unless written.
        delay_percent: Attr<u32> = optional().range(1..=100),
        /// The status that requests are answered with.
        abort_status: Attr<u32> = optional().range(200..=599),
        /// Of the requests that are answered so, in percent; 100 unless written.
        abort_percent: Attr<u32> = optional().range(1..=100),
    }
}

model! {
    /// Where requests of a region go when all of its endpoints fail.
    pub struct Failover {
        /// The region.
        from: Attr<String> = required().text(REGION, is_region),
        /// The region that takes over.
        to: Attr<String> = required().text(REGION, is_region),
    }
}

impl Traffic {
    /// Whether requests may be streams, which have no timeout: false by default.
    pub(in crate::mesh::service) fn streaming(&self) -> Known<bool> {
        self.streaming.or(false)
    }

    /// The labels by which near endpoints are preferred, in order; none where the argument is not set.
    pub(super) fn failover_priority(&self) -> Known<Vec<String>> {
        Ok(self.failover_priority.elements()?.unwrap_or_default())
    }

    /// The time between two steps of a change of versions: 2 seconds by default.
    pub(super) fn settle_time(&self) -> Known<Duration> {
        Ok(Duration::seconds(u64::from(self.settle_seconds.or(2)?)))
    }
}

impl Route {
    /// Whether the route takes requests of a kind: by default only those of callers in the mesh.
    pub(in crate::mesh::service) fn applies_to(&self, scope: RouteScope) -> Known<bool> {
        Ok(self.applies_to.elements()?.map_or(scope == RouteScope::Mesh, |scopes| scopes.contains(&scope)))
    }
}

impl Redirect {
    /// The status of the response: 301 by default.
    pub(super) fn status(&self) -> Known<u32> {
        self.status.or(301)
    }
}

impl Mirror {
    /// The share of the requests that are copied, in percent: 100 by default.
    pub(super) fn percent(&self) -> Known<u32> {
        self.percent.or(100)
    }
}

const REGION: &str = "A region, without its zones, like `eu-central-1`.";
const PATTERNS: &str = "Texts with `*` at the end alone, or `*`.";

fn is_region(text: &str) -> bool {
    !text.is_empty() && !text.contains(['/', '*'])
}

fn is_header(name: &str) -> bool {
    let is_other = |name: &str| matches!(name.to_ascii_lowercase().as_str(), "uri" | "scheme" | "method" | "authority");
    patterns::is_plain_token(name) && !is_other(name)
}

fn are_patterns(value: &Value) -> bool {
    let Value::Map(texts) = value else { return true };
    let is_pattern = |text: &str| !text.is_empty() && !text.strip_suffix('*').unwrap_or(text).contains('*');
    texts.values().all(|text| !matches!(text, Value::String(text) if !is_pattern(text)))
}

fn is_authority(text: &str) -> bool {
    let host = text.strip_suffix('*').unwrap_or(text);
    !text.is_empty() && !host.contains(['*', '/', ' '])
}

fn is_single(value: &Value) -> bool {
    !matches!(value, Value::Map(members) if members.len() != 1)
}

fn are_regexes(value: &Value) -> bool {
    let Value::Map(texts) = value else { return true };
    texts.values().all(|text| !matches!(text, Value::String(text) if !patterns::is_regex(text)))
}

fn is_redirect_status(value: &Value) -> bool {
    let Value::Number(number) = value else { return true };
    ["301", "302", "303", "307", "308"].contains(&number.as_str())
}

fn is_failover_label(text: &str) -> bool {
    names::is_metadata_key(text.split_once('=').map_or(text, |(key, _)| key))
}
