//! The `outlier_detection` block.

use super::Preset;
use crate::{
    diagnostics::Diagnostics,
    known::Known,
    mesh::{
        duration::{Duration, is_positive},
        istio::destination_rule as istio,
    },
    model,
    schema::{At, Attr, Block, model::optional},
};

model! {
    /// Ejection of endpoints that fail, by each caller's proxy (`trafficPolicy.outlierDetection`). Where no preset applies, at
    /// least one of `consecutive_gateway_errors` and `consecutive_5xx` is needed.
    pub struct OutlierDetection {
        /// Number of consecutive gateway errors after which an endpoint is ejected (`consecutiveGatewayErrors`):
        /// the status codes 502, 503 and 504, among them failed connections and timeouts. The application's own
        /// errors (500) don't count. `0` switches the count off. Defaults to the preset's; without a preset they
        /// aren't counted.
        consecutive_gateway_errors: Attr<u32> = optional().range(0..=1000),
        /// Number of consecutive 5xx responses after which an endpoint is ejected (`consecutive5xxErrors`). They
        /// include the application's own errors, so one request that always fails can eject healthy endpoints. It
        /// is always written, because Istio's default is 5. Defaults to `0`, which switches the count off.
        consecutive_5xx: Attr<u32> = optional().range(0..=1000),
        /// Interval between two evaluations of the endpoints (`interval`). Defaults to the preset's; without a preset to Istio's
        /// `10s`.
        interval: Attr<Duration> = optional().check("More than `0s`.", is_positive),
        /// Duration of the first ejection (`baseEjectionTime`); each further ejection of the same endpoint is
        /// longer. Defaults to the preset's; without a preset to Istio's `30s`.
        base_ejection_time: Attr<Duration> = optional().check("More than `0s`.", is_positive),
        /// Maximum percentage of endpoints that are ejected at the same time (`maxEjectionPercent`), in each
        /// version separately. An endpoint is ejected only if the percentage isn't exceeded with it: below 50,
        /// neither of two endpoints ever is. Defaults to the preset's 50, and to 100 with `failover` or
        /// `failover_priority`; otherwise to Istio's 10.
        max_ejection_percent: Attr<u32> = optional().range(1..=100),
        /// Percentage of healthy endpoints below which ejections are ignored and requests go to all endpoints
        /// (`minHealthPercent`). Defaults to Istio's `0`: never.
        min_health_percent: Attr<u32> = optional().range(0..=100),
    }
}

impl At<OutlierDetection> {
    /// Reports a block with which no error ejects an endpoint.
    pub(in crate::mesh) fn validate_with_preset(&self, preset: Option<Preset>, out: &mut Diagnostics) {
        let settings = preset.and_then(Preset::settings).map(|settings| istio::OutlierDetection::from(&settings));
        if let Ok(rendered) = merge(self, settings.unwrap_or_default())
            && rendered.consecutive_5xx_errors == 0
            && matches!(rendered.consecutive_gateway_errors, None | Some(0))
        {
            out.error(
                &self.at,
                "outlier_detection without a threshold",
                "No number of errors ejects an endpoint. Write consecutive_gateway_errors (502, 503, 504 and failed connections) or \
                 consecutive_5xx (every status of 5xx), or remove the block.",
            );
        }
    }
}

/// Returns the outlier detection of a DestinationRule: that of the preset, where the fields of the block don't override it.
pub(in crate::mesh) fn outlier_detection(
    block: &Block<OutlierDetection>,
    preset: Option<istio::OutlierDetection>,
) -> Known<Option<istio::OutlierDetection>> {
    let Some(block) = block.known()? else { return Ok(preset) };
    merge(block, preset.unwrap_or_default()).map(Some)
}

fn merge(block: &OutlierDetection, preset: istio::OutlierDetection) -> Known<istio::OutlierDetection> {
    Ok(istio::OutlierDetection {
        consecutive_gateway_errors: block.consecutive_gateway_errors.copied()?.or(preset.consecutive_gateway_errors),
        consecutive_5xx_errors: block.consecutive_5xx.or(preset.consecutive_5xx_errors)?,
        interval: block.interval.copied()?.or(preset.interval),
        base_ejection_time: block.base_ejection_time.copied()?.or(preset.base_ejection_time),
        max_ejection_percent: block.max_ejection_percent.copied()?.or(preset.max_ejection_percent),
        min_health_percent: block.min_health_percent.copied()?,
    })
}
