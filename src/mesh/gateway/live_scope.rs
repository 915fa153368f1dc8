//! The live check of a Gateway whose workloads are in another namespace: istiod may take Gateways for workloads of their own
//! namespace alone.

use serde_json::Value as Json;

use super::Gateway;
use crate::{
    json_path::text,
    known::Known,
    mesh::{
        Mesh,
        checks::{Code::GatewayScope, Findings, LiveQuery},
        live_objects::{items, namespaced_name},
        names,
    },
    object::{Key, kind},
    query::{Query, QueryResults},
};

/// The environment variable of istiod.
const SCOPE: &str = "PILOT_SCOPE_GATEWAY_TO_NAMESPACE";

impl Gateway {
    /// The queries of this check: the Deployments of the mesh's revisions of istiod, by their names in Istio's charts.
    pub(super) fn scope_queries(&self, mesh: &Mesh) -> Vec<LiveQuery> {
        if self.has_workloads_elsewhere() != Ok(true) {
            return Vec::new();
        }
        deployments(mesh).map(|key| LiveQuery { query: Query::Get(key), checks: &[GatewayScope] }).collect()
    }

    pub(super) fn scope_checks(&self, mesh: &Mesh, results: &QueryResults, out: &mut Findings) {
        let Ok(workload_namespace) = self.workload_namespace() else { return };
        if self.has_workloads_elsewhere() != Ok(true) {
            return;
        }
        let mut live = deployments(mesh).filter_map(|key| results.get(&key).ok().flatten());
        if let Some(istiod) = live.find(|istiod| is_scoped(istiod)) {
            out.report(
                GatewayScope,
                "workload_namespace",
                "istiod ignores Gateways of other namespaces",
                &format!(
                    "Deployment {} sets {SCOPE}, so a Gateway is for workloads of its own namespace alone, and those in \
                     {workload_namespace} open none of its ports. Write namespace = \"{workload_namespace}\", and remove \
                     workload_namespace.",
                    namespaced_name(istiod)
                ),
            );
        }
    }

    fn has_workloads_elsewhere(&self) -> Known<bool> {
        Ok(self.workload_namespace()? != self.namespace.required()?)
    }
}

fn deployments(mesh: &Mesh) -> impl Iterator<Item = Key> {
    mesh.revisions.iter().map(|revision| {
        let is_default = revision == names::DEFAULT_REVISION;
        let name = if is_default { "istiod".to_owned() } else { format!("istiod-{revision}") };
        Key::new(&kind::DEPLOYMENT, &mesh.root_namespace, &name)
    })
}

/// Whether a container sets the variable to true, in one of the forms that istiod reads as such.
fn is_scoped(istiod: &Json) -> bool {
    let containers = items(istiod, &["spec", "template", "spec", "containers"]);
    let mut variables = containers.iter().flat_map(|container| items(container, &["env"]));
    variables.any(|variable| {
        text(variable, &["name"]) == Some(SCOPE)
            && matches!(text(variable, &["value"]), Some("1" | "t" | "T" | "true" | "TRUE" | "True"))
    })
}
