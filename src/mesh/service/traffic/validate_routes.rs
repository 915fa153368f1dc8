//! What must hold within routes, and from one to the next.

use std::collections::BTreeSet;

use super::{
    super::Service,
    Fault, Match, Redirect, Rewrite, Route,
    validate::{check_shares, named},
};
use crate::{
    diagnostics::{Diagnostics, Path},
    known::{Known, as_known},
    mesh::istio::virtual_service::StringMatch,
};

impl Service {
    pub(super) fn check_routes(&self, out: &mut Diagnostics) {
        let Ok(routes) = self.routes() else { return };
        for route in routes {
            self.check_route(route, out);
        }
        check_reach(routes, out);
    }

    fn check_route(&self, route: &Route, out: &mut Diagnostics) {
        if let Ok(Some(name)) = &route.name
            && name == "default"
        {
            out.error(
                &route.at.attribute("name"),
                "A route named default",
                "Istio calls the routes so that it makes itself, and mesh-wide defaults are written into every route of that name. \
                 Give it another name, or none.",
            );
        }
        if let Ok(shares) = &route.to {
            check_shares(shares, &route.at.attribute("to"), out);
            let mut names = BTreeSet::new();
            for share in shares {
                let at = share.at.attribute("version");
                self.check_declared(&share.version, &at, out);
                if let Ok(name) = &share.version
                    && !names.insert(name)
                {
                    out.error(
                        &at,
                        "Version named twice",
                        format!("The route goes to {name:?} already. Add up the two weights."),
                    );
                }
            }
        }
        if let Ok(Some(mirror)) = &route.mirror {
            self.check_declared(&mirror.version, &route.at.attribute("mirror").attribute("version"), out);
        }
        if let Ok(Some(redirect)) = &route.redirect {
            check_redirect(route, redirect, out);
        }
        if let Ok(Some(rewrite)) = &route.rewrite {
            check_rewrite(route, rewrite, out);
        }
        if let Ok(Some(fault)) = &route.fault {
            check_fault(fault, &route.at.attribute("fault"), out);
        }
    }

    fn check_declared(&self, version: &Known<String>, at: &Path, out: &mut Diagnostics) {
        let (Ok(name), Ok(versions)) = (version, self.versions()) else { return };
        if versions.iter().any(|version| version.name.is_err() || version.name.as_ref() == Ok(name)) {
            return;
        }
        let there = versions.iter().map(named).collect::<Vec<_>>().join(", ");
        let there = if there.is_empty() { "no version block".to_owned() } else { format!("the versions {there}") };
        out.error(
            at,
            "No such version",
            format!(
                "{name:?} isn't a version: the service has {there}. Requests to one that isn't there fail (IST0101). Write a version \
                 block of that name, or one of those that are there."
            ),
        );
    }
}

/// Each request takes the first route that matches, so a later one must match something else.
fn check_reach(routes: &[Route], out: &mut Diagnostics) {
    let mut before: Vec<Match> = Vec::new();
    for route in routes {
        let Ok(matches) = &route.matches else { continue };
        for condition in matches.iter().filter(|condition| condition.is_all() == Ok(true) && condition.path == Ok(None))
        {
            out.error(
                &condition.at,
                "A match that asks nothing",
                "It takes every request, like a route without match. Write what it asks of a request, or remove the block.",
            );
        }
        let all = [Match::all(&route.at)];
        for condition in if matches.is_empty() { all.as_slice() } else { matches } {
            if let Some(first) = before.iter().find(|first| first.covers(condition) == Ok(true)) {
                let (summary, why, code) = if condition.covers(first) == Ok(true) {
                    ("The same requests twice", "takes the same requests", "IST0131")
                } else {
                    ("Requests never come here", "takes all of these requests, and more", "IST0130")
                };
                out.error(
                    &condition.at,
                    summary,
                    format!(
                        "{} stands before, and {why} ({code}). Put the narrower one first, or remove one of them.",
                        first.at
                    ),
                );
            }
            before.push(condition.clone());
        }
    }
}

fn check_redirect(route: &Route, redirect: &Redirect, out: &mut Diagnostics) {
    let excluded = [
        ("to", as_known(&route.to).is_ok_and(|to| !to.is_empty())),
        ("rewrite", matches!(route.rewrite, Ok(Some(_)))),
        ("mirror", matches!(route.mirror, Ok(Some(_)))),
        ("fault", matches!(route.fault, Ok(Some(_)))),
        ("request_timeout", matches!(route.request_timeout, Ok(Some(_)))),
    ];
    for (name, _) in excluded.into_iter().filter(|(_, is_written)| *is_written) {
        out.error(
            &route.at.attribute(name),
            "A redirect goes nowhere else",
            format!("The caller's proxy answers a redirect itself: nothing is sent to the service. Remove {name}, or redirect."),
        );
    }
    if redirect.path == Ok(None) && redirect.host == Ok(None) {
        out.error(
            &route.at.attribute("redirect"),
            "A redirect to the same place",
            "Write path, host, or both: where the caller is to go instead.",
        );
    }
}

/// Istio puts the new path where the matched one, or its part before `*`, stood.
fn check_rewrite(route: &Route, rewrite: &Rewrite, out: &mut Diagnostics) {
    let block = route.at.attribute("rewrite");
    let (Ok(path), Ok(host)) = (&rewrite.path, &rewrite.host) else { return };
    let Some(path) = path else {
        if host.is_none() {
            out.error(&block, "A rewrite of nothing", "Write path, host, or both.");
        }
        return;
    };
    let Ok(matches) = &route.matches else { return };
    let all = [Match::all(&route.at)];
    for condition in if matches.is_empty() { all.as_slice() } else { matches } {
        let Ok(of_path) = &condition.path else { continue };
        let prefix = match of_path {
            Some(StringMatch::Exact(_)) => continue,
            Some(StringMatch::Prefix(prefix)) => prefix.as_str(),
            Some(StringMatch::Present) | None => "/",
        };
        if prefix.ends_with('/') == path.ends_with('/') {
            continue;
        }
        let rest = if prefix.ends_with('/') { "orders" } else { "/orders" };
        out.error(
            &block.attribute("path"),
            "The rewritten path is out of joint",
            format!(
                "{path} takes the place of {prefix} alone, so {prefix}{rest} becomes {path}{rest}. Let both end with \"/\", or \
                 neither ({}).",
                condition.at
            ),
        );
    }
}

fn check_fault(fault: &Fault, at: &Path, out: &mut Diagnostics) {
    if fault.delay.what == Ok(None) && fault.abort.what == Ok(None) {
        out.error(at, "A fault without a failure", "Write delay, abort_status, or both.");
        return;
    }
    let shares = [
        ("delay_percent", "delay", fault.delay.what == Ok(None), fault.delay.percent),
        ("abort_percent", "abort_status", fault.abort.what == Ok(None), fault.abort.percent),
    ];
    for (name, of, is_missing, percent) in shares {
        if is_missing && matches!(percent, Ok(Some(_))) {
            out.error(
                &at.attribute(name),
                "A share of nothing",
                format!("{name} says how many requests meet {of}. Write {of}, or remove {name}."),
            );
        }
    }
}
