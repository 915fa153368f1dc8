//! Live checks: contradictions between a namespace's arguments and the objects in the cluster. The functions are pure: the
//! results of queries go in, findings come out.

use serde_json::Value as Json;

use super::{MtlsException, Namespace, RateLimit, live_authorization, namespace_object};
use crate::{
    json_path::{at, text},
    known::Known,
    mesh::{
        Mesh, Rendered,
        checks::{
            Code::{Ambient, MissingPort, MissingProvider, OtherTargetPort, TwoInjectionLabels},
            Findings, LiveQuery,
        },
        istio::{DATAPLANE_MODE, INJECTION, REVISION, sidecar::UnlistedCalls},
        live_objects::{
            TargetPort, label, name, port_number, selector_matches_labels, service_target_port, string_map, tcp_ports,
        },
        mesh_config, outbound_policy, telemetry,
    },
    object::{FIELD_MANAGER, kind},
    query::{Query, QueryResults},
    schema::{At, Attr},
};

impl Namespace {
    /// The queries of the live checks.
    pub fn live_queries(&self, mesh: &Mesh) -> Vec<LiveQuery> {
        let Ok(name) = self.name.required() else { return Vec::new() };
        let mut queries =
            vec![LiveQuery { query: Query::Get(namespace_object::key(name)), checks: &[TwoInjectionLabels, Ambient] }];
        if !self.mtls_exceptions().is_empty() {
            queries.push(LiveQuery { query: Query::list(&kind::SERVICE, name), checks: &[OtherTargetPort] });
        }
        if self.rate_limit.known().is_ok_and(|blocks| !blocks.is_empty()) {
            queries.push(LiveQuery { query: Query::list(&kind::SERVICE, name), checks: &[MissingPort] });
        }
        if telemetry::is_used(&self.telemetry) {
            let keys = mesh_config::keys(mesh).map(Query::Get);
            queries.extend(keys.map(|query| LiveQuery { query, checks: &[MissingProvider] }));
        }
        if self.inherits_outbound_policy() {
            queries.extend(outbound_policy::live_queries(mesh));
        }
        queries.extend(live_authorization::live_queries(self, mesh, name));
        queries
    }

    /// Whether the Sidecar sets no policy for calls of unknown hosts.
    fn inherits_outbound_policy(&self) -> bool {
        self.calls.is_set() && self.outbound_traffic_policy() == Ok(UnlistedCalls::Inherit)
    }

    /// The live checks.
    pub fn live_checks(&self, mesh: &Mesh, rendered: &Rendered, results: &QueryResults, out: &mut Findings) {
        let Ok(name) = self.name.required() else { return };
        if let Ok(Some(namespace)) = results.get(&namespace_object::key(name)) {
            report_ambient_mode(namespace, out);
            self.report_second_injection_label(namespace, out);
        }
        if self.inherits_outbound_policy() {
            let consequence =
                format!("Calls from {name} to services of the mesh that calls doesn't list leave as clear text.");
            outbound_policy::live_checks(mesh, results, &consequence, out);
        }
        let services = results.list(&kind::SERVICE, name).unwrap_or_default();
        for exception in self.mtls_exceptions() {
            report_other_target_port(exception, &services, out);
        }
        for block in self.rate_limit.known().into_iter().flatten() {
            // The check is skipped where it needs an unknown value.
            let _ = report_port_without_service(block, &services, out);
        }
        for installed in mesh_config::read(mesh, results) {
            telemetry::check_providers(&self.telemetry, &installed, out);
        }
        live_authorization::live_checks(self, (mesh, name), rendered, results, out);
    }

    /// Reports an injection label of another field manager. A label of this provider that isn't in the configuration any more
    /// goes with the apply.
    fn report_second_injection_label(&self, namespace: &Json, out: &mut Findings) {
        let (argument, other) = match (self.injection.known(), self.revision.known()) {
            (Ok(Some(_)), Ok(None)) => ("injection", REVISION),
            (Ok(None), Ok(Some(_))) => ("revision", INJECTION),
            _ => return,
        };
        if label(namespace, other).is_some() && !provider_manages_label(namespace, other) {
            let name = name(namespace);
            out.report(
                TwoInjectionLabels,
                argument,
                "The namespace has two labels for injection",
                &format!(
                    "Namespace {name} has the label {other} of another tool in addition to the one that {argument} writes. Istio goes by \
                     istio-injection and ignores istio.io/rev. Remove one of them."
                ),
            );
        }
    }
}

fn report_ambient_mode(namespace: &Json, out: &mut Findings) {
    if label(namespace, DATAPLANE_MODE) == Some("ambient") {
        let name = name(namespace);
        out.report(
            Ambient,
            "name",
            "Ambient mode isn't supported",
            &format!(
                "Namespace {name} is labelled {DATAPLANE_MODE}=ambient. This configuration applies to sidecars: without them, authorization doesn't work as configured. Remove the label and inject sidecars."
            ),
        );
    }
}

/// Whether `managedFields` list the label as a field of this provider.
fn provider_manages_label(live: &Json, label: &str) -> bool {
    let entries = at(live, &["metadata", "managedFields"]).as_array().into_iter().flatten();
    let mut own = entries.filter(|entry| text(entry, &["manager"]) == Some(FIELD_MANAGER));
    own.any(|entry| at(entry, &["fieldsV1", "f:metadata", "f:labels", &format!("f:{label}")]).is_object())
}

/// Reports an exception for a port of the pods that isn't the target port of the live Service. A named target port isn't
/// checked, since only the pods say which number it is.
fn report_other_target_port(exception: &At<MtlsException>, services: &[&Json], out: &mut Findings) {
    let (Ok(service), Attr::Known(port), Ok(target_port)) =
        (exception.service.required(), exception.port, exception.target_port())
    else {
        return;
    };
    let Some(live) = services.iter().find(|live| name(live) == service) else { return };
    let number = i64::from(port);
    let Some(live_port) = tcp_ports(live).find(|live_port| port_number(live_port) == Some(number)) else { return };
    let Some(TargetPort::Number(live_target_port)) = service_target_port(live_port) else { return };
    if live_target_port != i64::from(target_port) {
        out.report_at(
            OtherTargetPort,
            exception.at.attribute("target_port"),
            "Service has another target port",
            &format!(
                "Service {service} sends port {port} to port {live_target_port} of its workloads, and the exception is for port \
                 {target_port} there, on which no workload listens. Write target_port = {live_target_port}."
            ),
        );
    }
}

/// Reports a limit for a port to which no Service of the selected workloads leads: proxies see no requests there. A named target
/// port counts as any.
fn report_port_without_service(block: &At<RateLimit>, services: &[&Json], out: &mut Findings) -> Known<()> {
    let (selector, port) = (block.selector.elements_or_empty()?, i64::from(*block.port.required()?));
    let mut candidates = services
        .iter()
        .filter(|live| {
            let labels = string_map(live, &["spec", "selector"]);
            !labels.is_empty()
                && (selector_matches_labels(&selector, &labels) || selector_matches_labels(&labels, &selector))
        })
        .peekable();
    let leads_there = |live: &&Json| {
        tcp_ports(live).any(|live_port| match service_target_port(live_port) {
            Some(TargetPort::Number(number)) => number == port,
            _ => true,
        })
    };
    if candidates.peek().is_some() && !candidates.any(leads_there) {
        out.report_at(
            MissingPort,
            block.at.attribute("port"),
            "No Service leads to the port",
            &format!(
                "No Service of these workloads sends requests to their port {port}, so the limit has no effect. Write the port on which \
                 the workloads listen (targetPort of the Service), not that of the Service."
            ),
        );
    }
    Ok(())
}
