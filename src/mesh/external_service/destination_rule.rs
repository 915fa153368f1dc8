//! The DestinationRules: limits, outlier detection, and TLS of the ports on which the proxy originates it. TLS settings of the
//! whole host would wrap the TLS of applications a second time.

use super::{
    ExternalService, Host, NamedHost, ObjectContext, TlsSettings,
    ports::ResolvedPort,
    propagation,
    tls::Origination,
    traffic_policy::{port_policy, traffic_policy},
};
use crate::{
    diagnostics::Path,
    known::Known,
    mesh::{
        istio::{
            ExportTo, WorkloadSelector,
            destination_rule::{ClientTls, ConnectionPool, DestinationRule, PortPolicy, TrafficKind, TrafficPolicy},
        },
        manifest::manifest,
        stage,
    },
    object::{Key, Object},
};

/// The name of the rule for the workloads that read a Secret; `name` is that of the rule for all others.
pub(super) fn selected_workloads_name(name: &str) -> String {
    format!("{name}-workloads")
}

/// Gives the TLS settings of a port for one host.
type ClientTlsOf = fn(&TlsSettings, &Host, Origination) -> Known<ClientTls>;

/// Renders the rule for all workloads, or for those that read no Secret.
pub(super) fn destination_rule(context: &ObjectContext, host: &NamedHost, key: Key) -> Known<Object> {
    render(context, host, key, (None, context.export_to()?), TlsSettings::client_tls)
}

/// Renders the rule for the workloads that read a Secret. Istio prefers it to the rule for all workloads, but only in the
/// namespace of the rule.
pub(super) fn for_selected_workloads(context: &ObjectContext, host: &NamedHost, key: Key) -> Known<Object> {
    let selector = WorkloadSelector { match_labels: context.external.workload_selector()? };
    // Istio refuses a rule with a workload selector that other namespaces see.
    let own_namespace = ExportTo::from([".".to_owned()]);
    render(context, host, key, (Some(selector), own_namespace), TlsSettings::selected_client_tls)
}

/// Renders the rule of an egress gateway, which reads a Secret without a selector. Only its namespace sees the rule.
pub(super) fn for_gateway(context: &ObjectContext, host: &NamedHost, key: Key) -> Known<Object> {
    let reads_secret = context.external.tls_settings()?.credential_name.known()?.is_some();
    let client_tls = if reads_secret { TlsSettings::selected_client_tls } else { TlsSettings::client_tls };
    render(context, host, key, (None, ExportTo::from([".".to_owned()])), client_tls)
}

fn render(
    context: &ObjectContext,
    host: &NamedHost,
    key: Key,
    (workload_selector, export_to): (Option<WorkloadSelector>, ExportTo),
    client_tls: ClientTlsOf,
) -> Known<Object> {
    let (external, host) = (context.external, host.host.as_ref().map_err(|unknown| *unknown)?);
    let ports = external.resolved_ports()?;
    let sees_requests = ports.iter().any(|port| port.origination.is_none() && port.protocol.is_http());
    let policy =
        traffic_policy(external, if sees_requests { TrafficKind::Requests } else { TrafficKind::Connections })?;
    let port_policies = port_policies(external, host, &ports, policy.as_ref(), client_tls)?;
    let origins = origins(context, policy.as_ref(), !port_policies.is_empty(), workload_selector.is_some());
    let spec = DestinationRule {
        host: host.to_string(),
        export_to,
        workload_selector,
        subsets: Vec::new(),
        traffic_policy: if port_policies.is_empty() {
            policy
        } else {
            Some(TrafficPolicy { port_level_settings: Some(port_policies), ..policy.unwrap_or_default() })
        },
    };
    let body = manifest(&key, context.metadata()?, &spec);
    Ok(Object::whole(key, body, stage::TARGETS).with_transition(propagation::RULE).with_origins(origins))
}

/// The policies of the ports for which the policy of the host is not enough: those with TLS, and those that its limits of
/// requests must not reach.
fn port_policies(
    external: &ExternalService,
    host: &Host,
    ports: &[ResolvedPort],
    policy: Option<&TrafficPolicy>,
    client_tls: ClientTlsOf,
) -> Known<Vec<PortPolicy>> {
    let limits_requests = policy.and_then(|policy| policy.connection_pool).is_some_and(|pool| pool.http.is_some());
    let mut policies = Vec::new();
    for port in ports {
        if let Some(origination) = port.origination {
            let tls = client_tls(&external.tls_settings()?, host, origination)?;
            policies.push(PortPolicy { tls: Some(tls), ..port_policy(external, *port)? });
        } else if limits_requests && !port.protocol.is_http() {
            // Envoy counts TCP connections that are being opened as pending requests.
            let policy = port_policy(external, *port)?;
            let connection_pool = Some(policy.connection_pool.unwrap_or(ConnectionPool::NO_LIMIT));
            policies.push(PortPolicy { connection_pool, ..policy });
        }
    }
    Ok(policies)
}

/// The arguments of the fields of a rule.
fn origins(
    context: &ObjectContext,
    policy: Option<&TrafficPolicy>,
    has_port_policies: bool,
    has_workload_selector: bool,
) -> Vec<(String, Path)> {
    let mut own = vec![("spec.host", context.external.hosts_argument()), ("spec.trafficPolicy", "resiliency")];
    if has_port_policies {
        own.push(("spec.trafficPolicy.portLevelSettings", "tls"));
    }
    if policy.is_some_and(|policy| policy.connection_pool.is_some()) {
        let is_limited = context.external.circuit_breaker.is_set() || !context.external.connections.is_set();
        own.push(("spec.trafficPolicy.connectionPool", if is_limited { "circuit_breaker" } else { "connections" }));
    }
    if policy.is_some_and(|policy| policy.outlier_detection.is_some()) {
        own.push(("spec.trafficPolicy.outlierDetection", "outlier_detection"));
    }
    let mut origins = context.origins(&own);
    if has_workload_selector {
        let at = Path::root().attribute("tls_settings").attribute("workload_selector");
        origins.push(("spec.workloadSelector".to_owned(), at));
    }
    origins
}
