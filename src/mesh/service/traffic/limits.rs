//! The traffic policy of the DestinationRule: connection pool, outlier detection and load balancing.

use super::{
    super::{Port, ServiceContext},
    failover,
};
use crate::{
    known::Known,
    mesh::{
        istio::{
            PortSelector,
            destination_rule::{self as istio, ConnectionPool, LoadBalancer, PortPolicy, TrafficPolicy},
        },
        resiliency,
    },
    schema::At,
};

/// Renders the traffic policy; `None` where it would be empty.
pub(super) fn traffic_policy(context: &ServiceContext) -> Known<Option<TrafficPolicy>> {
    let traffic =
        if context.service.speaks_http()? { istio::TrafficKind::Requests } else { istio::TrafficKind::Connections };
    let preset = context.resiliency()?.settings().map(|r| TrafficPolicy::from_preset(&r, traffic)).unwrap_or_default();
    let connection_pool =
        resiliency::connection_pool(&context.service.traffic.circuit_breaker, preset.connection_pool)?;
    let locality = failover::locality_setting(context)?;
    let detection =
        resiliency::outlier_detection(&context.service.traffic.outlier_detection, preset.outlier_detection)?;
    let outlier_detection = failover::outlier_detection(context, detection, locality.enabled)?;
    // Outlier detection alone switches locality load balancing on, so the setting is written as well.
    let load_balancer = outlier_detection.is_some().then_some(LoadBalancer { locality_lb_setting: locality });
    let mut policy = TrafficPolicy { connection_pool, outlier_detection, load_balancer, ..preset };
    policy.port_level_settings = tcp_port_settings(context.service.ports()?, &policy)?;
    Ok((policy != TrafficPolicy::default()).then_some(policy))
}

/// Settings of TCP ports without the limits of requests, among which Envoy counts pending connections. Port settings inherit
/// nothing from the host, so they repeat the rest; only the retry budget has no place in them.
fn tcp_port_settings(ports: &[At<Port>], policy: &TrafficPolicy) -> Known<Option<Vec<PortPolicy>>> {
    let Some(ConnectionPool { tcp, http: Some(_) }) = policy.connection_pool else { return Ok(None) };
    let mut settings = Vec::new();
    for port in ports {
        if !port.protocol()?.is_http() {
            settings.push(PortPolicy {
                port: PortSelector { number: port.number()? },
                tls: None,
                connection_pool: Some(
                    tcp.map_or(ConnectionPool::NO_LIMIT, |tcp| ConnectionPool { tcp: Some(tcp), http: None }),
                ),
                outlier_detection: policy.outlier_detection,
                load_balancer: policy.load_balancer.clone(),
            });
        }
    }
    Ok((!settings.is_empty()).then_some(settings))
}
