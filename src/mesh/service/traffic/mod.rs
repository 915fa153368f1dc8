//! The DestinationRule and the VirtualServices of a service for callers in the mesh.
//!
//! | file | content |
//! | --- | --- |
//! | [`arguments`] | the arguments |
//! | [`destination_rule`] | the DestinationRule, and how its subsets are removed |
//! | [`limits`], [`failover`] | its traffic policy |
//! | [`virtual_service`] | the VirtualServices |
//! | [`listener`] | the ports that callers use |
//! | [`routes`] | the routes of one listener |
//! | [`headers`], [`cors`] | changes of headers, and CORS |
//! | [`matches`], [`target`], [`versions`] | conditions, targets and weighted destinations of routes |
//! | [`validate`] | rules across arguments; those of routes in [`validate_routes`] |

mod arguments;
mod cors;
mod destination_rule;
mod failover;
mod headers;
mod limits;
mod listener;
mod matches;
mod routes;
mod target;
mod validate;
mod validate_routes;
mod versions;
mod virtual_service;

pub(super) use destination_rule::destination_rule;
pub(super) use listener::listeners;
pub(super) use matches::Conditions;
pub(super) use routes::{default_destinations, default_route, gateway_route};
pub(super) use target::Target;
pub(super) use virtual_service::{global_virtual_service, moving_in_steps, virtual_service};

pub use self::cors::Cors;
pub use self::headers::{HeaderChanges, Headers};
pub use self::target::RouteTarget;
pub use arguments::{
    DirectResponse, Failover, Fault, From, Match, Mirror, Redirect, Rewrite, Route, RouteScope, To, Traffic, Version,
};

use super::{Service, Unmanaged};
use crate::{
    known::{Known, all, any},
    mesh::{Mesh, port::Protocol, resiliency::selects_endpoints},
    schema::{At, Attr},
};

impl Service {
    /// Whether an argument is set that is rendered into the DestinationRule. Without one there is none, so that the
    /// DestinationRule of the root namespace applies.
    pub(super) fn has_traffic_policy(&self, mesh: &Mesh) -> Known<bool> {
        let traffic = &self.traffic;
        any([
            self.effective_resiliency(mesh).map(|preset| preset.is_some()),
            traffic.circuit_breaker.known().map(|block| block.is_some()),
            traffic.connections.known().map(|block| block.is_some()),
            traffic.outlier_detection.known().map(|block| block.is_some()),
            self.has_versions(),
            selects_endpoints(&traffic.load_balancing),
            traffic.failover.known().map(|rules| !rules.is_empty()),
            traffic.failover_priority.known().map(|labels| labels.is_some()),
        ])
    }

    /// Whether an argument is set that is rendered into the VirtualService. Without one there is none, so that the routes which
    /// istiod generates apply.
    pub(super) fn is_routed(&self, mesh: &Mesh) -> Known<bool> {
        let traffic = &self.traffic;
        let requests = any([
            self.effective_resiliency(mesh).map(|preset| preset.is_some()),
            traffic.retries.known().map(|block| block.is_some()),
            traffic.request_timeout.known().map(|timeout| timeout.is_some()),
            traffic.streaming(),
            traffic.headers.known().map(|block| block.is_some()),
            traffic.cors.known().map(|block| block.is_some()),
            self.routes().and_then(|routes| any(routes.iter().map(|route| route.applies_to(RouteScope::Mesh)))),
            self.has_versions(),
        ]);
        let timeout_by_default =
            if mesh.defaults.request_timeout.is_some() { self.speaks(routes::has_default_timeout) } else { Ok(false) };
        any([
            all([self.speaks_http(), requests]),
            timeout_by_default,
            all([self.has_versions(), self.speaks(is_routed_tcp)]),
        ])
    }

    fn has_versions(&self) -> Known<bool> {
        Ok(!self.versions()?.is_empty())
    }

    fn versions(&self) -> Known<&[At<Version>]> {
        self.traffic.version.known()
    }

    pub(super) fn routes(&self) -> Known<&[At<Route>]> {
        self.traffic.route.known()
    }

    /// The routes that take requests of a kind, in their order.
    pub(super) fn routes_for(&self, scope: RouteScope) -> Known<Vec<&At<Route>>> {
        let mut routes = Vec::new();
        for route in self.routes()? {
            if route.applies_to(scope)? {
                routes.push(route);
            }
        }
        Ok(routes)
    }
}

/// Whether a route can distribute the connections of a port. With TLS of the application Istio routes by the server name that the
/// client sends, and refuses names that no route lists: such ports have no route, and all versions receive their connections.
const fn is_routed_tcp(protocol: Protocol) -> bool {
    !protocol.is_http() && !protocol.is_tls()
}

impl Traffic {
    /// The names of the arguments that are set, with the kind that each is rendered into.
    pub(super) fn arguments_set(&self) -> impl Iterator<Item = (&'static str, Unmanaged)> {
        let (routes, policy) = (Unmanaged::VirtualService, Unmanaged::DestinationRule);
        let table = [
            ("request_timeout", routes, self.request_timeout.is_set()),
            ("streaming", routes, self.streaming == Attr::Known(true)),
            ("failover_priority", policy, self.failover_priority.is_set()),
            ("load_balancing", policy, self.load_balancing.is_set()),
            ("headers", routes, self.headers.is_set()),
            ("cors", routes, self.cors.is_set()),
            ("retries", routes, self.retries.is_set()),
            ("circuit_breaker", policy, self.circuit_breaker.is_set()),
            ("connections", policy, self.connections.is_set()),
            ("outlier_detection", policy, self.outlier_detection.is_set()),
            ("version", policy, self.version.known().is_ok_and(|versions| !versions.is_empty())),
            ("route", routes, self.route.known().is_ok_and(|routes| !routes.is_empty())),
            ("failover", policy, self.failover.known().is_ok_and(|rules| !rules.is_empty())),
        ];
        table.into_iter().filter(|(_, _, is_set)| *is_set).map(|(name, kind, _)| (name, kind))
    }
}
