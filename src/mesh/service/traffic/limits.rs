//! Limits and ejection: the preset's numbers, each replaced where an argument says another.

use super::{
    super::{Port, Site},
    failover,
};
use crate::{
    known::{Known, part},
    mesh::{
        duration::Duration,
        istio::{
            PortSelector,
            destination_rule::{
                self as istio, ConnectionPool, HttpPool, LoadBalancer, PortPolicy, TcpPool, TrafficPolicy,
            },
        },
    },
};

/// Limits, as far as they are written.
#[derive(Clone, Debug)]
pub struct CircuitBreaker {
    /// For a TCP connection to come about.
    pub connect_timeout: Known<Option<Duration>>,
    /// Connections at once.
    pub max_connections: Known<Option<u32>>,
    /// Requests that wait for a connection.
    pub max_pending_requests: Known<Option<u32>>,
    /// Requests in flight.
    pub max_requests: Known<Option<u32>>,
}

/// Ejection, as far as it is written.
#[derive(Clone, Debug)]
pub struct OutlierDetection {
    /// Failures in a row.
    pub consecutive_5xx: Known<Option<u32>>,
    /// How often endpoints are judged.
    pub interval: Known<Option<Duration>>,
    /// How long an endpoint is left out.
    pub base_ejection_time: Known<Option<Duration>>,
    /// Of the endpoints, at once.
    pub max_ejection_percent: Known<Option<u32>>,
}

impl OutlierDetection {
    /// Whether it is known to leave everything to a preset.
    pub(super) fn says_nothing(&self) -> bool {
        let numbers = [self.consecutive_5xx, self.max_ejection_percent];
        let spans = [self.interval, self.base_ejection_time];
        numbers.iter().all(|number| *number == Ok(None)) && spans.iter().all(|span| *span == Ok(None))
    }
}

/// The whole policy; `None` where nothing is limited, judged or preferred.
pub(super) fn policy(site: &Site) -> Known<Option<TrafficPolicy>> {
    let traffic = if site.service.speaks_http()? { istio::Traffic::Requests } else { istio::Traffic::Connections };
    let preset = site.resiliency()?.resiliency().map(|r| TrafficPolicy::of(&r, traffic)).unwrap_or_default();
    let connection_pool = pool(part(&site.service.traffic.circuit_breaker)?.as_ref(), preset.connection_pool)?;
    let nearness = failover::setting(site)?;
    let ejection = ejection(part(&site.service.traffic.outlier_detection)?.as_ref(), preset.outlier_detection)?;
    let outlier_detection = failover::ejecting(site, ejection, nearness.enabled)?;
    // Ejection without a word on nearness would have it.
    let load_balancer = outlier_detection.is_some().then_some(LoadBalancer { locality_lb_setting: nearness });
    let mut policy = TrafficPolicy { connection_pool, outlier_detection, load_balancer, ..preset };
    policy.port_level_settings = connections_alone(site.service.ports()?, &policy)?;
    Ok((policy != TrafficPolicy::default()).then_some(policy))
}

fn pool(written: Option<&CircuitBreaker>, preset: Option<ConnectionPool>) -> Known<Option<ConnectionPool>> {
    let Some(written) = written else { return Ok(preset) };
    let preset = preset.unwrap_or_default();
    let (tcp, http) = (preset.tcp.unwrap_or_default(), preset.http.unwrap_or_default());
    let tcp = TcpPool {
        connect_timeout: written.connect_timeout?.or(tcp.connect_timeout),
        max_connections: written.max_connections?.or(tcp.max_connections),
    };
    let http = HttpPool {
        max_pending_requests: written.max_pending_requests?.or(http.max_pending_requests),
        max_requests: written.max_requests?.or(http.max_requests),
    };
    let pool = ConnectionPool {
        tcp: (tcp != TcpPool::default()).then_some(tcp),
        http: (http != HttpPool::default()).then_some(http),
    };
    Ok((pool != ConnectionPool::default()).then_some(pool))
}

fn ejection(
    written: Option<&OutlierDetection>,
    preset: Option<istio::OutlierDetection>,
) -> Known<Option<istio::OutlierDetection>> {
    let Some(written) = written else { return Ok(preset) };
    let preset = preset.unwrap_or_default();
    let ejection = istio::OutlierDetection {
        consecutive_5xx_errors: written.consecutive_5xx?.or(preset.consecutive_5xx_errors),
        interval: written.interval?.or(preset.interval),
        base_ejection_time: written.base_ejection_time?.or(preset.base_ejection_time),
        max_ejection_percent: written.max_ejection_percent?.or(preset.max_ejection_percent),
    };
    Ok((ejection != istio::OutlierDetection::default()).then_some(ejection))
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
                connection_pool: Some(ConnectionPool { tcp: Some(tcp.unwrap_or_default()), http: None }),
                outlier_detection: policy.outlier_detection,
                load_balancer: policy.load_balancer.clone(),
            });
        }
    }
    Ok((!settings.is_empty()).then_some(settings))
}
