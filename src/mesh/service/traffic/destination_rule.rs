//! What callers do on their way to the service.

use super::super::{Site, access, origins};
use crate::{
    diagnostics::Path,
    known::Known,
    mesh::{
        istio::destination_rule::{self, DestinationRule, TrafficPolicy},
        manifest::manifest,
        stage,
    },
    object::{Holding, Key, Object, in_place},
};

/// Always there: without it the root namespace's would hold, under `resiliency = "none"` too.
pub(in super::super) fn destination_rule(site: &Site, key: Key) -> Known<Object> {
    let traffic = if site.service.speaks_http()? {
        destination_rule::Traffic::Requests
    } else {
        destination_rule::Traffic::Connections
    };
    let spec = DestinationRule {
        host: site.host(),
        export_to: access::export_to(site)?,
        traffic_policy: site.resiliency()?.resiliency().map(|r| TrafficPolicy::of(&r, traffic)),
    };
    Ok(Object {
        body: manifest(&key, site.metadata()?, &spec),
        key,
        holding: Holding::Whole,
        stage: stage::TARGETS,
        transition: in_place,
        origins: origins(&[
            ("spec.host", Path::root().attribute("name")),
            ("spec.exportTo", access::export_argument(site)),
            ("spec.trafficPolicy", Path::root().attribute("resiliency")),
        ]),
    })
}
