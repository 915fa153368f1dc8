//! The `load_balancing` block.

use crate::{
    known::Known,
    mesh::{
        istio::destination_rule::{LoadBalancer, LocalityLbSetting},
        text::text_enum,
    },
    model,
    schema::{Attr, Block, model::optional},
};

text_enum! {
    /// Whether callers prefer endpoints in their own locality.
    pub enum Locality {
        /// They don't: all endpoints are equal.
        Off = "off",
        /// The Service's `trafficDistribution` or the mesh's configuration decides.
        Inherit = "inherit",
    }
}

model! {
    /// Selection of endpoints by the callers' proxies (`trafficPolicy.loadBalancer`).
    pub struct LoadBalancing {
        /// Whether callers prefer endpoints in their own region and zone (`localityLbSetting`). `off`: all endpoints are equal.
        /// `inherit`: the `trafficDistribution` of the Service or the `localityLbSetting` of the mesh's configuration decides,
        /// and without either Istio prefers near endpoints as soon as there is outlier detection. Defaults to `off` where
        /// outlier detection is written (by a preset or a block) without failover; otherwise nothing is written.
        locality: Attr<Locality> = optional(),
    }
}

/// Returns the load balancer of a traffic policy that has outlier detection: with `locality`, or with locality load balancing
/// off if that isn't enabled. Outlier detection alone would switch it on.
pub(in crate::mesh) fn load_balancer(
    block: &Block<LoadBalancing>,
    locality: LocalityLbSetting,
) -> Known<Option<LoadBalancer>> {
    let inherits =
        block.known()?.map_or(Ok(false), |block| Ok(block.locality.or(Locality::Off)? == Locality::Inherit))?;
    let is_written = locality.enabled || !inherits;
    Ok(is_written.then_some(LoadBalancer { locality_lb_setting: locality }))
}
