//! The connection pool of a DestinationRule: the preset's, with the fields of `circuit_breaker` in place of its own, and those of
//! `connections`.

use super::{CircuitBreaker, Connections};
use crate::{
    known::Known,
    mesh::istio::destination_rule::{ConnectionPool, HttpPool, TcpPool, TrafficKind},
    schema::Block,
};

/// Returns the pool of a host or port with this traffic; `None` where it would be empty. Without requests it has no settings of
/// requests.
pub(in crate::mesh) fn connection_pool(
    limits: &Block<CircuitBreaker>,
    connections: &Block<Connections>,
    preset: Option<ConnectionPool>,
    traffic: TrafficKind,
) -> Known<Option<ConnectionPool>> {
    let preset = preset.unwrap_or_default();
    let (mut tcp, mut http) = (preset.tcp.unwrap_or_default(), preset.http.unwrap_or_default());
    if let Some(block) = limits.known()? {
        block.apply(&mut tcp, &mut http)?;
    }
    if let Some(block) = connections.known()? {
        block.apply(traffic, &mut tcp, &mut http)?;
    }
    let has_http = traffic == TrafficKind::Requests && http != HttpPool::default();
    let pool = ConnectionPool { tcp: (tcp != TcpPool::default()).then_some(tcp), http: has_http.then_some(http) };
    Ok((pool != ConnectionPool::default()).then_some(pool))
}

/// Whether a block limits concurrent retries by a number, beside which a retry budget would take effect alone.
pub(in crate::mesh) fn limits_retries(limits: &Block<CircuitBreaker>) -> Known<bool> {
    Ok(match limits.known()? {
        Some(block) => block.max_retries.copied()?.is_some(),
        None => false,
    })
}
