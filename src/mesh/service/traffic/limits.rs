//! Limits and ejection towards the service.

use super::{
    super::{Port, Site},
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
};

/// The whole policy; `None` where nothing is limited, judged or preferred.
pub(super) fn policy(site: &Site) -> Known<Option<TrafficPolicy>> {
    let traffic = if site.service.speaks_http()? { istio::Traffic::Requests } else { istio::Traffic::Connections };
    let preset = site.resiliency()?.resiliency().map(|r| TrafficPolicy::of(&r, traffic)).unwrap_or_default();
    let connection_pool = resiliency::connection_pool(&site.service.traffic.circuit_breaker, preset.connection_pool)?;
    let nearness = failover::setting(site)?;
    let ejection = resiliency::outlier_detection(&site.service.traffic.outlier_detection, preset.outlier_detection)?;
    let outlier_detection = failover::ejecting(site, ejection, nearness.enabled)?;
    // Ejection without a word on nearness would have it.
    let load_balancer = outlier_detection.is_some().then_some(LoadBalancer { locality_lb_setting: nearness });
    let mut policy = TrafficPolicy { connection_pool, outlier_detection, load_balancer, ..preset };
    policy.port_level_settings = connections_alone(site.service.ports()?, &policy)?;
    Ok((policy != TrafficPolicy::default()).then_some(policy))
}

/// Limits of requests hold for the whole host, and Envoy counts connections that are coming about among them: so TCP ports get
/// the same without these. Settings of a port inherit nothing, but it is the retry budget alone that they can't have.
fn connections_alone(ports: &[Port], policy: &TrafficPolicy) -> Known<Option<Vec<PortPolicy>>> {
    let Some(ConnectionPool { tcp, http: Some(_) }) = policy.connection_pool else { return Ok(None) };
    let mut settings = Vec::new();
    for port in ports {
        if !port.protocol?.is_http() {
            settings.push(PortPolicy {
                port: PortSelector { number: port.number? },
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
