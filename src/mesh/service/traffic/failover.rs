//! Where requests go when a region fails: near endpoints first, and others when the near ones are ejected.

use super::super::Site;
use crate::{
    diagnostics::Path,
    known::{Known, Unknown, as_known},
    mesh::istio::destination_rule::{LocalityFailover, LocalityLbSetting, OutlierDetection},
};

/// Where the requests of a region go.
#[derive(Clone, Debug)]
pub struct Failover {
    /// Its block.
    pub at: Path,
    /// The region.
    pub from: Known<String>,
    /// The one that takes over.
    pub to: Known<String>,
}

/// Whether near endpoints are preferred, and how.
pub(super) fn setting(site: &Site) -> Known<LocalityLbSetting> {
    let traffic = &site.service.traffic;
    let regions = |rule: &Failover| Ok(LocalityFailover { from: rule.from.clone()?, to: rule.to.clone()? });
    let failover = as_known(&traffic.failover)?.iter().map(regions).collect::<Known<Vec<_>>>()?;
    let failover_priority = as_known(&traffic.failover_priority)?.iter().cloned().collect::<Known<Vec<_>>>()?;
    let enabled = !failover.is_empty() || !failover_priority.is_empty();
    Ok(LocalityLbSetting { enabled, failover, failover_priority })
}

/// With failover every near endpoint must be allowed to go, or requests stay with the last of them.
pub(super) fn ejecting(
    site: &Site,
    ejection: Option<OutlierDetection>,
    has_failover: bool,
) -> Known<Option<OutlierDetection>> {
    if !has_failover {
        return Ok(ejection);
    }
    let written = site.service.traffic.outlier_detection.known()?;
    let limit = written.map_or(Ok(None), |block| block.max_ejection_percent.copied())?.unwrap_or(100);
    // Without any, the rule on failover has told it.
    let ejection = ejection.ok_or(Unknown)?;
    Ok(Some(OutlierDetection { max_ejection_percent: Some(limit), ..ejection }))
}
