//! Destinations that a change of `calls` takes away from proxies.

use std::collections::BTreeSet;

use super::{
    Mesh,
    checks::{Code::NarrowedCalls, Findings},
    reference::Destination,
};

/// Reports what a new or changed `calls` takes away. Without `calls` before, proxies knew what the Sidecar of the namespace or of
/// the mesh lists, or else everything.
pub(super) fn report(
    prior: Option<&BTreeSet<Destination>>,
    planned: &BTreeSet<Destination>,
    own_namespace: &str,
    mesh: &Mesh,
    subject: &str,
    out: &mut Findings,
) {
    let hosts = |calls: &BTreeSet<Destination>| -> BTreeSet<String> {
        calls.iter().flat_map(|destination| destination.egress_hosts(own_namespace, mesh)).collect()
    };
    let planned = hosts(planned);
    let Some(prior) = prior else {
        out.report(
            NarrowedCalls,
            "calls",
            "Proxies know only what calls lists",
            &format!(
                "From this apply on, proxies of {subject} know the destinations of calls and the provider's platform_hosts alone. Calls \
                 of other services, of external hosts and of the Kubernetes API fail (502, or a reset connection). List the \
                 Kubernetes API as \"default/kubernetes\" if its workloads use it."
            ),
        );
        return;
    };
    let covers = |host: &String| {
        planned.contains(host)
            || host.split_once('/').is_some_and(|(namespace, _)| planned.contains(&format!("{namespace}/*")))
    };
    let lost: Vec<String> = hosts(prior).into_iter().filter(|host| !covers(host)).collect();
    if !lost.is_empty() {
        out.report(
            NarrowedCalls,
            "calls",
            "Proxies lose destinations",
            &format!(
                "After this apply, proxies of {subject} don't know {} any more: calls of them fail, if they aren't platform_hosts.",
                lost.join(", ")
            ),
        );
    }
}
