//! The `circuit_breaker` block.

use super::Preset;
use crate::{
    diagnostics::{Diagnostics, Path},
    known::Known,
    mesh::{
        duration::{Duration, is_positive},
        istio::destination_rule::{HttpPool, TcpPool},
    },
    model,
    schema::{At, Attr, model::optional},
};

model! {
    /// Connection pool limits of each caller's proxy towards the whole service (`trafficPolicy.connectionPool`).
    pub struct CircuitBreaker {
        /// Timeout for establishing a TCP connection (`tcp.connectTimeout`). Defaults to the preset's; without a preset it isn't
        /// written, and the mesh's configuration applies.
        connect_timeout: Attr<Duration> = optional().check("More than `0s`.", is_positive),
        /// Maximum number of connections that one caller's proxy opens (`tcp.maxConnections`). Further HTTP/1.1
        /// requests wait for a connection without an error. Defaults to the preset's; without a preset there is no
        /// limit.
        max_connections: Attr<u32> = optional().range(1..=i64::from(i32::MAX)),
        /// Maximum number of requests that wait for a connection (`http.http1MaxPendingRequests`); further ones get 503. Only
        /// for services with an HTTP port. Defaults to the preset's; without a preset there is no limit.
        max_pending_requests: Attr<u32> = optional().range(1..=i64::from(i32::MAX)),
        /// Maximum number of requests in flight (`http.http2MaxRequests`, which also applies to HTTP/1.1);
        /// further ones get 503. A stream counts for its whole lifetime. Only for services with an HTTP port.
        /// Defaults to the preset's, which `streaming = true` removes; without a preset there is no limit.
        max_requests: Attr<u32> = optional().range(1..=i64::from(i32::MAX)),
        /// Maximum number of concurrent retries (`http.maxRetries`); further failures aren't retried. Only for
        /// services with an HTTP port. It replaces the preset's retry budget, which is a percentage of the
        /// requests in flight. Ports of an external service with originated TLS have no budget. Defaults to the
        /// preset's; without a preset there is no limit.
        max_retries: Attr<u32> = optional().range(1..=i64::from(i32::MAX)),
    }
}

impl At<CircuitBreaker> {
    /// Reports a block without a limit where no preset has one either: the DestinationRule would say nothing.
    pub(in crate::mesh) fn validate_with_preset(&self, preset: Option<Preset>, out: &mut Diagnostics) {
        if self.arguments == CircuitBreaker::default() && preset.is_none() {
            out.error(
                &self.at,
                "circuit_breaker without a limit",
                "Without a resiliency preset only the limits of the block are written, and it has none. Write connect_timeout, \
                 max_connections, max_pending_requests, max_requests or max_retries, or remove the block.",
            );
        }
    }

    /// Returns the paths of the limits of requests that are set. They have no effect on a service without HTTP ports.
    pub(in crate::mesh) fn http_limits(&self) -> impl Iterator<Item = Path> {
        let limits = [
            ("max_pending_requests", &self.max_pending_requests),
            ("max_requests", &self.max_requests),
            ("max_retries", &self.max_retries),
        ];
        limits.into_iter().filter(|(_, limit)| limit.is_set()).map(|(name, _)| self.at.attribute(name))
    }
}

impl CircuitBreaker {
    /// Writes the limits of the block over those of the preset.
    pub(super) fn apply(&self, tcp: &mut TcpPool, http: &mut HttpPool) -> Known<()> {
        tcp.connect_timeout = self.connect_timeout.copied()?.or(tcp.connect_timeout);
        tcp.max_connections = self.max_connections.copied()?.or(tcp.max_connections);
        http.max_pending_requests = self.max_pending_requests.copied()?.or(http.max_pending_requests);
        http.max_requests = self.max_requests.copied()?.or(http.max_requests);
        http.max_retries = self.max_retries.copied()?.or(http.max_retries);
        Ok(())
    }
}
