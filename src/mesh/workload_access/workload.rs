//! The labels of the workload's pods.

use super::WorkloadAccess;
use crate::{
    diagnostics::{Diagnostics, Path, Reported},
    known::Known,
    mesh::{
        labels::StringMap,
        live_objects::{is_pod_active, labels, selector_matches_object, string_map},
    },
    object::{Key, kind},
    query::{Query, QueryResults},
};

impl WorkloadAccess {
    /// The queries of the labels. Without the right to list pods, the labels of the selector are all that is known.
    pub(super) fn workload_queries(&self, namespace: &str) -> Vec<Query> {
        let service = self.service_key(namespace).map(Query::Get);
        service.into_iter().chain([Query::list(&kind::POD, namespace)]).collect()
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
