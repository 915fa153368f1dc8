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
//! | [`versions`], [`matches`] | matches and weighted destinations of routes |
//! | [`validate`] | rules across arguments; those of routes in [`validate_routes`] |

mod arguments;
mod destination_rule;
mod failover;
mod limits;
mod listener;
mod matches;
mod routes;
mod validate;
mod validate_routes;
mod versions;
mod virtual_service;

pub(super) use destination_rule::destination_rule;
pub(super) use listener::listeners;
pub(super) use routes::default_route;
pub(super) use virtual_service::{global_virtual_service, settle_time, virtual_service};

pub use arguments::{Failover, Fault, Match, Mirror, Redirect, Rewrite, Route, To, Traffic, Version};

use super::{Service, Unmanaged};
use crate::{
    known::Known,
    mesh::port::Protocol,
    schema::{At, Attr},
};

impl Service {
    /// Whether there is a VirtualService: for every service with an HTTP port, so that Istio's default retries never apply, and
    /// for connections that are distributed among versions.
    pub(super) fn is_routed(&self) -> Known<bool> {
        let (requests, connections) = (self.speaks_http(), self.distributes_connections());
        if requests == Ok(true) || connections == Ok(true) { Ok(true) } else { Ok(requests? || connections?) }
    }

    fn distributes_connections(&self) -> Known<bool> {
        if self.versions()?.is_empty() { Ok(false) } else { self.speaks(is_routed_tcp) }
    }

    fn versions(&self) -> Known<&[At<Version>]> {
        self.traffic.version.known()
    }

    fn routes(&self) -> Known<&[At<Route>]> {
        self.traffic.route.known()
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
            ("retries", routes, self.retries.is_set()),
            ("circuit_breaker", policy, self.circuit_breaker.is_set()),
            ("outlier_detection", policy, self.outlier_detection.is_set()),
            ("version", policy, self.version.known().is_ok_and(|versions| !versions.is_empty())),
            ("route", routes, self.route.known().is_ok_and(|routes| !routes.is_empty())),
            ("failover", policy, self.failover.known().is_ok_and(|rules| !rules.is_empty())),
        ];
        table.into_iter().filter(|(_, _, is_set)| *is_set).map(|(name, kind, _)| (name, kind))
    }
}
