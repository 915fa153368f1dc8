//! The live check `narrow-exports`: the defaults stop to refuse calls of unknown hosts, while objects are hidden from
//! namespaces. A proxy forwards calls of a service that it doesn't see as clear text from then on.

use serde_json::Value as Json;

use super::GlobalDefaults;
use crate::{
    json_path::text,
    known::Known,
    mesh::{
        Mesh,
        checks::{Code::NarrowExports, Findings, LiveQuery},
        istio::sidecar::OutboundMode,
        live_objects::{
            Visibility, namespaced_name, object_visibility, routes_in_mesh, service_visibility, summarize_names,
        },
        mesh_config,
        outbound_policy::{mesh_config_allows_any, selects_all_workloads, sidecar_allows_any},
    },
    object::{Kind, kind},
    query::{Query, QueryResults},
};

/// The kinds of objects that hide a host where they are exported to some namespaces only.
const HIDING: [&Kind; 4] = [&kind::SERVICE, &kind::DESTINATION_RULE, &kind::VIRTUAL_SERVICE, &kind::SERVICE_ENTRY];

/// The queries of the check; none where the defaults refuse calls of unknown hosts.
pub(super) fn live_queries(defaults: &GlobalDefaults, mesh: &Mesh) -> Vec<LiveQuery> {
    if defaults.outbound_traffic_policy() == Ok(Some(OutboundMode::RegistryOnly)) {
        return Vec::new();
    }
    let sidecars = Query::list(&kind::SIDECAR, &mesh.root_namespace);
    let objects = HIDING.map(Query::list_all_namespaces);
    let queries = std::iter::once(sidecars).chain(objects);
    queries.map(|query| LiveQuery { query, checks: &[NarrowExports] }).collect()
}

pub(super) fn check(defaults: &GlobalDefaults, mesh: &Mesh, results: &QueryResults, out: &mut Findings) -> Known<()> {
    let policy = defaults.outbound_traffic_policy()?;
    if policy == Some(OutboundMode::RegistryOnly) || !refuses_today(mesh, results)? {
        return Ok(());
    }
    let installed = mesh_config::read(mesh, results);
    let meshes_refuse = !installed.is_empty() && !installed.iter().any(|mesh| mesh_config_allows_any(&mesh.config));
    if policy.is_none() && meshes_refuse {
        return Ok(());
    }
    let mut hidden = Vec::new();
    for kind in HIDING {
        let objects = results.list_all_namespaces(kind)?.into_iter().filter(|live| is_hidden(kind, live));
        hidden.extend(objects.map(|live| format!("{} {}", kind.kind, namespaced_name(live))));
    }
    if hidden.is_empty() {
        return Ok(());
    }
    out.report(
        NarrowExports,
        "outbound_traffic_policy",
        "Calls of hidden services turn into clear text",
        &format!(
            "These are hidden from namespaces: {}. Today proxies refuse calls of hosts that they don't see. After this \
             apply they would forward such calls unchanged: as clear text, without identity, with the credentials in their \
             headers. First set installed {{ outbound_traffic_policy = \"allow_any\" }} in the provider block of every \
             configuration of this mesh, remove export_to there, and apply these configurations. Then apply this change.",
            summarize_names(hidden.iter().map(String::as_str))
        ),
    );
    Ok(())
}

/// Whether the live Sidecar of the mesh refuses calls of unknown hosts.
fn refuses_today(mesh: &Mesh, results: &QueryResults) -> Known<bool> {
    let sidecars = results.list(&kind::SIDECAR, &mesh.root_namespace)?;
    let mut root = sidecars.into_iter().filter(|sidecar| selects_all_workloads(sidecar));
    Ok(root.any(|sidecar| sidecar_allows_any(sidecar) == Some(false)))
}

/// Whether some namespace doesn't see the host of an object. Routes of gateways and hosts without endpoints outside of the mesh
/// hide nothing that could be called past them.
fn is_hidden(kind: &Kind, live: &Json) -> bool {
    let visibility = if kind == &kind::SERVICE { service_visibility(live) } else { object_visibility(live) };
    let is_relevant = match kind.kind {
        "VirtualService" => routes_in_mesh(live),
        "ServiceEntry" => text(live, &["spec", "location"]) != Some("MESH_INTERNAL"),
        _ => true,
    };
    is_relevant && visibility != Visibility::AllNamespaces
}
