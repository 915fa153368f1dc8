//! How failures are met, and where requests go.

use super::super::config::{Config, traffic as config};
use crate::{
    diagnostics::Path,
    known::{Known, Unknown},
    mesh::{
        duration::Duration,
        istio::virtual_service::StringMatch,
        service::traffic::{
            Failover, Fault, Injected, Match, Mirror, Redirect, Rewrite, Route, Share, Traffic, Version, pattern,
        },
    },
    resources::arguments::{cloned, copied, number, numbered, numbered_in},
    schema::{Attr, Blocks, Map},
};

/// What the arguments about traffic mean.
pub(super) fn traffic(config: &Config) -> Traffic {
    Traffic {
        resiliency: copied(&config.resiliency),
        request_timeout: copied(&config.request_timeout),
        streaming: config.streaming.or(false),
        retries: config.retries.clone(),
        circuit_breaker: config.circuit_breaker.clone(),
        outlier_detection: config.outlier_detection.clone(),
        versions: all("version", &config.version, version),
        routes: all("route", &config.route, route),
        failover: all("failover", &config.failover, failover),
        failover_priority: config.failover_priority.known().map(|labels| {
            let labels = labels.map(Vec::as_slice).unwrap_or_default();
            labels.iter().map(Attr::owned).collect()
        }),
        drain: number(&config.drain_seconds).map(|seconds| Duration::seconds(u64::from(seconds.unwrap_or(2)))),
    }
}

fn all<C, T>(name: &str, blocks: &Blocks<C>, meaning: fn(Path, &C) -> T) -> Known<Vec<T>> {
    Ok(numbered(name, blocks.known()?).map(|(at, block)| meaning(at, block)).collect())
}

fn inner<C, T>(at: &Path, name: &str, blocks: &Blocks<C>, meaning: fn(Path, &C) -> T) -> Known<Vec<T>> {
    Ok(numbered_in(at, name, blocks.known()?).map(|(at, block)| meaning(at, block)).collect())
}

fn version(at: Path, block: &config::Version) -> Version {
    let labels = block.labels.owned_elements().and_then(|labels| labels.ok_or(Unknown));
    Version { at, name: block.name.owned(), labels, weight: number(&block.weight) }
}

fn failover(at: Path, block: &config::Failover) -> Failover {
    Failover { at, from: block.from.owned(), to: block.to.owned() }
}

fn route(at: Path, block: &config::Route) -> Route {
    Route {
        name: cloned(&block.name),
        request_timeout: copied(&block.request_timeout),
        matches: inner(&at, "match", &block.r#match, condition),
        to: inner(&at, "to", &block.to, share),
        rewrite: block.rewrite.inner().map(|block| block.map(rewrite)),
        redirect: block.redirect.inner().map(|block| block.map(redirect)),
        mirror: block.mirror.inner().map(|block| block.map(mirror)),
        fault: block.fault.inner().map(|block| block.map(fault)),
        at,
    }
}

fn condition(at: Path, block: &config::Match) -> Match {
    Match {
        at,
        path: cloned(&block.path).map(|path| path.map(|path| pattern(&path))),
        method: cloned(&block.method),
        // Names of headers mean the same in any case.
        headers: patterns(&block.headers, str::to_ascii_lowercase),
        query: patterns(&block.query, str::to_owned),
    }
}

fn patterns(texts: &Map<String>, name: fn(&str) -> String) -> Known<std::collections::BTreeMap<String, StringMatch>> {
    let texts = texts.owned_elements()?.unwrap_or_default();
    Ok(texts.iter().map(|(key, text)| (name(key), pattern(text))).collect())
}

fn share(at: Path, block: &config::To) -> Share {
    Share { at, version: block.version.owned(), weight: number(&block.weight) }
}

fn rewrite(block: &config::Rewrite) -> Rewrite {
    Rewrite { path: cloned(&block.path), host: cloned(&block.host) }
}

fn redirect(block: &config::Redirect) -> Redirect {
    let status = number(&block.status).map(|status| status.unwrap_or(301));
    Redirect { path: cloned(&block.path), host: cloned(&block.host), status }
}

fn mirror(block: &config::Mirror) -> Mirror {
    let percent = number(&block.percent).map(|percent| percent.unwrap_or(100));
    Mirror { version: block.version.owned(), percent }
}

fn fault(block: &config::Fault) -> Fault {
    Fault {
        delay: Injected { what: copied(&block.delay), percent: number(&block.delay_percent) },
        abort: Injected { what: number(&block.abort_status), percent: number(&block.abort_percent) },
    }
}
