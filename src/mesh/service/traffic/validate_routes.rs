//! Rules within `route` blocks, and between them.

use super::{
    super::{Port, Service, validate::format_ports},
    Fault, Match, Redirect, Rewrite, Route, RouteScope, cors, headers,
    matches::{Conditions, pattern},
    target::{RouteTarget, Target},
    validate::{format_version, validate_weights},
    versions::Share,
};
use crate::{
    diagnostics::{Diagnostics, Path},
    mesh::{Mesh, istio::virtual_service::StringMatch, names, patterns, reference::ServiceReference},
    schema::{At, Attr, Map},
};

impl Service {
    /// Reports violations of rules across the blocks.
    pub(super) fn validate_routes(&self, out: &mut Diagnostics) {
        let Ok(routes) = self.routes() else { return };
        for route in routes {
            self.validate_route(route, out);
        }
        for scope in [RouteScope::Mesh, RouteScope::Ingress] {
            let of_scope = routes.iter().filter(|route| route.applies_to(scope) == Ok(true));
            validate_reachability(of_scope, out);
        }
    }

    /// Reports Services among the hosts outside the mesh.
    pub(super) fn validate_route_hosts_in_mesh(&self, mesh: &Mesh, out: &mut Diagnostics) {
        for route in self.routes().into_iter().flatten() {
            let to = route.to.known().unwrap_or_default().iter().map(|block| (&block.at, &*block.target));
            let mirrors = route.mirror.known().unwrap_or_default().iter().map(|block| (&block.at, &*block.target));
            for (at, target) in to.chain(mirrors) {
                let Attr::Known(host) = &target.host else { continue };
                let is_short = host.rsplit('.').next() == Some("svc");
                if !is_short && !names::is_cluster_host(host, &mesh.cluster_domain) {
                    continue;
                }
                let service = match host.split('.').collect::<Vec<_>>().as_slice() {
                    [name, namespace, "svc", ..] => format!("{namespace}/{name}"),
                    _ => "namespace/name".to_owned(),
                };
                out.error(
                    &at.attribute("host"),
                    "Host of the cluster",
                    format!(
                        "{host} is a Kubernetes Service, and host is for hosts outside the mesh. Write service = \"{service}\" in its \
                         place."
                    ),
                );
            }
        }
    }

    fn validate_route(&self, route: &At<Route>, out: &mut Diagnostics) {
        if let Attr::Known(name) = &route.name
            && name == "default"
        {
            out.error(
                &route.at.attribute("name"),
                "Route name \"default\" is reserved",
                "Istio calls the routes so that it makes itself, and mesh-wide defaults are written into every route of that name. \
                 Give it another name, or none.",
            );
        }
        if let Ok(blocks) = route.to.known() {
            let shares: Vec<Share> = blocks.iter().map(Share::from).collect();
            validate_weights(&shares, &route.at.attribute("to"), out);
            self.validate_targets(blocks.iter().map(|block| (&block.at, &*block.target)), out);
        }
        let mirrors = route.mirror.known().unwrap_or_default();
        self.validate_targets(mirrors.iter().map(|block| (&block.at, &*block.target)), out);
        if let Ok(Some(retries)) = route.retries.known() {
            retries.validate(out);
            if let Attr::Known(timeout) = route.request_timeout {
                retries.validate_with_timeout(timeout, out);
            }
        }
        headers::validate(&route.headers, out);
        cors::validate(&route.cors, out);
        for block in route.to.known().unwrap_or_default() {
            headers::validate(&block.headers, out);
        }
        for block in route.r#match.known().unwrap_or_default() {
            validate_match(block, out);
        }
        if let Ok(Some(redirect)) = route.redirect.known() {
            validate_own_answer(route, "redirect", out);
            validate_redirect(redirect, out);
        } else if route.direct_response.is_set() {
            validate_own_answer(route, "direct_response", out);
        }
        if let Ok(Some(rewrite)) = route.rewrite.known() {
            validate_rewrite(route, rewrite, out);
        }
        if let Ok(Some(fault)) = route.fault.known() {
            validate_fault(fault, out);
        }
    }

    /// Reports targets that can't be: see [`RouteTarget::validate`]; versions that aren't declared, and targets that are named twice.
    fn validate_targets<'a>(&self, blocks: impl Iterator<Item = (&'a Path, &'a RouteTarget)>, out: &mut Diagnostics) {
        let mut earlier: Vec<(&Path, Target)> = Vec::new();
        for (at, block) in blocks {
            block.validate(at, out);
            self.validate_declared(&block.version, &at.attribute("version"), out);
            let Ok(target) = block.target() else { continue };
            self.validate_own_port(target, &at.attribute("port"), out);
            if let Some((first, _)) = earlier.iter().find(|(_, other)| self.is_same_target(*other, target)) {
                out.error(
                    at,
                    "Duplicate destination",
                    format!("{first} has this destination, too. Remove one of the blocks, and add up the percentages."),
                );
            }
            earlier.push((at, target));
        }
    }

    fn is_same_target(&self, one: Target, other: Target) -> bool {
        match (one, other) {
            (Target::Service(service, port), Target::Service(other_service, other_port)) => {
                service.name == other_service.name
                    && self.namespace_of(service) == self.namespace_of(other_service)
                    && port == other_port
            }
            _ => one == other,
        }
    }

    /// The namespace of a Service; `None` if it is unknown.
    fn namespace_of<'a>(&'a self, service: &'a ServiceReference) -> Option<&'a str> {
        service.namespace.as_deref().or_else(|| self.namespace().ok().map(String::as_str))
    }

    /// Reports a port of the service itself that no `port` block declares for requests.
    fn validate_own_port(&self, target: Target, at: &Path, out: &mut Diagnostics) {
        let Target::Service(service, Some(number)) = target else { return };
        let is_own =
            self.name() == Ok(&service.name) && self.namespace_of(service) == self.namespace().ok().map(String::as_str);
        let (true, Ok(ports)) = (is_own, self.ports()) else { return };
        // A port with unknown values may be the one.
        let is_other = |port: &At<Port>| {
            port.number().is_ok_and(|other| other != number)
                || port.protocol().is_ok_and(|protocol| !protocol.is_http())
        };
        if ports.iter().all(is_other) {
            out.error(
                at,
                format!("No HTTP port {number}"),
                format!(
                    "The service itself is meant, and it has {}. Write the number of a port block (not its target port) that speaks \
                     http, http2 or grpc.",
                    format_ports(ports)
                ),
            );
        }
    }

    /// Reports a version that no `version` block declares.
    fn validate_declared(&self, version: &Attr<String>, at: &Path, out: &mut Diagnostics) {
        let (Attr::Known(name), Ok(versions)) = (version, self.versions()) else { return };
        if versions.iter().any(|version| version.name.required().is_err() || version.name.required() == Ok(name)) {
            return;
        }
        let declared = versions.iter().map(format_version).collect::<Vec<_>>().join(", ");
        let declared =
            if declared.is_empty() { "no version block".to_owned() } else { format!("the versions {declared}") };
        out.error(
            at,
            "Unknown version",
            format!(
                "{name:?} isn't a version: the service has {declared}. Requests to one that isn't there fail (IST0101). Write a version \
                 block of that name, or one of those that are there."
            ),
        );
    }
}

/// Reports routes that no request reaches, since each request takes the first route that matches.
fn validate_reachability<'a>(routes: impl Iterator<Item = &'a At<Route>>, out: &mut Diagnostics) {
    let mut earlier: Vec<(&Path, Conditions)> = Vec::new();
    for route in routes {
        let Ok(blocks) = route.r#match.known() else { continue };
        for block in blocks.iter().filter(|block| block.conditions().is_ok_and(|conditions| conditions.is_empty())) {
            out.error(
                &block.at,
                "Empty match block",
                "It takes every request, like a route without match. Write what it asks of a request, or remove the block.",
            );
        }
        let mut matches: Vec<(&Path, Conditions)> =
            blocks.iter().filter_map(|block| Some((&block.at, block.conditions().ok()?))).collect();
        if blocks.is_empty() {
            matches.push((&route.at, Conditions::default()));
        }
        for (at, conditions) in matches {
            if let Some((first_at, first)) = earlier.iter().find(|(_, first)| first.covers(&conditions)) {
                let (summary, reason, code) = if conditions.covers(first) {
                    ("Duplicate match", "takes the same requests", "IST0131")
                } else {
                    ("Route is never reached", "takes all of these requests, and more", "IST0130")
                };
                out.error(
                    at,
                    summary,
                    format!(
                        "{first_at} stands before, and {reason} ({code}). Put the narrower one first, or remove one of them."
                    ),
                );
            }
            earlier.push((at, conditions));
        }
    }
}

/// Reports conditions that can't hold together, conditions without content, and literals that are probably regular expressions.
fn validate_match(block: &At<Match>, out: &mut Diagnostics) {
    if block.path.is_set() && block.path_regex.is_set() {
        out.error(
            &block.at.attribute("path_regex"),
            "Two conditions on the path",
            "path is literal, path_regex a regular expression, and a request has one path. Write one of them.",
        );
    }
    if let Attr::Known(path) = &block.path
        && patterns::looks_like_regex(path)
    {
        out.error(
            &block.at.attribute("path"),
            "Regular expression in path",
            format!("path is literal but for a * at its end, and {path:?} would match no request that you mean. Write path_regex = {path:?}."),
        );
    }
    for (name, literals, regex, others) in [
        ("headers", &block.headers, "headers_regex", &block.headers_regex),
        ("query", &block.query, "query_regex", &block.query_regex),
    ] {
        let (Ok(literals), Ok(others)) = (literals.elements_or_empty(), others.elements_or_empty()) else { continue };
        for (key, text) in literals.iter().filter(|(_, text)| patterns::looks_like_regex(text)) {
            out.error(
                &block.at.attribute(name),
                format!("Regular expression in {name}"),
                format!("Values are literal but for a * at the end. Write {regex} = {{ {key:?} = {text:?} }}."),
            );
        }
        for key in others.keys().filter(|key| literals.keys().any(|other| other.eq_ignore_ascii_case(key))) {
            out.error(
                &block.at.attribute(regex),
                "Several conditions on one value",
                format!("{key:?} is in {name} as well, and Istio takes one condition for each. Write one of them."),
            );
        }
    }
    let names_cookie = |map: &Map<String>| {
        map.elements_or_empty().is_ok_and(|map| map.keys().any(|key| key.eq_ignore_ascii_case("cookie")))
    };
    if block.cookies.is_set() && (names_cookie(&block.headers) || names_cookie(&block.headers_regex)) {
        out.error(
            &block.at.attribute("cookies"),
            "Several conditions on one value",
            "cookies is a condition on the header cookie, which headers names as well. Write one of them.",
        );
    }
    if let Ok(Some(from)) = block.from.known()
        && from.namespace == Attr::Null
        && from.labels == Attr::Null
    {
        out.error(&from.at, "Empty match block", "Write namespace or labels of the callers, or remove the block.");
    }
}

/// Reports arguments of a route that have no effect where the caller's proxy answers itself.
fn validate_own_answer(route: &At<Route>, answer: &str, out: &mut Diagnostics) {
    let ineffective = [
        ("direct_response", answer != "direct_response" && route.direct_response.is_set()),
        ("to", route.to.known().is_ok_and(|to| !to.is_empty())),
        ("rewrite", route.rewrite.is_set()),
        ("mirror", route.mirror.known().is_ok_and(|mirrors| !mirrors.is_empty())),
        ("fault", route.fault.is_set()),
        ("request_timeout", route.request_timeout.is_set()),
        ("retries", route.retries.is_set()),
    ];
    for (name, _) in ineffective.into_iter().filter(|(_, is_set)| *is_set) {
        out.error(
            &route.at.attribute(name),
            format!("{answer} combined with other actions"),
            format!("The caller's proxy answers itself: nothing is sent to the service. Remove {name}, or {answer}."),
        );
    }
}

/// Reports a redirect to the same place.
fn validate_redirect(redirect: &At<Redirect>, out: &mut Diagnostics) {
    if redirect.path == Attr::Null && redirect.host == Attr::Null {
        out.error(
            &redirect.at,
            "Redirect to the same URL",
            "Write path, host, or both: where the caller is to go instead.",
        );
    }
}

/// Reports rewrites of nothing, and those that join prefix and rest of a path without or with two slashes: Istio replaces the
/// matched path, or its part before `*`.
fn validate_rewrite(route: &At<Route>, rewrite: &At<Rewrite>, out: &mut Diagnostics) {
    let (Ok(path), Ok(host)) = (rewrite.path.known(), rewrite.host.known()) else { return };
    let Some(path) = path else {
        if host.is_none() {
            out.error(&rewrite.at, "Empty rewrite block", "Write path, host, or both.");
        }
        return;
    };
    let Ok(blocks) = route.r#match.known() else { return };
    // With path_regex the whole path is replaced.
    let mut matches: Vec<(&Path, Option<StringMatch>)> = blocks
        .iter()
        .filter(|block| block.path_regex == Attr::Null)
        .filter_map(|block| Some((&block.at, block.path.known().ok()?.map(|path| pattern(path)))))
        .collect();
    if blocks.is_empty() {
        matches.push((&route.at, None));
    }
    for (at, path_match) in &matches {
        let prefix = match path_match {
            // The whole path is replaced.
            Some(StringMatch::Exact(_) | StringMatch::Regex(_)) => continue,
            Some(StringMatch::Prefix(prefix)) => prefix.as_str(),
            Some(StringMatch::Present) | None => "/",
        };
        if prefix.ends_with('/') == path.ends_with('/') {
            continue;
        }
        let rest = if prefix.ends_with('/') { "orders" } else { "/orders" };
        out.error(
            &rewrite.at.attribute("path"),
            "Rewrite path and match disagree on the trailing slash",
            format!(
                "{path} replaces only {prefix}, so {prefix}{rest} becomes {path}{rest}. Let both end with \"/\", or \
                 neither ({at}).",
            ),
        );
    }
}

/// Reports faults without a failure, and percentages without one.
fn validate_fault(fault: &At<Fault>, out: &mut Diagnostics) {
    if fault.delay == Attr::Null && fault.abort_status == Attr::Null {
        out.error(&fault.at, "Fault without delay or abort", "Write delay, abort_status, or both.");
        return;
    }
    let percentages = [
        ("delay_percent", "delay", fault.delay == Attr::Null, fault.delay_percent),
        ("abort_percent", "abort_status", fault.abort_status == Attr::Null, fault.abort_percent),
    ];
    for (name, fault_argument, is_missing, percent) in percentages {
        if is_missing && percent.is_set() {
            out.error(
                &fault.at.attribute(name),
                "Percentage without a delay or abort",
                format!(
                    "{name} says how many requests meet {fault_argument}. Write {fault_argument}, or remove {name}."
                ),
            );
        }
    }
}
