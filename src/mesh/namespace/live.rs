//! Live checks of a namespace: what the cluster shows to be wrong with it. Pure: facts in, findings out.

use serde_json::Value as Json;

use super::{Exception, Mtls, Namespace, namespace_object};
use crate::{
    json_path::{at, text},
    mesh::checks::{
        Code::{Ambient, OtherTargetPort, TwoInjectionLabels},
        Findings, LiveQuery,
    },
    object::{FIELD_MANAGER, kind},
    query::{Query, QueryResults},
};

const DATAPLANE: &str = "istio.io/dataplane-mode";

impl Namespace {
    /// What the live checks want to know.
    pub fn live_queries(&self) -> Vec<LiveQuery> {
        let Ok(name) = &self.name else { return Vec::new() };
        let mut wants =
            vec![LiveQuery { query: Query::Get(namespace_object::key(name)), by: &[TwoInjectionLabels, Ambient] }];
        if !self.exceptions().is_empty() {
            wants.push(LiveQuery { query: Query::list(&kind::SERVICE, name), by: &[OtherTargetPort] });
        }
        wants
    }

    /// The live checks.
    pub fn live_checks(&self, found: &QueryResults, out: &mut Findings) {
        let Ok(name) = &self.name else { return };
        if let Ok(Some(live)) = found.get(&namespace_object::key(name)) {
            self.judge_labels(live, out);
        }
        let services = found.list(&kind::SERVICE, name).unwrap_or_default();
        for exception in self.exceptions() {
            judge_port(exception, &services, out);
        }
    }

    fn exceptions(&self) -> &[Exception] {
        match &self.mtls {
            Ok(Some(Mtls { exceptions: Ok(exceptions), .. })) => exceptions,
            _ => &[],
        }
    }

    fn judge_labels(&self, live: &Json, out: &mut Findings) {
        let label = |key: &str| text(live, &["metadata", "labels", key]);
        let name = text(live, &["metadata", "name"]).unwrap_or_default();
        if label(DATAPLANE) == Some("ambient") {
            out.tell(
                Ambient,
                "name",
                "Ambient mode isn't supported",
                &format!(
                    "Namespace {name} is labelled {DATAPLANE}=ambient. What is written here holds in sidecars: without them, \
                     rules of who may call don't work as they are written. Remove the label and inject sidecars."
                ),
            );
        }
        // What we wrote ourselves, and don't write any more, goes with the apply.
        let (here, other) = match (self.injection, &self.revision) {
            (Ok(Some(_)), Ok(None)) => ("injection", namespace_object::REVISION),
            (Ok(None), Ok(Some(_))) => ("revision", namespace_object::INJECTION),
            _ => return,
        };
        if label(other).is_some() && !is_ours(live, other) {
            out.tell(
                TwoInjectionLabels,
                here,
                "The namespace has two labels for injection",
                &format!(
                    "Namespace {name} has the label {other} of somebody else beside the one that {here} writes. Istio goes by \
                     istio-injection and ignores istio.io/rev. Remove one of them."
                ),
            );
        }
    }
}

/// Whether managedFields say that a label is this provider's.
fn is_ours(live: &Json, label: &str) -> bool {
    let entries = at(live, &["metadata", "managedFields"]).as_array().into_iter().flatten();
    let mut ours = entries.filter(|entry| text(entry, &["manager"]) == Some(FIELD_MANAGER));
    ours.any(|entry| at(entry, &["fieldsV1", "f:metadata", "f:labels", &format!("f:{label}")]).is_object())
}

/// What is excepted is a port of the workload, and the Service says which one it sends to.
fn judge_port(exception: &Exception, services: &[&Json], out: &mut Findings) {
    let (Ok(service), Ok(port), Ok(target)) = (&exception.service, exception.port, exception.target_port) else {
        return;
    };
    let Some(live) = services.iter().find(|live| text(live, &["metadata", "name"]) == Some(service)) else { return };
    let number = i64::from(port);
    let mut ports = at(live, &["spec", "ports"]).as_array().into_iter().flatten();
    let Some(found) = ports.find(|found| at(found, &["port"]).as_i64() == Some(number)) else { return };
    let sent = match at(found, &["targetPort"]) {
        Json::Number(sent) => sent.as_i64().unwrap_or(number),
        Json::String(_) => return,
        _ => number,
    };
    if sent != i64::from(target) {
        out.tell_at(
            OtherTargetPort,
            exception.at.attribute("target_port"),
            "The Service sends the port elsewhere",
            &format!(
                "Service {service} sends port {port} to port {sent} of its workloads, and the exception is for port {target} \
                 there, where nobody listens for it. Write target_port = {sent}."
            ),
        );
    }
}
