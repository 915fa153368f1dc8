//! The rules of an `ingress` block for requests: those of the `route` blocks that apply to them, then one for all the others. The rules
//! of a route match what the block and the route have in common, so that a route opens no path that the block doesn't.

use std::collections::BTreeSet;

use super::{
    super::{ServiceContext, traffic},
    Ingress, PathPattern,
    intersection::{BlockPath, CommonPaths},
};
use crate::{
    diagnostics::Path,
    known::{Known, Unknown},
    mesh::{
        istio::virtual_service::{HttpMatch, HttpRoute, Rewrite, StringMatch},
        service::traffic::{Conditions, Route, RouteScope},
    },
    schema::At,
};

/// The requests of a rule that a route rewrites, as the workload gets them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct RewrittenRequests {
    /// Paths, in the form of AuthorizationPolicies. Empty: those of the block.
    pub(in super::super) paths: BTreeSet<String>,
    /// The host. `None`: those of the block.
    pub(in super::super) host: Option<String>,
}

/// A rule of the VirtualService, and where it comes from.
struct Rule {
    at: Path,
    rewrites: bool,
    http: HttpRoute,
}

/// Renders the rules, each with the path of its block.
pub(super) fn rules(context: &ServiceContext, block: &At<Ingress>) -> Known<Vec<(HttpRoute, Path)>> {
    Ok(all_rules(context, block)?.into_iter().map(|rule| (rule.http, rule.at)).collect())
}

/// Returns the requests of the block that routes rewrite and send to this service, where they arrive with other paths or hosts than the
/// block says.
pub(in super::super) fn rewritten_requests(
    context: &ServiceContext,
    block: &At<Ingress>,
) -> Known<Vec<RewrittenRequests>> {
    let host = context.host();
    let reaches_service = |rule: &HttpRoute| {
        let copies = rule.mirrors.iter().map(|mirror| &mirror.destination.host);
        rule.route.iter().map(|share| &share.destination.host).chain(copies).any(|destination| *destination == host)
    };
    let rules = all_rules(context, block)?.into_iter().filter(|rule| rule.rewrites && reaches_service(&rule.http));
    Ok(rules.map(|rule| rewritten(&rule.http)).collect())
}

fn rewritten(rule: &HttpRoute) -> RewrittenRequests {
    let (uri, host) =
        rule.rewrite.as_ref().map_or((None, None), |rewrite| (rewrite.uri.as_ref(), rewrite.authority.clone()));
    let path = |request: &HttpMatch| match (&request.uri, uri) {
        (Some(StringMatch::Exact(_) | StringMatch::Regex(_)), Some(uri)) => Some(uri.clone()),
        (_, Some(uri)) => Some(format!("{uri}*")),
        (Some(StringMatch::Exact(path)), None) => Some(path.clone()),
        (Some(StringMatch::Prefix(prefix)), None) => Some(format!("{prefix}*")),
        _ => None,
    };
    let every_request = [HttpMatch::default()];
    let matches = if rule.matches.is_empty() { every_request.as_slice() } else { rule.matches.as_slice() };
    RewrittenRequests { paths: matches.iter().map(path).collect::<Option<_>>().unwrap_or_default(), host }
}

/// A rewrite of the block depends on the pattern that matches, the most specific one, and routes match what it makes of a path. So
/// with both each pattern has its own rules.
fn all_rules(context: &ServiceContext, block: &At<Ingress>) -> Known<Vec<Rule>> {
    let (routes, patterns) = (context.service.routes_for(RouteScope::Ingress)?, block.patterns()?);
    let rewrite = block.rewrite.known()?.map(String::as_str);
    let parts: Vec<&[PathPattern]> =
        if routes.is_empty() || rewrite.is_none() { vec![patterns.as_slice()] } else { patterns.chunks(1).collect() };
    let mut rules = Vec::new();
    for part in parts {
        rules.extend(rules_of(context, block, &routes, part)?);
    }
    Ok(rules)
}

/// The rules for some patterns of the block: those of each route in their order, then the block's own.
fn rules_of(
    context: &ServiceContext,
    block: &At<Ingress>,
    routes: &[&At<Route>],
    patterns: &[PathPattern],
) -> Known<Vec<Rule>> {
    let port = block.target(context.service.ports()?)?;
    let rewrite = block.rewrite.known()?.cloned();
    let mut rules: Vec<Rule> = Vec::new();
    // What no rule has taken yet.
    let mut left: Vec<Option<PathPattern>> = patterns.iter().copied().map(Some).collect();
    if patterns.is_empty() {
        left.push(None);
    }
    for route in routes {
        let mut of_route: Vec<(Vec<HttpMatch>, Option<String>)> = Vec::new();
        for (conditions, common) in common_requests(block, &left, route)? {
            let matches = conditions.at_gateway(common.uri);
            match of_route.last_mut() {
                Some((all, rewrite)) if *rewrite == common.rewrite => all.push(matches),
                _ => of_route.push((vec![matches], common.rewrite)),
            }
        }
        left.retain(|pattern| {
            !of_route.iter().flat_map(|(matches, _)| matches).any(|request| takes(request, *pattern))
        });
        let rendered = traffic::gateway_route(context, port, route)?;
        let authority = rendered.rewrite.as_ref().and_then(|rewrite| rewrite.authority.clone());
        for (matches, uri) in of_route {
            let matches = if matches == [HttpMatch::default()] { Vec::new() } else { matches };
            // The caller is answered by the gateway itself.
            let rewrite = (!rendered.route.is_empty() && (uri.is_some() || authority.is_some()))
                .then(|| Rewrite { uri, authority: authority.clone() });
            rules.push(Rule {
                at: route.at.clone(),
                rewrites: rendered.rewrite.is_some(),
                http: HttpRoute { matches, rewrite, ..rendered.clone() },
            });
        }
    }
    if !left.is_empty() {
        let matches = left.iter().flatten().map(|pattern| HttpMatch::path(pattern.string_match())).collect();
        let rewrite = rewrite.map(|uri| Rewrite { uri: Some(uri), authority: None });
        let http = HttpRoute { matches, rewrite, ..traffic::default_route(context, port)? };
        rules.push(Rule { at: block.at.clone(), rewrites: false, http });
    }
    Ok(rules)
}

/// The requests of some patterns of a block that a route takes: the other conditions of each `match`, and the paths in common.
fn common_requests(
    block: &Ingress,
    patterns: &[Option<PathPattern>],
    route: &Route,
) -> Known<Vec<(Conditions, CommonPaths)>> {
    let (hosts, rewrite) = (block.hosts.required_elements()?, block.rewrite.known()?.map(String::as_str));
    let route_rewrite = match route.rewrite.known()? {
        Some(rewrite) => rewrite.path.known()?.map(String::as_str),
        None => None,
    };
    let mut matches = Vec::new();
    for block in route.r#match.known()? {
        matches.push(block.conditions()?);
    }
    if matches.is_empty() {
        matches.push(Conditions::default());
    }
    let mut common = Vec::new();
    for pattern in patterns {
        for conditions in &matches {
            if conditions.asks_for_workload() {
                // Reported by validation, as regular expressions that may match other paths.
                return Err(Unknown);
            }
            if !conditions.authority().is_none_or(|authority| hosts.iter().any(|host| is_of_host(authority, host))) {
                continue;
            }
            let path = BlockPath { pattern: *pattern, rewrite };
            if let Some(paths) = path.intersect(conditions.path(), route_rewrite).map_err(|_| Unknown)? {
                common.push((conditions.clone(), paths));
            }
        }
    }
    Ok(common)
}

/// Whether a block and a route have requests in common.
pub(super) fn has_common_requests(block: &Ingress, route: &Route) -> Known<bool> {
    let mut patterns: Vec<Option<PathPattern>> = block.patterns()?.into_iter().map(Some).collect();
    if patterns.is_empty() {
        patterns.push(None);
    }
    Ok(!common_requests(block, &patterns, route)?.is_empty())
}

/// Whether a request for a host may have an authority that matches.
fn is_of_host(authority: &StringMatch, host: &str) -> bool {
    let end = host.strip_prefix('*');
    match authority {
        StringMatch::Exact(text) => {
            let name = text.split(':').next().unwrap_or(text);
            end.map_or(name == host, |end| name.ends_with(end))
        }
        StringMatch::Prefix(prefix) => {
            end.is_some() || host.starts_with(prefix) || prefix.starts_with(&format!("{host}:"))
        }
        StringMatch::Regex(_) | StringMatch::Present => true,
    }
}

/// Whether a condition takes every request of a pattern; without one, every request.
fn takes(request: &HttpMatch, pattern: Option<PathPattern>) -> bool {
    let has_others = HttpMatch { uri: None, ..request.clone() } != HttpMatch::default();
    let takes_path = match (&request.uri, pattern) {
        (None, _) => true,
        (Some(StringMatch::Exact(path)), Some(pattern)) => PathPattern::Exact(path).covers(pattern),
        (Some(StringMatch::Prefix(prefix)), Some(pattern)) => PathPattern::Prefix(prefix).covers(pattern),
        (Some(StringMatch::Prefix(prefix)), None) => prefix == "/",
        _ => false,
    };
    !has_others && takes_path
}
