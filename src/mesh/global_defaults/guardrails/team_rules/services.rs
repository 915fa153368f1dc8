//! Services and ServiceEntries, which say where the traffic for a name goes.

use super::TeamRule;
use crate::mesh::global_defaults::guardrails::global_names::GlobalNames;

/// A ServiceEntry defines a global name of its namespace, and its traffic goes to Services. A Service is for pods of its
/// namespace.
pub(super) fn rules(names: &GlobalNames) -> [TeamRule; 5] {
    let GlobalNames { condition, description, .. } = names;
    [
        TeamRule::new(
            "ServiceEntry",
            "object.?spec.?location.orValue(\"MESH_EXTERNAL\") == \"MESH_INTERNAL\"",
            "a ServiceEntry of a team is MESH_INTERNAL; services outside the mesh are declared centrally.",
        ),
        TeamRule::new(
            "ServiceEntry",
            "size(object.?spec.?endpoints.orValue([])) == 0 && size(object.?spec.?addresses.orValue([])) == 0 && \
             !object.?spec.?workloadSelector.hasValue()",
            "a ServiceEntry of a team has no endpoints, addresses or workloadSelector: it would send a name's traffic elsewhere.",
        ),
        TeamRule::new(
            "ServiceEntry",
            format!("object.?spec.?hosts.orValue([]).all(host, {condition})"),
            format!("a ServiceEntry of a team is for its namespace's own global names ({description})."),
        ),
        TeamRule::new(
            "Service",
            "object.?spec.?type.orValue(\"ClusterIP\") != \"ExternalName\"",
            "a Service of a team is not of type ExternalName: services outside the mesh are declared centrally.",
        ),
        TeamRule::new(
            "Service",
            "size(object.?spec.?externalIPs.orValue([])) == 0",
            "a Service of a team has no externalIPs: they take the traffic of the whole cluster for these addresses.",
        ),
    ]
}
