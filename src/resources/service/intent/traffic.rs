//! How failures are met.

use super::super::config::Config;
use crate::mesh::service::Traffic;

/// What the arguments about traffic mean.
pub(super) fn traffic(config: &Config) -> Traffic {
    Traffic {
        resiliency: config.resiliency.known().map(Option::<&_>::copied),
        request_timeout: config.request_timeout.known().map(Option::<&_>::copied),
    }
}
