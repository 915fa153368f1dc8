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
    /// Routes, and the handling of failures.
    pub struct Traffic {
        /// Resiliency preset for callers of this service: retries, connection pool limits and outlier detection
        /// (see the guide "Resiliency presets"). `none` switches them off, even if the mesh has defaults.
        /// Defaults to the provider's `defaults.resiliency`; without it nothing is written, and the defaults of
        /// Istio and of the mesh apply.
        resiliency: Attr<Preset> = optional(),
        /// Timeout of a request, including its retries (`http.timeout`). `0s`: no timeout. It ends streams such
        /// as server-sent events. Conflicts with `streaming`. Defaults to the provider's
        /// `defaults.request_timeout`, which doesn't apply to gRPC ports; without it no timeout is written.
        request_timeout: Attr<Duration> = optional(),
        /// Whether requests may be long-lived streams. They have no timeout then, and the preset sets no limits
        /// of requests. Conflicts with `request_timeout`. Defaults to `false`.
        streaming: Attr<bool> = optional(),
        /// Labels by which near endpoints are preferred, the most important first (`failoverPriority`). Endpoints
        /// with the same values as the caller's node come first, and others take over when these are ejected:
        /// `["topology.kubernetes.io/region"]` balances over all zones of the caller's region. Requires outlier
        /// detection, by a preset or a block. Conflicts with `failover`. Defaults to none.
        failover_priority: List<String> = optional()
            .non_empty("At least one label.")
            .each("Keys of labels, alone or as `key=value`.", is_failover_label),
        /// Seconds between two steps of a change, in which proxies receive the first one: between the subset of a
        /// new version, or the announcement of another Service, and the routes to it, and between the last route to
        /// a version and the deletion of its subset. Defaults to `2`.
        settle_seconds: Attr<u32> = optional().range(0..=300),
        /// Retries of failed requests (`http.retries`). Each field overrides the preset's value. Without the
        /// block and without a preset, the defaults of Istio and of the mesh apply: Istio retries twice.
        retries: Block<Retries> = block(),
        /// Connection pool limits of each caller's proxy (`trafficPolicy.connectionPool`), such as the maximum number
        /// of connections. Each field overrides the preset's value; without a preset only the fields of the block are
        /// written.
        circuit_breaker: Block<CircuitBreaker> = block(),
        /// Lifetime and protocol of connections (`trafficPolicy.connectionPool`). Their maximum number is
        /// `max_connections` of `circuit_breaker`.
        connections: Block<Connections> = block(),
        /// Ejection of failing endpoints (`trafficPolicy.outlierDetection`). Each field overrides the preset's
        /// value; without a preset only the fields of the block and `consecutive5xxErrors` are written.
        outlier_detection: Block<OutlierDetection> = block(),
        /// Selection of endpoints (`trafficPolicy.loadBalancer`).
        load_balancing: Block<LoadBalancing> = block(),
        /// Changes of the headers of all requests and responses (`headers`). A `route` can have its own instead.
        headers: Block<Headers> = block(),
        /// Cross-origin resource sharing: the origins whose pages may read responses (`corsPolicy`). A `route`
        /// can have its own policy instead.
        cors: Block<Cors> = block(),
        /// Versions of the workload, and their shares of the requests (`subsets`).
        version: Blocks<Version> = block(),
        /// Routes for a part of the requests, in order: the first one that matches applies.
        route: Blocks<Route> = block(),
        /// Region that takes over the requests of another region when endpoints there are ejected
        /// (`localityLbSetting.failover`). Callers then prefer endpoints in their own *zone*, and use other zones
        /// of their region before `to`. Requires outlier detection, by a preset or a block. Conflicts with
        /// `failover_priority`.
        failover: Blocks<Failover> = block(),
    }
}

model! {
    /// A version of the workload, selected by labels.
    pub struct Version {
        /// Name of the version, by which routes refer to it (`subsets[].name`).
        name: Attr<String> = required().text(names::LABEL, names::is_label),
        /// Labels of the version's pods, in addition to `selector`.
        labels: Map<String> = required().non_empty("At least one label."),
        /// Percentage of the requests that match no route. Required if another `version` has one: the weights of
        /// all versions add up to 100. Without any weight such requests go to all pods of the service, and
        /// several versions serve only as destinations of routes. Defaults to `100` for a single version.
        weight: Attr<u32> = optional().range(0..=100),
    }
}

model! {
    /// A route for a part of the requests, on every HTTP port. Routes are tried in order; requests that match
    /// none are distributed by the weights of the versions.
    pub struct Route {
        /// Name of the route in metrics and access logs. Defaults to none.
        name: Attr<String> = optional().text(names::LABEL, names::is_label),
        /// Sources of the requests. `mesh`: callers in the mesh. `ingress`: the gateways of `ingress` blocks with
        /// protocol `http`; there the route is tried before the block's own route, for the requests that the
        /// block admits, so it opens no further path or host. Paths in `match` and `rewrite` are those after the
        /// `rewrite` of the `ingress`. Defaults to `["mesh"]`.
        applies_to: Set<RouteScope> = optional().non_empty("At least one of `mesh` and `ingress`."),
        /// Timeout of a request, including its retries (`timeout`). Defaults to that of the service.
        request_timeout: Attr<Duration> = optional(),
        /// Retries of failed requests (`retries`). Replaces the service's `retries` block for this route: fields that
        /// aren't set come from the preset. Defaults to the service's block.
        retries: Block<Retries> = block(),
        /// Conditions on requests. A request has to match one of the blocks. Without a block the route matches
        /// every request.
        r#match: Blocks<Match> = block(),
        /// Weighted destinations: versions, other Services or external hosts (`route`). Defaults to the
        /// destinations of requests that match no route.
        to: Blocks<To> = block(),
        /// Change of the path or the host (`rewrite`).
        rewrite: Block<Rewrite> = block(),
        /// Redirect of the caller to another path or host (`redirect`).
        redirect: Block<Redirect> = block(),
        /// Response by the caller's proxy itself (`directResponse`): nothing is sent to the service.
        direct_response: Block<DirectResponse> = block(),
        /// Changes of headers (`headers`). Defaults to those of the service.
        headers: Block<Headers> = block(),
        /// Cross-origin resource sharing (`corsPolicy`). Defaults to that of the service.
        cors: Block<Cors> = block(),
        /// Destinations that receive a copy of the requests (`mirrors`). Their responses are discarded.
        mirror: Blocks<Mirror> = block(),
        /// Fault injection (`fault`): delays or aborts a percentage of the matching requests, to test callers.
        /// Such requests have neither timeout nor retries.
        fault: Block<Fault> = block(),
    }
}

model! {
    /// Conditions on a request, all of which must hold.
    pub struct Match {
        /// Path (`uri`): exact, or with `*` at the end. Conflicts with `path_regex`. Defaults to any.
        path: Attr<String> = optional().text("A path that starts with `/`, with `*` at the end alone.", patterns::is_path_prefix),
        /// Regular expression (RE2) that the whole path matches (`uri.regex`). Conflicts with `path`. Defaults to
        /// any.
        path_regex: Attr<String> = optional().text(patterns::REGEX, patterns::is_regex),
        /// Host that the caller asked for (`authority`): exact, or with `*` at the end. Defaults to any.
        authority: Attr<String> = optional().text("A host, with `*` at the end alone.", is_authority),
        /// Scheme of the request (`scheme`). Defaults to any.
        scheme: Attr<String> = optional().text("`http` or `https`.", |text| matches!(text, "http" | "https")),
        /// Cookie by name, with its exact value. It is rendered as one regular expression on the header `cookie`,
        /// so a block accepts one cookie. Conflicts with `cookie` in `headers` and `headers_regex`. Defaults to
        /// none.
        cookies: Map<String> = optional()
            .check("One cookie.", is_single)
            .keys("Names of cookies, like `beta`.", patterns::is_token),
        /// Headers by name, each with a regular expression (RE2) that its whole value matches (`headers.regex`).
        /// Defaults to none.
        headers_regex: Map<String> = optional()
            .non_empty("At least one header.")
            .keys(HEADER_NAMES, is_header)
            .check(patterns::REGEX, are_regexes),
        /// Query parameters by name, each with a regular expression (RE2) that its whole value matches
        /// (`queryParams.regex`). Defaults to none.
        query_regex: Map<String> = optional().non_empty("At least one parameter.").check(patterns::REGEX, are_regexes),
        /// Callers, by the namespace or labels of their pods. This selects a route and authorizes no request;
        /// `allow` does that.
        from: Block<From> = block(),
        /// HTTP method (`method`). Defaults to any.
        method: Attr<String> = optional().text("A method in capitals, like `GET`.", patterns::is_method),
        /// Headers by name, each with a value that is exact, or ends with `*`, or is `*` for any value. Sensitive
        /// values are shown in clear text in `objects` and in the cluster. Defaults to none.
        headers: Map<String> = optional()
            .non_empty("At least one header.")
            .keys(HEADER_NAMES, is_header)
            .check(PATTERNS, are_patterns),
        /// Query parameters by name, each with a value that is exact, or ends with `*`, or is `*` for any value
        /// (`queryParams`). Defaults to none.
        query: Map<String> = optional().non_empty("At least one parameter.").check(PATTERNS, are_patterns),
    }
}

model! {
    /// Callers, by the namespace or labels of their pods.
    pub struct From {
        /// Namespace of the caller (`sourceNamespace`). Defaults to any.
        namespace: Attr<String> = optional().text(names::LABEL, names::is_label),
        /// Labels of the caller's pods (`sourceLabels`). Defaults to any.
        labels: Map<String> = optional().non_empty("At least one label."),
    }
}

model! {
    /// A response by the caller's proxy itself.
    pub struct DirectResponse {
        /// HTTP status of the response.
        status: Attr<u32> = required().range(200..=599),
        /// Text of the body. Defaults to none.
        body: Attr<String> = optional(),
    }
}

model! {
    /// A weighted destination of a route: one of `version`, `service` and `host`.
    pub struct To {
        /// The destination.
        target: Flat<RouteTarget> = flat(),
        /// Percentage of the route's requests. Required if the route has several destinations: their weights add
        /// up to 100. Defaults to `100` for a single one.
        weight: Attr<u32> = optional().range(0..=100),
        /// Changes of headers for this destination only, after those of the route (`route[].headers`).
        headers: Block<Headers> = block(),
    }
}

model! {
    /// Change of the path or the host.
    pub struct Rewrite {
        /// Path that replaces the matched path, or its part before `*` (`uri`). Defaults to no change.
        path: Attr<String> = optional().text("A path that starts with `/`.", |t| t.starts_with('/')),
        /// Host that the workload receives in the request (`authority`). Defaults to no change.
        host: Attr<String> = optional().text(names::SUBDOMAIN, names::is_subdomain),
    }
}

model! {
    /// Redirect of the caller to another path or host.
    pub struct Redirect {
        /// Path that the caller is redirected to (`uri`). Defaults to the path of the request.
        path: Attr<String> = optional().text("A path that starts with `/`.", |t| t.starts_with('/')),
        /// Host that the caller is redirected to (`authority`). Defaults to the host of the request.
        host: Attr<String> = optional().text(names::SUBDOMAIN, names::is_subdomain),
        /// Status code of the response (`redirectCode`). Defaults to `301`.
        status: Attr<u32> = optional().check("One of 301, 302, 303, 307 and 308.", is_redirect_status),
    }
}

model! {
    /// A destination that receives a copy of requests: one of `version`, `service` and `host`.
    pub struct Mirror {
        /// The destination of the copies.
        target: Flat<RouteTarget> = flat(),
        /// Percentage of the requests that are copied (`mirrorPercentage`). Defaults to `100`.
        percent: Attr<u32> = optional().range(1..=100),
    }
}

model! {
    /// Fault injection. Istio applies neither timeout nor retries to such requests.
    pub struct Fault {
        /// Time by which requests are delayed (`fixedDelay`). Defaults to no delay.
        delay: Attr<Duration> = optional().check("More than `0s`.", is_positive),
        /// Percentage of the requests that are delayed. Defaults to `100`.
        delay_percent: Attr<u32> = optional().range(1..=100),
        /// Status code with which requests are aborted (`httpStatus`). Defaults to no abort.
        abort_status: Attr<u32> = optional().range(200..=599),
        /// Percentage of the requests that are aborted. Defaults to `100`.
        abort_percent: Attr<u32> = optional().range(1..=100),
    }
}

model! {
    /// Destination of a region's requests when all of its endpoints are ejected.
    pub struct Failover {
        /// Region of the callers.
        from: Attr<String> = required().text(REGION, is_region),
        /// Region that takes over the requests.
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
const HEADER_NAMES: &str = "Names of headers. Istio ignores `uri`, `scheme`, `method` and `authority` among them: use the arguments of these names, \
                            and `path`.";
const PATTERNS: &str = "Values with `*` only at the end, or `*`.";

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
