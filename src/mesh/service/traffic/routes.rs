//! The routes of one listener: the user's in their order, then the one for all other requests.

use super::{
    super::{Port, Site},
    matches::Match,
    versions::{self, Share},
    virtual_service::Listener,
};
use crate::{
    diagnostics::Path,
    known::{Known, Unknown, as_known},
    mesh::{
        duration::Duration,
        istio::virtual_service::{
            self as istio, Abort, Delay, HttpMatch, HttpRoute, Percent, RouteDestination, TcpMatch, TcpRoute, TlsMatch,
            TlsRoute, written,
        },
        port::Protocol,
        resiliency::route_retries,
    },
};

/// Requests that go another way.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its block.
    pub at: Path,
    /// For metrics and access logs.
    pub name: Known<Option<String>>,
    /// Of a whole request, where it is written.
    pub request_timeout: Known<Option<Duration>>,
    /// What it takes; none: all.
    pub matches: Known<Vec<Match>>,
    /// Where to; none: as all others.
    pub to: Known<Vec<Share>>,
    /// Another path or host on the way.
    pub rewrite: Known<Option<Rewrite>>,
    /// An answer that sends the caller elsewhere.
    pub redirect: Known<Option<Redirect>>,
    /// What gets a copy.
    pub mirror: Known<Option<Mirror>>,
    /// Failures that are made.
    pub fault: Known<Option<Fault>>,
}

/// Another path or host on the way.
#[derive(Clone, Debug)]
pub struct Rewrite {
    /// For the matched path, or its part before `*`.
    pub path: Known<Option<String>>,
    /// That the workload is told.
    pub host: Known<Option<String>>,
}

/// An answer that sends the caller elsewhere.
#[derive(Clone, Debug)]
pub struct Redirect {
    /// The path.
    pub path: Known<Option<String>>,
    /// The host.
    pub host: Known<Option<String>>,
    /// 301 unless written.
    pub status: Known<u32>,
}

/// What gets a copy.
#[derive(Clone, Debug)]
pub struct Mirror {
    /// The version's name.
    pub version: Known<String>,
    /// 100 unless written.
    pub percent: Known<u32>,
}

/// Failures that are made.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Requests are held up so long.
    pub delay: Injected<Duration>,
    /// Requests are answered with this status.
    pub abort: Injected<u32>,
}

/// A failure, and how many requests meet it.
#[derive(Clone, Debug)]
pub struct Injected<T> {
    /// Which, where it is written.
    pub what: Known<Option<T>>,
    /// In percent, where it is written.
    pub percent: Known<Option<u32>>,
}

/// A route, and where its fields come from: `(".timeout", path)`.
pub(super) type Routed = (HttpRoute, Vec<(&'static str, Path)>);

/// A route for several listeners would send all of them to one port, so each has its own.
pub(super) fn http(site: &Site, listener: Listener) -> Known<Vec<Routed>> {
    let routes = site.service.routes()?;
    let mut all = routes.iter().map(|route| of_user(site, listener, route)).collect::<Known<Vec<_>>>()?;
    // What nothing can reach isn't written.
    let all_taken = routes.last().map_or(Ok(false), |last| as_known(&last.matches).map(Vec::is_empty))?;
    if !all_taken {
        all.push(usual(site, listener)?);
    }
    Ok(all)
}

/// Connections that ask for the global name.
pub(super) fn tls(site: &Site, listener: Listener, global: &str) -> Known<TlsRoute> {
    let matches = vec![TlsMatch { port: listener.number?, sni_hosts: vec![global.to_owned()] }];
    Ok(TlsRoute { matches, route: vec![RouteDestination::to_port(&site.host(), listener.port.number?)] })
}

/// All connections.
pub(super) fn tcp(site: &Site, listener: Listener) -> Known<TcpRoute> {
    let matches = vec![TcpMatch { port: listener.number? }];
    Ok(TcpRoute { matches, route: versions::usual(site, listener.port)? })
}

/// What happens to requests that no `route` takes, whoever calls the port.
pub(in super::super) fn usual_of(site: &Site, port: &Port) -> Known<HttpRoute> {
    Ok(usual(site, Listener { number: port.number, port })?.0)
}

/// All requests.
fn usual(site: &Site, listener: Listener) -> Known<Routed> {
    let route = HttpRoute {
        matches: vec![HttpMatch::all(listener.number?)],
        ..forwarded(site, timeout(site, listener, None)?, versions::usual(site, listener.port)?)?
    };
    let origins = [
        ("", listener.port.at.clone()),
        (".timeout", Path::root().attribute("request_timeout")),
        (".retries", Path::root().attribute("retries")),
        (".route", Path::root().attribute("version")),
    ];
    Ok((route, origins.into()))
}

fn of_user(site: &Site, listener: Listener, route: &Route) -> Known<Routed> {
    let number = listener.number?;
    let matches = match as_known(&route.matches)?.as_slice() {
        [] => vec![HttpMatch::all(number)],
        written => written.iter().map(|condition| condition.on(number)).collect::<Known<_>>()?,
    };
    let action = match as_known(&route.redirect)? {
        Some(redirect) => HttpRoute { redirect: Some(redirected(redirect)?), ..HttpRoute::default() },
        None => HttpRoute {
            rewrite: as_known(&route.rewrite)?.as_ref().map(rewritten).transpose()?,
            fault: as_known(&route.fault)?.as_ref().map(failing).transpose()?,
            ..mirrored(
                site,
                listener,
                route,
                forwarded(site, timeout(site, listener, Some(route))?, to(site, listener, route)?)?,
            )?
        },
    };
    let origins =
        [("", route.at.clone()), (".match", route.at.attribute("match")), (".route", route.at.attribute("to"))];
    Ok((HttpRoute { name: route.name.clone()?, matches, ..action }, origins.into()))
}

fn to(site: &Site, listener: Listener, route: &Route) -> Known<Vec<RouteDestination>> {
    match as_known(&route.to)?.as_slice() {
        [] => versions::usual(site, listener.port),
        shares => versions::shared(site, listener.port, shares),
    }
}

/// What is sent on always says how long it may take, and what is sent again.
fn forwarded(site: &Site, timeout: Duration, route: Vec<RouteDestination>) -> Known<HttpRoute> {
    let retries = route_retries(&site.service.traffic.retries, site.resiliency()?, timeout)?;
    Ok(HttpRoute { timeout: written(timeout), retries: Some(retries), route, ..HttpRoute::default() })
}

fn timeout(site: &Site, listener: Listener, route: Option<&Route>) -> Known<Duration> {
    if let Some(written) = route.map_or(Ok(None), |route| route.request_timeout)? {
        return Ok(written);
    }
    if site.service.traffic.streaming? {
        return Ok(Duration::ZERO);
    }
    usual_timeout(site, listener.port.protocol?)
}

/// Of requests on a port that speaks `protocol`.
pub(super) fn usual_timeout(site: &Site, protocol: Protocol) -> Known<Duration> {
    Ok(match site.service.traffic.request_timeout? {
        Some(written) => written,
        // A gRPC call may be a stream that lives for days, which no default knows.
        None if protocol == Protocol::Grpc => Duration::ZERO,
        None => match site.mesh.defaults.request_timeout {
            Some(of_mesh) => of_mesh,
            None => site.resiliency()?.resiliency().map_or(Duration::ZERO, |r| r.request_timeout),
        },
    })
}

fn redirected(redirect: &Redirect) -> Known<istio::Redirect> {
    let (uri, authority) = (redirect.path.clone()?, redirect.host.clone()?);
    // Without either, Istio refuses it, and the rule on redirects has told it.
    uri.as_ref().or(authority.as_ref()).ok_or(Unknown)?;
    Ok(istio::Redirect { uri, authority, redirect_code: redirect.status? })
}

fn rewritten(rewrite: &Rewrite) -> Known<istio::Rewrite> {
    let (uri, authority) = (rewrite.path.clone()?, rewrite.host.clone()?);
    uri.as_ref().or(authority.as_ref()).ok_or(Unknown)?;
    Ok(istio::Rewrite { uri, authority })
}

fn mirrored(site: &Site, listener: Listener, route: &Route, sent: HttpRoute) -> Known<HttpRoute> {
    let Some(mirror) = as_known(&route.mirror)? else { return Ok(sent) };
    Ok(HttpRoute {
        mirror: Some(versions::to_version(site, listener.port, &mirror.version)?),
        mirror_percentage: Some(Percent { value: mirror.percent? }),
        ..sent
    })
}

fn failing(fault: &Fault) -> Known<istio::Fault> {
    let percentage = |percent: Known<Option<u32>>| Ok(Percent { value: percent?.unwrap_or(100) });
    let delay = match fault.delay.what? {
        Some(fixed_delay) => Some(Delay { fixed_delay, percentage: percentage(fault.delay.percent)? }),
        None => None,
    };
    let abort = match fault.abort.what? {
        Some(http_status) => Some(Abort { http_status, percentage: percentage(fault.abort.percent)? }),
        None => None,
    };
    if delay.is_none() && abort.is_none() { Err(Unknown) } else { Ok(istio::Fault { delay, abort }) }
}
