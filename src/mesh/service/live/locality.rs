//! Locality load balancing that the Service or the mesh asks for, and that the DestinationRule switches off.

use super::{queries::LiveQueries, view::ServiceView};
use crate::{
    json_path::{at, text},
    mesh::{
        checks::{Code::HiddenLocality, Findings},
        live_objects::annotation_value,
        locality_check, mesh_config,
    },
    object::kind,
};

/// The annotation of a Service that older Kubernetes versions have in place of `trafficDistribution`.
const TRAFFIC_DISTRIBUTION: &str = "networking.istio.io/traffic-distribution";

pub(super) fn live_queries(view: &ServiceView, queries: &mut LiveQueries) {
    if disables_locality(view) {
        queries.list(&kind::SERVICE, view.context.namespace, &[HiddenLocality]);
        for key in mesh_config::keys(view.context.mesh) {
            queries.get(key, &[HiddenLocality]);
        }
    }
}

pub(super) fn live_checks(view: &ServiceView, out: &mut Findings) {
    if !disables_locality(view) {
        return;
    }
    let service = view.live_service().ok().flatten();
    let distribution = service.and_then(|live| {
        text(live, &["spec", "trafficDistribution"]).or_else(|| annotation_value(live, TRAFFIC_DISTRIBUTION))
    });
    if let Some(distribution) = distribution {
        let setting = format!("trafficDistribution {distribution} of Service {}", view.id());
        locality_check::report(&setting, out);
    }
    locality_check::check_mesh_configs(&mesh_config::read(view.context.mesh, view.results), out);
}

/// Whether the rendered DestinationRule switches locality load balancing off although no argument says so.
fn disables_locality(view: &ServiceView) -> bool {
    let block = view.context.service.traffic.load_balancing.known();
    locality_check::is_unset(block)
        && view.rendered(&kind::DESTINATION_RULE).any(|object| {
            let setting = ["spec", "trafficPolicy", "loadBalancer", "localityLbSetting", "enabled"];
            at(&object.body, &setting) == false
        })
}
