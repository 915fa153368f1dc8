//! The routes of one listener: those of `route` blocks in their order, then the default route.

use super::{
    super::{Port, ServiceContext},
    DirectResponse, Fault, Mirror, Redirect, Rewrite, Route, RouteScope,
    listener::Listener,
    versions::{self, Share},
};
use crate::{
    diagnostics::Path,
    known::{Known, Unknown},
    mesh::{
        duration::Duration,
        istio::virtual_service::{
            self as istio, Abort, Delay, HttpMatch, HttpRoute, PercentValue, ResponseBody, RouteDestination, TcpMatch,
            TcpRoute, TlsMatch, TlsRoute, nonzero_timeout,
        },
        port::Protocol,
        resiliency::{Retries, route_retries},
    },
    schema::{At, Attr, Block},
};

/// A route with the arguments that its fields come from, as `(".timeout", path)`.
pub(super) type RouteWithOrigins = (HttpRoute, Vec<(&'static str, Path)>);

/// Renders the HTTP routes of a listener. A route names one destination port, so each listener has its own routes.
pub(super) fn http(context: &ServiceContext, listener: Listener) -> Known<Vec<RouteWithOrigins>> {
    let routes = context.service.routes_for(RouteScope::Mesh)?;
    let mut all = routes.iter().map(|route| route_block(context, listener, route)).collect::<Known<Vec<_>>>()?;
    // The default route isn't rendered where the last block matches every request.
    let is_reachable =
        routes.last().map_or(Ok(true), |last| last.r#match.known().map(|matches| !matches.is_empty()))?;
    if is_reachable {
        all.push(default_http(context, listener)?);
    }
    Ok(all)
}

/// Renders the TLS route for connections with the global name as server name (SNI).
pub(super) fn tls(context: &ServiceContext, listener: Listener, global: &str) -> Known<TlsRoute> {
    let matches = vec![TlsMatch { port: Some(listener.number?), sni_hosts: vec![global.to_owned()] }];
    Ok(TlsRoute { matches, route: vec![RouteDestination::to_port(&context.host(), listener.port.number()?)] })
}

/// Renders the TCP route for all connections of a listener.
pub(super) fn tcp(context: &ServiceContext, listener: Listener) -> Known<TcpRoute> {
    let matches = vec![TcpMatch { port: listener.number? }];
    Ok(TcpRoute { matches, route: versions::default_destinations(context, listener.port)? })
}

/// Renders the route of a gateway for requests to a port that match no `route` block. It has no name, since the mesh's defaults
/// don't apply to gateways.
pub(in super::super) fn default_route(context: &ServiceContext, port: &At<Port>) -> Known<HttpRoute> {
    Ok(HttpRoute { name: None, ..default_http(context, Listener { number: port.number(), port })?.0 })
}

/// Renders what a route does with requests of a gateway to a port, without what it asks of them. Without a name of its own it has
/// none, as [`default_route`].
pub(in super::super) fn gateway_route(
    context: &ServiceContext,
    port: &At<Port>,
    route: &At<Route>,
) -> Known<HttpRoute> {
    let (rendered, _) = route_block(context, Listener { number: port.number(), port }, route)?;
    Ok(HttpRoute { name: route.name.known()?.cloned(), matches: Vec::new(), ..rendered })
}

/// The destinations of connections of a gateway to a port: all versions, or those with weights where a route can tell connections
/// apart.
pub(in super::super) fn default_destinations(
    context: &ServiceContext,
    port: &At<Port>,
) -> Known<Vec<RouteDestination>> {
    if port.protocol()?.is_tls() {
        return Ok(vec![RouteDestination::to_port(&context.host(), port.number()?)]);
    }
    versions::default_destinations(context, port)
}

fn default_http(context: &ServiceContext, listener: Listener) -> Known<RouteWithOrigins> {
    let (headers, cors_policy) = headers_and_cors(context, None)?;
    let route = HttpRoute {
        matches: vec![HttpMatch::all(listener.number?)],
        headers,
        cors_policy,
        ..forwarding(
            context,
            timeout(context, listener, None)?,
            &context.service.traffic.retries,
            versions::default_destinations(context, listener.port)?,
        )?
    };
    let origins = [
        ("", listener.port.at.clone()),
        (".timeout", Path::root().attribute("request_timeout")),
        (".retries", Path::root().attribute("retries")),
        (".headers", Path::root().attribute("headers")),
        (".corsPolicy", Path::root().attribute("cors")),
        (".route", Path::root().attribute("version")),
    ];
    Ok((route, origins.into()))
}

fn route_block(context: &ServiceContext, listener: Listener, route: &At<Route>) -> Known<RouteWithOrigins> {
    let number = listener.number?;
    let matches = match route.r#match.known()? {
        [] => vec![HttpMatch::all(number)],
        blocks => blocks.iter().map(|block| Ok(block.conditions()?.on(number))).collect::<Known<_>>()?,
    };
    let action = match (route.redirect.known()?, route.direct_response.known()?) {
        (Some(redirect), _) => HttpRoute { redirect: Some(redirect.render()?), ..HttpRoute::default() },
        (None, Some(response)) => HttpRoute { direct_response: Some(response.render()?), ..HttpRoute::default() },
        (None, None) => HttpRoute {
            rewrite: route.rewrite.known()?.map(|rewrite| rewrite.render()).transpose()?,
            fault: route.fault.known()?.map(|fault| fault.render()).transpose()?,
            mirrors: mirrors(context, listener, route)?,
            ..forwarding(
                context,
                timeout(context, listener, Some(route))?,
                if route.retries.known()?.is_some() { &route.retries } else { &context.service.traffic.retries },
                destinations(context, listener, route)?,
            )?
        },
    };
    let origins =
        [("", route.at.clone()), (".match", route.at.attribute("match")), (".route", route.at.attribute("to"))];
    let name = route.name.known()?.cloned().or(action.name);
    let (headers, cors_policy) = headers_and_cors(context, Some(route))?;
    Ok((HttpRoute { name, matches, headers, cors_policy, ..action }, origins.into()))
}

fn destinations(context: &ServiceContext, listener: Listener, route: &Route) -> Known<Vec<RouteDestination>> {
    match route.to.known()? {
        [] => versions::default_destinations(context, listener.port),
        blocks => versions::weighted(context, listener.port, &blocks.iter().map(Share::from).collect::<Vec<_>>()),
    }
}

/// Makes a route that forwards requests. Without timeout and retries of its own it has the name of the route that it takes the
/// place of, so that the mesh's defaults apply to it as well.
fn forwarding(
    context: &ServiceContext,
    timeout: Option<Duration>,
    retries: &Block<Retries>,
    route: Vec<RouteDestination>,
) -> Known<HttpRoute> {
    let retries = route_retries(retries, context.resiliency()?, timeout)?;
    let is_unset = timeout.is_none() && retries.is_none();
    let name = is_unset.then(|| HttpRoute::GENERATED.to_owned());
    Ok(HttpRoute { name, timeout: timeout.and_then(nonzero_timeout), retries, route, ..HttpRoute::default() })
}

/// The changes of headers and the CORS policy of a route, which has those of the service where its own blocks aren't set.
fn headers_and_cors(
    context: &ServiceContext,
    route: Option<&Route>,
) -> Known<(Option<istio::Headers>, Option<istio::CorsPolicy>)> {
    let traffic = &context.service.traffic;
    let own_headers = route.map_or(Ok(None), |route| route.headers.known())?;
    let own_cors = route.map_or(Ok(None), |route| route.cors.known())?;
    let headers = own_headers.or(traffic.headers.known()?).map(|headers| headers.render()).transpose()?;
    let cors = own_cors.or(traffic.cors.known()?).map(|cors| cors.render()).transpose()?;
    Ok((headers, cors))
}

/// The timeout of a route, which is zero where the arguments say that there is none; `None` where they say nothing.
fn timeout(context: &ServiceContext, listener: Listener, route: Option<&Route>) -> Known<Option<Duration>> {
    if let Some(timeout) = route.map_or(Ok(None), |route| route.request_timeout.copied())? {
        return Ok(Some(timeout));
    }
    if context.service.traffic.streaming()? {
        return Ok(Some(Duration::ZERO));
    }
    default_timeout(context, listener.port.protocol()?)
}

/// Returns the timeout of routes of a port with this protocol that have none of their own. It doesn't apply with
/// `streaming = true`.
pub(super) fn default_timeout(context: &ServiceContext, protocol: Protocol) -> Known<Option<Duration>> {
    let timeout = context.service.traffic.request_timeout.copied()?;
    Ok(timeout.or(context.mesh.defaults.request_timeout.filter(|_| has_default_timeout(protocol))))
}

/// Whether the provider's `defaults.request_timeout` applies to ports of a protocol. A gRPC call may be a stream that lives for
/// days.
pub(super) fn has_default_timeout(protocol: Protocol) -> bool {
    protocol.is_http() && protocol != Protocol::Grpc
}

impl DirectResponse {
    fn render(&self) -> Known<istio::DirectResponse> {
        let body = self.body.known()?.map(|text| ResponseBody { string: text.clone() });
        Ok(istio::DirectResponse { status: *self.status.required()?, body })
    }
}

impl Redirect {
    fn render(&self) -> Known<istio::Redirect> {
        let (uri, authority) = (self.path.known()?.cloned(), self.host.known()?.cloned());
        // Istio refuses a redirect with neither; validation reports it.
        uri.as_ref().or(authority.as_ref()).ok_or(Unknown)?;
        Ok(istio::Redirect { uri, authority, redirect_code: self.status()? })
    }
}

impl Rewrite {
    fn render(&self) -> Known<istio::Rewrite> {
        let (uri, authority) = (self.path.known()?.cloned(), self.host.known()?.cloned());
        uri.as_ref().or(authority.as_ref()).ok_or(Unknown)?;
        Ok(istio::Rewrite { uri, authority })
    }
}

fn mirrors(context: &ServiceContext, listener: Listener, route: &Route) -> Known<Vec<istio::Mirror>> {
    let mirror = |mirror: &At<Mirror>| {
        let destination = mirror.target.target()?.destination(context, listener.port)?;
        Ok(istio::Mirror { destination, percentage: PercentValue { value: mirror.percent()? } })
    };
    route.mirror.known()?.iter().map(mirror).collect()
}

impl Fault {
    fn render(&self) -> Known<istio::Fault> {
        let percentage = |percent: Attr<u32>| Ok(PercentValue { value: percent.or(100)? });
        let delay = match self.delay.copied()? {
            Some(fixed_delay) => Some(Delay { fixed_delay, percentage: percentage(self.delay_percent)? }),
            None => None,
        };
        let abort = match self.abort_status.copied()? {
            Some(http_status) => Some(Abort { http_status, percentage: percentage(self.abort_percent)? }),
            None => None,
        };
        if delay.is_none() && abort.is_none() { Err(Unknown) } else { Ok(istio::Fault { delay, abort }) }
    }
}
