//! The `outlier_detection` block.

use crate::{
    known::Known,
    mesh::{
        duration::{Duration, is_positive},
        istio::destination_rule as istio,
    },
    model,
    schema::{Attr, Block, model::optional},
};

model! {
    /// When an endpoint that fails is left out.
    pub struct OutlierDetection {
        /// Failures in a row: answers of 5xx, or connections that don't come about.
        consecutive_5xx: Attr<u32> = optional().range(1..=1000),
        /// How often endpoints are judged.
        interval: Attr<Duration> = optional().check("Longer than nothing.", is_positive),
        /// How long an endpoint is left out, times how often it was.
        base_ejection_time: Attr<Duration> = optional().check("Longer than nothing.", is_positive),
        /// Of the endpoints, left out at once, in percent.
        max_ejection_percent: Attr<u32> = optional().range(1..=100),
    }
}

impl OutlierDetection {
    /// Whether every field is known to be unset, so that the preset alone applies.
    pub(in crate::mesh) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Returns the outlier detection of a DestinationRule: that of the preset, where the fields of the block don't override it.
pub(in crate::mesh) fn outlier_detection(
    block: &Block<OutlierDetection>,
    preset: Option<istio::OutlierDetection>,
) -> Known<Option<istio::OutlierDetection>> {
    let Some(block) = block.known()? else { return Ok(preset) };
    let preset = preset.unwrap_or_default();
    let rendered = istio::OutlierDetection {
        consecutive_5xx_errors: block.consecutive_5xx.copied()?.or(preset.consecutive_5xx_errors),
        interval: block.interval.copied()?.or(preset.interval),
        base_ejection_time: block.base_ejection_time.copied()?.or(preset.base_ejection_time),
        max_ejection_percent: block.max_ejection_percent.copied()?.or(preset.max_ejection_percent),
    };
    Ok((rendered != istio::OutlierDetection::default()).then_some(rendered))
}
