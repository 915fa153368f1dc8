//! How failures are met, and where requests go: limits and ejection towards the host, timeouts, retries, versions, routes.
//!
//! | file | what |
//! | --- | --- |
//! | [`destination_rule`] | the DestinationRule, and how a subset goes |
//! | [`limits`], [`failover`] | its policy |
//! | [`virtual_service`] | the VirtualService, from what callers call: hosts and listeners |
//! | [`routes`] | its routes for one listener |
//! | [`versions`], [`matches`] | what routes say |
//! | [`validate`] | none: what must hold across arguments; of routes in [`validate_routes`] |

mod destination_rule;
mod failover;
mod limits;
mod matches;
mod routes;
mod validate;
mod validate_routes;
mod versions;
mod virtual_service;

pub(super) use destination_rule::destination_rule;
pub(super) use routes::usual_of as usual;
pub(super) use virtual_service::{global_virtual_service, listeners, virtual_service};

pub use failover::Failover;
pub use matches::{Match, pattern};
pub use routes::{Fault, Injected, Mirror, Redirect, Rewrite, Route};
pub use versions::{Share, Version};

use super::{Service, Unmanaged};
use crate::{
    known::{Known, as_known},
    mesh::{
        duration::Duration,
        port::Protocol,
        resiliency::{CircuitBreaker, OutlierDetection, Preset, Retries},
    },
    schema::Block,
};

/// How failures are met, and where requests go.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// How failures are met, where it is written.
    pub resiliency: Known<Option<Preset>>,
    /// Of a whole request, where it is written.
    pub request_timeout: Known<Option<Duration>>,
    /// Whether requests may live for long: there is no timeout.
    pub streaming: Known<bool>,
    /// Sending again, where it is written.
    pub retries: Block<Retries>,
    /// Limits, where they are written.
    pub circuit_breaker: Block<CircuitBreaker>,
    /// Ejection, where it is written.
    pub outlier_detection: Block<OutlierDetection>,
    /// Versions of the workload, in order.
    pub versions: Known<Vec<Version>>,
    /// Requests that go another way, in order.
    pub routes: Known<Vec<Route>>,
    /// Where the requests of regions go.
    pub failover: Known<Vec<Failover>>,
    /// By which labels near endpoints are preferred; none where nothing is written.
    pub failover_priority: Known<Vec<Known<String>>>,
    /// Between moving traffic off a version and removing it.
    pub drain: Known<Duration>,
}

impl Service {
    /// Whether there is a VirtualService: for every service with an HTTP port, so that Istio's hidden default retries never
    /// apply, and for connections that are shared out among versions.
    pub(super) fn is_routed(&self) -> Known<bool> {
        let (requests, connections) = (self.speaks_http(), self.shares_connections());
        if requests == Ok(true) || connections == Ok(true) { Ok(true) } else { Ok(requests? || connections?) }
    }

    fn shares_connections(&self) -> Known<bool> {
        if self.versions()?.is_empty() { Ok(false) } else { self.speaks(is_shared_tcp) }
    }

    fn versions(&self) -> Known<&[Version]> {
        Ok(as_known(&self.traffic.versions)?)
    }

    fn routes(&self) -> Known<&[Route]> {
        Ok(as_known(&self.traffic.routes)?)
    }
}

/// Connections that a route can share out. With TLS of the application Istio goes by the server name that the client sends, and
/// one that no route lists would find no way at all: such ports have no route, and all versions take their connections.
const fn is_shared_tcp(protocol: Protocol) -> bool {
    !protocol.is_http() && !protocol.is_tls()
}

impl Traffic {
    /// The arguments that are written, by name, and the kind that holds each.
    pub(super) fn written(&self) -> impl Iterator<Item = (&'static str, Unmanaged)> {
        let (routes, policy) = (Unmanaged::VirtualService, Unmanaged::DestinationRule);
        let table = [
            ("request_timeout", routes, matches!(self.request_timeout, Ok(Some(_)))),
            ("streaming", routes, self.streaming == Ok(true)),
            ("failover_priority", policy, as_known(&self.failover_priority).is_ok_and(|labels| !labels.is_empty())),
            ("retries", routes, self.retries.is_set()),
            ("circuit_breaker", policy, self.circuit_breaker.is_set()),
            ("outlier_detection", policy, self.outlier_detection.is_set()),
            ("version", policy, as_known(&self.versions).is_ok_and(|versions| !versions.is_empty())),
            ("route", routes, as_known(&self.routes).is_ok_and(|routes| !routes.is_empty())),
            ("failover", policy, as_known(&self.failover).is_ok_and(|rules| !rules.is_empty())),
        ];
        table.into_iter().filter(|(_, _, is_written)| *is_written).map(|(name, kind, _)| (name, kind))
    }
}
