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
            destination_rule::{self as istio, ConnectionPool, PortPolicy, TrafficPolicy},
        },
        resiliency::{self, Preset},
    },
    schema::At,
};

/// Renders the traffic policy; `None` where it would be empty.
pub(super) fn traffic_policy(context: &ServiceContext) -> Known<Option<TrafficPolicy>> {
    let traffic =
        if context.service.speaks_http()? { istio::TrafficKind::Requests } else { istio::TrafficKind::Connections };
    let arguments = &context.service.traffic;
    let settings = context.resiliency()?.and_then(Preset::settings);
    let preset = settings.map(|settings| TrafficPolicy::from_preset(&settings, traffic)).unwrap_or_default();
    let limits_retries = resiliency::limits_retries(&arguments.circuit_breaker)?;
    let mut preset_pool = preset.connection_pool;
    if arguments.streaming()?
        && let Some(pool) = &mut preset_pool
    {
        // A stream counts as a request in flight as long as it lives.
        pool.http = None;
    }
    let pool =
        |traffic| resiliency::connection_pool(&arguments.circuit_breaker, &arguments.connections, preset_pool, traffic);
    let connection_pool = pool(traffic)?;
    let retry_budget = preset.retry_budget.filter(|_| !limits_retries);
    let locality = failover::locality_setting(context)?;
    let detection = resiliency::outlier_detection(&arguments.outlier_detection, preset.outlier_detection)?;
    let outlier_detection = failover::outlier_detection(context, detection, locality.enabled)?;
    let load_balancer = resiliency::load_balancer(&arguments.load_balancing, locality, outlier_detection.is_some())?;
    let mut policy = TrafficPolicy { connection_pool, outlier_detection, load_balancer, retry_budget, ..preset };
    if connection_pool.is_some_and(|pool| pool.http.is_some()) {
        let pool = pool(istio::TrafficKind::Connections)?.unwrap_or(ConnectionPool::NO_LIMIT);
        policy.port_level_settings = tcp_port_settings(context.service.ports()?, &policy, pool)?;
    }
    Ok((policy != TrafficPolicy::default()).then_some(policy))
}

/// Settings of TCP ports without the limits of requests, among which Envoy counts pending connections. Port settings inherit
/// nothing from the host, so they repeat the rest; only the retry budget has no place in them.
fn tcp_port_settings(
    ports: &[At<Port>],
    policy: &TrafficPolicy,
    pool: ConnectionPool,
) -> Known<Option<Vec<PortPolicy>>> {
    let mut settings = Vec::new();
    for port in ports {
        if !port.protocol()?.is_http() {
            settings.push(PortPolicy {
                port: PortSelector { number: port.number()? },
                tls: None,
                connection_pool: Some(pool),
                outlier_detection: policy.outlier_detection,
                load_balancer: policy.load_balancer.clone(),
            });
        }
    }
    Ok((!settings.is_empty()).then_some(settings))
}
