//! The `circuit_breaker` block.

use crate::{
    diagnostics::Path,
    known::Known,
    mesh::{
        duration::{Duration, is_positive},
        istio::destination_rule::{ConnectionPool, HttpPool, TcpPool},
    },
    model,
    schema::{At, Attr, Block, model::optional},
};

model! {
    /// Limits of each caller's proxy towards the whole service.
    pub struct CircuitBreaker {
        /// For a TCP connection to come about.
        connect_timeout: Attr<Duration> = optional().check("Longer than nothing.", is_positive),
        /// Connections at once.
        max_connections: Attr<u32> = optional().range(1..=i64::from(i32::MAX)),
        /// Requests that wait for a connection. HTTP ports alone.
        max_pending_requests: Attr<u32> = optional().range(1..=i64::from(i32::MAX)),
        /// Requests in flight. HTTP ports alone.
        max_requests: Attr<u32> = optional().range(1..=i64::from(i32::MAX)),
    }
}

impl At<CircuitBreaker> {
    /// Returns the paths of the limits of requests that are set. They have no effect on a service without HTTP ports.
    pub(in crate::mesh) fn http_limits(&self) -> impl Iterator<Item = Path> {
        let limits = [("max_pending_requests", &self.max_pending_requests), ("max_requests", &self.max_requests)];
        limits.into_iter().filter(|(_, limit)| limit.is_set()).map(|(name, _)| self.at.attribute(name))
    }
}

/// Returns the connection pool of a DestinationRule: that of the preset, where the fields of the block don't override it.
pub(in crate::mesh) fn connection_pool(
    block: &Block<CircuitBreaker>,
    preset: Option<ConnectionPool>,
) -> Known<Option<ConnectionPool>> {
    let Some(block) = block.known()? else { return Ok(preset) };
    let preset = preset.unwrap_or_default();
    let (tcp, http) = (preset.tcp.unwrap_or_default(), preset.http.unwrap_or_default());
    let tcp = TcpPool {
        connect_timeout: block.connect_timeout.copied()?.or(tcp.connect_timeout),
        max_connections: block.max_connections.copied()?.or(tcp.max_connections),
    };
    let http = HttpPool {
        max_pending_requests: block.max_pending_requests.copied()?.or(http.max_pending_requests),
        max_requests: block.max_requests.copied()?.or(http.max_requests),
    };
    let pool = ConnectionPool {
        tcp: (tcp != TcpPool::default()).then_some(tcp),
        http: (http != HttpPool::default()).then_some(http),
    };
    Ok((pool != ConnectionPool::default()).then_some(pool))
}
