//! Waits between the writes of an external service. While proxies have the routes to a host of before and no longer the way to
//! connect to it, requests fail or leave in clear text.

use std::time::Duration;

use serde_json::Value as Json;

use crate::{
    json_path::at,
    mesh::{
        istio::route_transition::{hosts_with_traffic, keep_destinations, prepare},
        live_objects::items,
    },
    object::{SettleTime, Transition, UpdateStrategy},
};

/// The time until every proxy has what was written before.
const PROPAGATION_DELAY: Duration = Duration::from_secs(2);

/// The transition of a route to the host itself: what it led to before stays known to proxies until they have left it.
pub(super) const DIRECT_ROUTE: Transition =
    Transition::Computed { strategy: keep_destinations, propagation_delay: PROPAGATION_DELAY };

/// The transition of a route to a gateway: before it is deleted, callers connect to the host itself and still know the gateway.
pub(super) const ROUTE_TO_GATEWAY: Transition =
    Transition::Computed { strategy: leave_gateway, propagation_delay: PROPAGATION_DELAY };

/// The transition of a route of a gateway: it is deleted after the routes that led to the gateway.
pub(super) const ROUTE_OF_GATEWAY: Transition =
    Transition::Computed { strategy: delay_deletion, propagation_delay: PROPAGATION_DELAY };

/// The transition of a DestinationRule: one by which proxies begin TLS is deleted after the routes that led to the host.
pub(super) const RULE: Transition =
    Transition::Computed { strategy: delay_deletion_of_tls, propagation_delay: PROPAGATION_DELAY };

/// The wait before routes that lead to other hosts than the live ones. Where there are none, proxies connect to the host itself.
pub(super) const NEW_DESTINATIONS: SettleTime =
    SettleTime { is_needed: leads_to_other_hosts, duration: PROPAGATION_DELAY, preparation: prepare };

fn leave_gateway(live: &Json, desired: &Json) -> UpdateStrategy {
    match keep_destinations(live, desired) {
        UpdateStrategy::InPlace => delay_deletion(live, desired),
        in_steps => in_steps,
    }
}

fn delay_deletion(_: &Json, desired: &Json) -> UpdateStrategy {
    if desired.is_null() { UpdateStrategy::TwoStep { intermediate: Json::Null } } else { UpdateStrategy::InPlace }
}

fn delay_deletion_of_tls(live: &Json, desired: &Json) -> UpdateStrategy {
    let ports = items(live, &["spec", "trafficPolicy", "portLevelSettings"]);
    if ports.iter().any(|port| !at(port, &["tls"]).is_null()) {
        delay_deletion(live, desired)
    } else {
        UpdateStrategy::InPlace
    }
}

fn leads_to_other_hosts(live: &Json, desired: &Json) -> bool {
    hosts_with_traffic(live, desired) != hosts_with_traffic(desired, desired)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn route(destination: &str) -> Json {
        let http = json!([{ "route": [{ "destination": { "host": destination } }] }]);
        json!({ "spec": { "hosts": ["api.example.com"], "http": http } })
    }

    #[test]
    fn routes_to_other_hosts_settle() {
        let (own, gateway) = (route("api.example.com"), route("egress.istio-egress.svc.cluster.local"));
        for (live, desired, is_needed) in [
            (&own, &gateway, true),
            (&gateway, &own, true),
            (&Json::Null, &gateway, true),
            (&Json::Null, &own, false),
            (&own, &own, false),
            (&gateway, &gateway, false),
        ] {
            assert_eq!(leads_to_other_hosts(live, desired), is_needed, "{live} to {desired}");
        }
    }

    #[test]
    fn rules_with_tls_are_deleted_late() {
        let rule = json!({ "spec": { "trafficPolicy": { "portLevelSettings": [{ "tls": { "mode": "SIMPLE" } }] } } });
        assert_ne!(delay_deletion_of_tls(&rule, &Json::Null), UpdateStrategy::InPlace);
        assert_eq!(delay_deletion_of_tls(&rule, &rule), UpdateStrategy::InPlace);
        assert_eq!(delay_deletion_of_tls(&json!({ "spec": {} }), &Json::Null), UpdateStrategy::InPlace);
    }
}
