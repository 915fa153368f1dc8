//! The DestinationRules: limits, ejection, and TLS of the ports that originate it. Of these alone, or the application's own TLS
//! would be wrapped once more.

use super::{ExternalService, Host, Named, Site, ports::Door, tls::Origination};
use crate::{
    diagnostics::Path,
    known::{Known, as_known},
    mesh::{
        istio::{
            ExportTo, PortSelector, WorkloadSelector,
            destination_rule::{
                ClientTls, ConnectionPool, DestinationRule, LoadBalancer, PortPolicy, Traffic, TrafficPolicy,
            },
        },
        manifest::manifest,
        resiliency, stage,
    },
    object::{Key, ManagementScope, Object, Transition},
};

/// What follows the name of the rule for the workloads that have a Secret.
pub(super) const CHOSEN: &str = "workloads";

type Says = fn(&ExternalService, &Host, Origination) -> Known<ClientTls>;

/// Of all workloads, or of those that weren't chosen.
pub(super) fn destination_rule(site: &Site, named: &Named, key: Key) -> Known<Object> {
    rule(site, named, key, None, ExternalService::client_tls)
}

/// Of the workloads that have a Secret. Istio takes it before the one for all, in its own namespace alone.
pub(super) fn of_chosen(site: &Site, named: &Named, key: Key) -> Known<Object> {
    let match_labels = site.external.chosen()?;
    rule(site, named, key, Some(WorkloadSelector { match_labels }), ExternalService::chosen_tls)
}

fn rule(
    site: &Site,
    named: &Named,
    key: Key,
    workload_selector: Option<WorkloadSelector>,
    says: Says,
) -> Known<Object> {
    let host = as_known(&named.host)?;
    let doors = site.external.doors()?;
    let requests = doors.iter().any(|door| door.originates.is_none() && door.protocol.is_http());
    let whole = policy(site, if requests { Traffic::Requests } else { Traffic::Connections })?;
    let limits_requests =
        whole.as_ref().and_then(|policy| policy.connection_pool).is_some_and(|pool| pool.http.is_some());
    let mut settings = Vec::new();
    for door in doors {
        if let Some(origination) = door.originates {
            let tls = says(site.external, host, origination)?;
            settings.push(PortPolicy { tls: Some(tls), ..port_policy(site, door)? });
        } else if limits_requests && !door.protocol.is_http() {
            // Limits of requests hold for the whole host, and Envoy counts connections that are coming about among them.
            let policy = port_policy(site, door)?;
            let connection_pool = Some(policy.connection_pool.unwrap_or(ConnectionPool::NO_LIMIT));
            settings.push(PortPolicy { connection_pool, ..policy });
        }
    }
    let mut own = vec![("spec.host", site.hosts_argument()), ("spec.trafficPolicy", "resiliency")];
    if !settings.is_empty() {
        own.push(("spec.trafficPolicy.portLevelSettings", "tls"));
    }
    for (is_written, field, argument) in [
        (
            whole.as_ref().is_some_and(|p| p.connection_pool.is_some()),
            "spec.trafficPolicy.connectionPool",
            "circuit_breaker",
        ),
        (
            whole.as_ref().is_some_and(|p| p.outlier_detection.is_some()),
            "spec.trafficPolicy.outlierDetection",
            "outlier_detection",
        ),
    ] {
        if is_written {
            own.push((field, argument));
        }
    }
    let mut origins = site.origins(&own);
    if workload_selector.is_some() {
        let at = Path::root().attribute("tls_settings").attribute("workload_selector");
        origins.push(("spec.workloadSelector".to_owned(), at));
    }
    let spec = DestinationRule {
        host: host.to_string(),
        // Istio refuses a rule for some workloads that others than their own namespace see.
        export_to: match &workload_selector {
            Some(_) => ExportTo::from([".".to_owned()]),
            None => site.export_to()?,
        },
        workload_selector,
        subsets: Vec::new(),
        traffic_policy: if settings.is_empty() {
            whole
        } else {
            Some(TrafficPolicy { port_level_settings: Some(settings), ..whole.unwrap_or_default() })
        },
    };
    Ok(Object {
        body: manifest(&key, site.metadata()?, &spec),
        key,
        scope: ManagementScope::Whole,
        stage: stage::TARGETS,
        transition: Transition::InPlace,
        origins,
    })
}

/// `None` where nothing is limited or judged.
fn policy(site: &Site, traffic: Traffic) -> Known<Option<TrafficPolicy>> {
    let external = site.external;
    let preset = external.resiliency?.resiliency().map(|r| TrafficPolicy::of(&r, traffic)).unwrap_or_default();
    let pool = resiliency::connection_pool(&external.circuit_breaker, preset.connection_pool)?;
    let connection_pool = match (pool, traffic) {
        (Some(ConnectionPool { tcp: Some(tcp), .. }), Traffic::Connections) => {
            Some(ConnectionPool { tcp: Some(tcp), http: None })
        }
        (_, Traffic::Connections) => None,
        (pool, Traffic::Requests) => pool,
    };
    let outlier_detection = resiliency::outlier_detection(&external.outlier_detection, preset.outlier_detection)?;
    // Ejection without a word on nearness would have it.
    let load_balancer = outlier_detection.is_some().then(LoadBalancer::default);
    let policy = TrafficPolicy { connection_pool, outlier_detection, load_balancer, ..preset };
    Ok((policy != TrafficPolicy::default()).then_some(policy))
}

/// A port inherits nothing, so the policy is repeated; the retry budget is the one part that ports can't have.
fn port_policy(site: &Site, door: Door) -> Known<PortPolicy> {
    let traffic = if door.protocol.is_http() { Traffic::Requests } else { Traffic::Connections };
    let policy = policy(site, traffic)?.unwrap_or_default();
    Ok(PortPolicy {
        port: PortSelector { number: door.number },
        tls: None,
        connection_pool: policy.connection_pool,
        outlier_detection: policy.outlier_detection,
        load_balancer: policy.load_balancer,
    })
}
