//! The traffic policies of the DestinationRules: the preset's, with the fields of the blocks in place of its own.

use super::{ExternalService, ports::ResolvedPort};
use crate::{
    known::Known,
    mesh::{
        istio::{
            PortSelector,
            destination_rule::{ConnectionPool, HttpPool, LocalityLbSetting, PortPolicy, TrafficKind, TrafficPolicy},
        },
        resiliency::{Preset, connection_pool, limits_retries, load_balancer, outlier_detection},
    },
};

/// The policy of a host; `None` where it has neither limits nor outlier detection.
pub(super) fn traffic_policy(external: &ExternalService, traffic: TrafficKind) -> Known<Option<TrafficPolicy>> {
    let settings = external.resiliency.copied()?.and_then(Preset::settings);
    let preset = settings.map(|settings| TrafficPolicy::from_preset(&settings, traffic)).unwrap_or_default();
    let connection_pool =
        connection_pool(&external.circuit_breaker, &external.connections, preset.connection_pool, traffic)?;
    let limits_retries = limits_retries(&external.circuit_breaker)?;
    let retry_budget = preset.retry_budget.filter(|_| !limits_retries);
    let outlier_detection = outlier_detection(&external.outlier_detection, preset.outlier_detection)?;
    let load_balancer =
        load_balancer(&external.load_balancing, LocalityLbSetting::default(), outlier_detection.is_some())?;
    let policy = TrafficPolicy { connection_pool, outlier_detection, load_balancer, retry_budget, ..preset };
    Ok((policy != TrafficPolicy::default()).then_some(policy))
}

/// The policy of a port. Ports inherit nothing, so it repeats that of the host. Ports can't have a retry budget, so the preset
/// limits their concurrent retries by a number.
pub(super) fn port_policy(external: &ExternalService, port: ResolvedPort) -> Known<PortPolicy> {
    let traffic = if port.protocol.is_http() { TrafficKind::Requests } else { TrafficKind::Connections };
    let policy = traffic_policy(external, traffic)?.unwrap_or_default();
    let settings = external.resiliency.copied()?.and_then(Preset::settings);
    let connection_pool = match (settings, traffic) {
        (Some(settings), TrafficKind::Requests) => {
            let pool = policy.connection_pool.unwrap_or_default();
            let http = pool.http.unwrap_or_default();
            let http = HttpPool { max_retries: http.max_retries.or(Some(settings.max_retries)), ..http };
            Some(ConnectionPool { http: Some(http), ..pool })
        }
        _ => policy.connection_pool,
    };
    Ok(PortPolicy {
        port: PortSelector { number: port.number },
        tls: None,
        connection_pool,
        outlier_detection: policy.outlier_detection,
        load_balancer: policy.load_balancer,
    })
}
