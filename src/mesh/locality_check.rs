//! The live check of locality load balancing: outlier detection is written with it off, which takes precedence over the mesh's
//! configuration and over a Service's `trafficDistribution`.

use super::{
    checks::{Code::HiddenLocality, Findings},
    mesh_config::MeshConfig,
    resiliency::LoadBalancing,
};
use crate::{json_path::at, known::Known, schema::At};

/// Whether it is known that `locality` isn't set, so that it is off by default.
pub(super) fn is_unset(block: Known<Option<&At<LoadBalancing>>>) -> bool {
    block.is_ok_and(|block| block.is_none_or(|block| block.locality.known() == Ok(None)))
}

/// Reports settings of the mesh's configurations that the resource's DestinationRule takes precedence over.
pub(super) fn check_mesh_configs(installed: &[MeshConfig], out: &mut Findings) {
    for installed in installed {
        let fields = ["distribute", "failover", "failoverPriority"];
        if let Some(field) =
            fields.into_iter().find(|field| !at(&installed.config, &["localityLbSetting", field]).is_null())
        {
            report(&format!("localityLbSetting.{field} in ConfigMap {}", installed.name), out);
        }
    }
}

/// Reports that a setting has no effect.
pub(super) fn report(setting: &str, out: &mut Findings) {
    out.report(
        HiddenLocality,
        "",
        "Locality load balancing is switched off here",
        &format!(
            "Outlier detection alone would switch locality load balancing on, so it is written as off, and {setting} has no effect \
             on callers. Write load_balancing {{ locality = \"inherit\" }} to keep it, or \"off\" to say that this is meant."
        ),
    );
}
