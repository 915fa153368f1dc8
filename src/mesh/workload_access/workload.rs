//! The labels and the ports of the workload's pods.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::WorkloadAccess;
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    known::Known,
    mesh::{
        live_objects::{
            TargetPort, container_ports_named, is_pod_active, labels, port_protocol, selector_matches_labels,
            selector_matches_object, service_target_port, string_map, tcp_ports,
        },
        manifest::StringMap,
        port::Protocol,
    },
    object::{Key, kind},
    query::{Query, QueryResults},
};

impl WorkloadAccess {
    /// The queries of labels and ports. Without the right to list pods, the labels of the selector are all that is known.
    pub(super) fn workload_queries(&self, namespace: &str) -> Vec<Query> {
        let service = self.service_key(namespace).map(Query::Get);
        service
            .into_iter()
            .chain([Query::list(&kind::POD, namespace), Query::list(&kind::SERVICE, namespace)])
            .collect()
    }

    fn service_key(&self, namespace: &str) -> Option<Key> {
        let service = self.service.known().ok().flatten()?;
        Some(Key::new(&kind::SERVICE, namespace, service))
    }

    /// The labels of the selector, and those that all live pods have in common.
    pub(super) fn labels(
        &self,
        namespace: &str,
        results: &QueryResults,
        out: &mut Diagnostics,
    ) -> Result<StringMap, Reported> {
        let selector = self.selector_labels(namespace, results, out)?;
        let pods = results.list(&kind::POD, namespace).unwrap_or_default();
        let pods = pods.into_iter().filter(|pod| is_pod_active(pod) && selector_matches_object(&selector, pod));
        let common = pods.map(labels).reduce(|mut common, labels| {
            common.retain(|key, value| labels.get(key) == Some(value));
            common
        });
        Ok(common.unwrap_or_default().into_iter().chain(selector).collect())
    }

    /// The ports on which the workload's proxy sees connections alone, and those with requests, by the Services that select its pods.
    /// A port whose protocol Istio detects counts as one with requests.
    pub(super) fn ports(
        &self,
        namespace: &str,
        labels: &StringMap,
        results: &QueryResults,
        out: &mut Diagnostics,
    ) -> (BTreeSet<u16>, BTreeSet<u16>) {
        let services = results.list(&kind::SERVICE, namespace).unwrap_or_else(|_| {
            out.warn(
                &Path::root(),
                "Ports of the workload aren't known",
                format!(
                    "The provider can't list Services in {namespace}, so it doesn't know which ports of the workload speak \
                     HTTP, except for those of the Service in the argument service. It evaluates all others as HTTP ports, \
                     and the result can be wrong for TCP ports: there, ALLOW rules about requests admit no connection, and \
                     DENY rules refuse more. If the provider's user has no right to list Services, grant it."
                ),
            );
            let own: Known<_> = self.service_key(namespace).map_or(Ok(None), |key| results.get(&key));
            own.ok().flatten().into_iter().collect()
        });
        let pods = results.list(&kind::POD, namespace).unwrap_or_default();
        let pods: Vec<&Json> = pods.into_iter().filter(|pod| selector_matches_object(labels, pod)).collect();
        let (mut connections, mut requests) = (BTreeSet::new(), BTreeSet::new());
        for service in services {
            let selector = string_map(service, &["spec", "selector"]);
            if selector.is_empty() || !selector_matches_labels(&selector, labels) {
                continue;
            }
            for port in tcp_ports(service) {
                let is_parsed = port_protocol(port).is_none_or(Protocol::is_http);
                let ports = if is_parsed { &mut requests } else { &mut connections };
                let numbers = match service_target_port(port) {
                    Some(TargetPort::Number(number)) => BTreeSet::from([number]),
                    Some(TargetPort::Name(name)) => container_ports_named(&pods, name),
                    None => BTreeSet::new(),
                };
                ports.extend(numbers.into_iter().filter_map(|number| u16::try_from(number).ok()));
            }
        }
        (&connections - &requests, requests)
    }

    fn selector_labels(
        &self,
        namespace: &str,
        results: &QueryResults,
        out: &mut Diagnostics,
    ) -> Result<StringMap, Reported> {
        let Some(key) = self.service_key(namespace) else {
            return Ok(self.selector.elements_or_empty().unwrap_or_default());
        };
        let live: Known<_> = results.get(&key);
        let selector = live.ok().flatten().map(|service| string_map(service, &["spec", "selector"]));
        selector.filter(|labels| !labels.is_empty()).ok_or_else(|| {
            out.error(
                &Path::root().attribute("service"),
                "No such Service",
                format!(
                    "Service {namespace}/{} doesn't exist, or has no selector. Correct the name, or write selector.",
                    key.name
                ),
            )
        })
    }
}
