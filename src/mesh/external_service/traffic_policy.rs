//! The traffic policies of the DestinationRules: the preset's, with the fields of the blocks in place of its own.

use super::{ExternalService, ports::ResolvedPort};
use crate::{
    known::Known,
    mesh::{
        istio::{
            PortSelector,
            destination_rule::{ConnectionPool, LoadBalancer, PortPolicy, TrafficKind, TrafficPolicy},
        },
        resiliency::{connection_pool, outlier_detection},
    },
};

/// The policy of a host; `None` where it has neither limits nor outlier detection.
pub(super) fn traffic_policy(external: &ExternalService, traffic: TrafficKind) -> Known<Option<TrafficPolicy>> {
    let preset = external.resiliency()?.settings();
    let preset = preset.map(|preset| TrafficPolicy::from_preset(&preset, traffic)).unwrap_or_default();
    let pool = connection_pool(&external.circuit_breaker, preset.connection_pool)?;
    let connection_pool = match (pool, traffic) {
        (Some(ConnectionPool { tcp: Some(tcp), .. }), TrafficKind::Connections) => {
            Some(ConnectionPool { tcp: Some(tcp), http: None })
        }
        (_, TrafficKind::Connections) => None,
        (pool, TrafficKind::Requests) => pool,
    };
    let outlier_detection = outlier_detection(&external.outlier_detection, preset.outlier_detection)?;
    // Outlier detection alone would switch locality load balancing on.
    let load_balancer = outlier_detection.is_some().then(LoadBalancer::default);
    let policy = TrafficPolicy { connection_pool, outlier_detection, load_balancer, ..preset };
    Ok((policy != TrafficPolicy::default()).then_some(policy))
}

/// The policy of a port. Ports inherit nothing, so it repeats that of the host, except for the retry budget, which ports can't
/// have.
pub(super) fn port_policy(external: &ExternalService, port: ResolvedPort) -> Known<PortPolicy> {
    let traffic = if port.protocol.is_http() { TrafficKind::Requests } else { TrafficKind::Connections };
    let policy = traffic_policy(external, traffic)?.unwrap_or_default();
    Ok(PortPolicy {
        port: PortSelector { number: port.number },
        tls: None,
        connection_pool: policy.connection_pool,
        outlier_detection: policy.outlier_detection,
        load_balancer: policy.load_balancer,
    })
}
