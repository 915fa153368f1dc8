//! Locality load balancing: near endpoints first, and others when the near ones are ejected.

use super::{super::ServiceContext, Failover};
use crate::{
    known::{Known, Unknown},
    mesh::istio::destination_rule::{LocalityFailover, LocalityLbSetting, OutlierDetection},
    schema::At,
};

/// Renders `localityLbSetting`.
pub(super) fn locality_setting(context: &ServiceContext) -> Known<LocalityLbSetting> {
    let traffic = &context.service.traffic;
    let regions = |rule: &At<Failover>| {
        Ok(LocalityFailover { from: rule.from.required()?.clone(), to: rule.to.required()?.clone() })
    };
    let failover = traffic.failover.known()?.iter().map(regions).collect::<Known<Vec<_>>>()?;
    let failover_priority = traffic.failover_priority()?;
    let enabled = !failover.is_empty() || !failover_priority.is_empty();
    Ok(LocalityLbSetting { enabled, failover, failover_priority })
}

/// Returns the outlier detection of a service with failover: all near endpoints may be ejected, since requests stay near as
/// long as one of them isn't.
pub(super) fn outlier_detection(
    context: &ServiceContext,
    outlier_detection: Option<OutlierDetection>,
    has_failover: bool,
) -> Known<Option<OutlierDetection>> {
    if !has_failover {
        return Ok(outlier_detection);
    }
    let block = context.service.traffic.outlier_detection.known()?;
    let limit = block.map_or(Ok(None), |block| block.max_ejection_percent.copied())?.unwrap_or(100);
    // Validation reports failover without outlier detection.
    let outlier_detection = outlier_detection.ok_or(Unknown)?;
    Ok(Some(OutlierDetection { max_ejection_percent: Some(limit), ..outlier_detection }))
}
