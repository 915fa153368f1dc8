//! How the routes of a VirtualService move to other destinations, so that no request meets a destination that its proxy doesn't
//! know.
//!
//! A proxy with a Sidecar knows the hosts that the Sidecar lists, and those that its routes lead to. istiod sends it hosts before
//! routes, and doesn't wait in between. So with a route to another host in one write, the proxy drops the old host while it still
//! has the old route, and the new host may not be ready when the new route arrives. Requests of these milliseconds get 503 with
//! the flag `NC`. A destination with a weight of 0 gets no traffic, and its host is known:
//!
//! | write | destinations with traffic | of weight 0 |
//! | --- | --- | --- |
//! | [`prepare`] | those of before | new ones |
//! | intermediate body of [`keep_destinations`] | those of after | old ones |
//! | desired body | those of after | |

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::virtual_service::HttpRoute;
use crate::{
    json_path::{at, set, text},
    mesh::live_objects::{items, strings},
    object::UpdateStrategy,
};

/// The rules of a VirtualService, in the order in which a place for a destination is sought.
const PROTOCOLS: [&str; 3] = ["http", "tls", "tcp"];

/// A host and a port of it.
type Target<'a> = (&'a str, Option<u64>);

/// Returns the hosts that get traffic. Without an object, callers send it to the hosts of the VirtualService.
pub fn hosts_with_traffic<'a>(live: &'a Json, desired: &'a Json) -> BTreeSet<&'a str> {
    if live.is_null() {
        return strings(desired, &["spec", "hosts"]).collect();
    }
    destinations(live).filter(|route| at(route, &["weight"]) != 0).filter_map(|route| host(route)).collect()
}

/// Whether requests go to a host that doesn't get any yet. Without an object they go to the hosts of the VirtualService, unless it
/// is a gateway's, which drops them.
pub fn names_new_host(live: &Json, desired: &Json) -> bool {
    if live.is_null() {
        return direct(desired).is_some();
    }
    let before = hosts_with_traffic(live, desired);
    hosts_with_traffic(desired, desired).into_iter().any(|host| !before.contains(host))
}

/// Returns the live routes, with the destinations that only the desired ones have at a weight of 0. None if there is no such
/// destination, or no live route that can hold it.
///
/// In the mesh, callers that are to see the desired routes see the prepared ones already. At a gateway, hosts and paths together
/// say which requests it admits, so the live rules stay with the live hosts.
pub fn prepare(live: &Json, desired: &Json) -> Option<Json> {
    if live.is_null() {
        return direct(desired);
    }
    let mut prepared = desired.clone();
    if is_of_gateway(live) || is_of_gateway(desired) {
        set(&mut prepared, &["spec"], at(live, &["spec"]).clone());
        return with_idle_destinations(prepared, desired);
    }
    let spec = prepared.get_mut("spec")?.as_object_mut()?;
    for protocol in PROTOCOLS {
        spec.remove(protocol);
        if let Some(rules) = live.pointer(&format!("/spec/{protocol}")) {
            spec.insert(protocol.to_owned(), rules.clone());
        }
    }
    with_idle_destinations(prepared, desired)
}

/// Decides how the routes change: destinations that only the live ones have stay at a weight of 0 until proxies have left them.
pub fn keep_destinations(live: &Json, desired: &Json) -> UpdateStrategy {
    let intermediate = if desired.is_null() { direct(live) } else { with_idle_destinations(desired.clone(), live) };
    intermediate.map_or(UpdateStrategy::InPlace, |intermediate| UpdateStrategy::TwoStep { intermediate })
}

/// Returns routes to the first host on every port, as callers without the VirtualService have them, with the destinations of
/// `route` at a weight of 0. None if there is no other destination, and for the routes of a gateway: without them it sends nothing.
fn direct(route: &Json) -> Option<Json> {
    if is_of_gateway(route) {
        return None;
    }
    let own = strings(route, &["spec", "hosts"]).next()?;
    let mut direct = route.clone();
    for protocol in PROTOCOLS {
        let Some(rules) = direct.pointer_mut(&format!("/spec/{protocol}")).and_then(Json::as_array_mut) else {
            continue;
        };
        let mut simple = Vec::new();
        for rule in std::mem::take(rules) {
            let called = rule.pointer("/match/0/port")?;
            let target = json!({ "host": own, "port": { "number": own_port(route, own, called).unwrap_or(called) } });
            let mut rule = json!({ "match": at(&rule, &["match"]), "route": [{ "destination": target }] });
            if protocol == "http" {
                set(&mut rule, &["match"], json!([{ "port": called }]));
                set(&mut rule, &["name"], json!(HttpRoute::GENERATED));
            }
            if !simple.contains(&rule) {
                simple.push(rule);
            }
        }
        *rules = simple;
    }
    with_idle_destinations(direct, route)
}

/// The port of the host `own` that rules for a port lead to. A global name may have other ports than the Service.
fn own_port<'a>(route: &'a Json, own: &str, called: &Json) -> Option<&'a Json> {
    let of_port = rules(route).filter(|rule| rule.pointer("/match/0/port") == Some(called));
    let own = of_port.flat_map(|rule| items(rule, &["route"])).find(|route| host(route) == Some(own))?;
    own.pointer("/destination/port/number")
}

/// Adds the destinations that only `other` has, with a weight of 0, to the first rule with destinations. The hosts of the
/// VirtualService aren't added: who uses its routes knows them.
fn with_idle_destinations(mut route: Json, other: &Json) -> Option<Json> {
    let known: BTreeSet<Target> = destinations(&route).filter_map(target).collect();
    let own: BTreeSet<&str> = strings(&route, &["spec", "hosts"]).collect();
    let new: BTreeMap<Target, &Json> = destinations(other)
        .filter_map(|route| Some((target(route)?, route)))
        .filter(|(target, _)| !own.contains(target.0) && !known.contains(target))
        .collect();
    let idle = |route: &Json| json!({ "destination": at(route, &["destination"]), "weight": 0 });
    let missing: Vec<Json> = new.into_values().map(idle).collect();
    if missing.is_empty() {
        return None;
    }
    let rules = PROTOCOLS
        .iter()
        .find(|protocol| items(&route, &["spec", protocol]).iter().any(|rule| !items(rule, &["route"]).is_empty()))?;
    let rules = route.pointer_mut(&format!("/spec/{rules}"))?.as_array_mut()?;
    let rule = rules.iter_mut().find(|rule| !items(rule, &["route"]).is_empty())?;
    let shares = rule.get_mut("route")?.as_array_mut()?;
    if let [only] = shares.as_mut_slice() {
        set(only, &["weight"], json!(100));
    }
    shares.extend(missing);
    Some(route)
}

fn is_of_gateway(route: &Json) -> bool {
    !items(route, &["spec", "gateways"]).is_empty()
}

fn rules(route: &Json) -> impl Iterator<Item = &Json> {
    PROTOCOLS.into_iter().flat_map(|protocol| items(route, &["spec", protocol]))
}

fn destinations(route: &Json) -> impl Iterator<Item = &Json> {
    rules(route).flat_map(|rule| items(rule, &["route"]))
}

fn host(route: &Json) -> Option<&str> {
    text(route, &["destination", "host"])
}

fn target(route: &Json) -> Option<Target<'_>> {
    Some((host(route)?, at(route, &["destination", "port", "number"]).as_u64()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a VirtualService of the host `own` with one HTTP rule for each list of `host=weight`. Without `=` there is no weight.
    fn route(rules: &[&[&str]]) -> Json {
        let destination = |text: &&str| {
            let (host, weight) = text.split_once('=').unwrap_or((text, ""));
            let mut destination = json!({ "destination": { "host": host, "port": { "number": 80 } } });
            if let Ok(weight) = weight.parse::<u32>() {
                set(&mut destination, &["weight"], json!(weight));
            }
            destination
        };
        let rule = |list: &&[&str]| json!({ "route": list.iter().map(destination).collect::<Vec<_>>() });
        json!({ "spec": { "hosts": ["own"], "http": rules.iter().map(rule).collect::<Vec<_>>() } })
    }

    #[test]
    fn destinations_come_and_go_at_weight_0() {
        type Rules<'a> = &'a [&'a [&'a str]];
        // live, desired, prepared, intermediate
        let table: [(Rules, Rules, Option<Rules>, Option<Rules>); 8] = [
            (&[&["own"]], &[&["own"]], None, None),
            (&[&["own"]], &[&["b"]], Some(&[&["own=100", "b=0"]]), None),
            (&[&["b"]], &[&["own"]], None, Some(&[&["own=100", "b=0"]])),
            (&[&["b"]], &[&["c"]], Some(&[&["b=100", "c=0"]]), Some(&[&["c=100", "b=0"]])),
            (&[&["b=100", "c=0"]], &[&["c"]], None, Some(&[&["c=100", "b=0"]])),
            (&[&["b=90", "c=10"]], &[&["b=50", "c=50"]], None, None),
            (
                &[&["b=90", "c=10"]],
                &[&["b=50", "d=50"]],
                Some(&[&["b=90", "c=10", "d=0"]]),
                Some(&[&["b=50", "d=50", "c=0"]]),
            ),
            (&[&[], &["own"]], &[&["b"], &["b"]], Some(&[&[], &["own=100", "b=0"]]), None),
        ];
        for (live, desired, prepared, intermediate) in table {
            let (live, desired) = (route(live), route(desired));
            assert_eq!(prepare(&live, &desired), prepared.map(route), "{live} to {desired}");
            let strategy = match intermediate.map(route) {
                Some(intermediate) => UpdateStrategy::TwoStep { intermediate },
                None => UpdateStrategy::InPlace,
            };
            assert_eq!(keep_destinations(&live, &desired), strategy, "{live} to {desired}");
        }
    }

    #[test]
    fn without_an_object_callers_connect_to_the_host() {
        let to = |host: &str, port: u32| json!({ "destination": { "host": host, "port": { "number": port } } });
        let share = |host: &str, port: u32, weight: u32| json!({ "destination": to(host, port)["destination"], "weight": weight });
        let of_host = |http: Json, tls: Json| json!({ "spec": { "hosts": ["own"], "http": http, "tls": tls } });
        let routes = of_host(
            json!([
                { "match": [{ "port": 80, "uri": { "exact": "/b" } }], "timeout": "1s", "route": [to("b", 8000)] },
                { "match": [{ "port": 80, "uri": { "exact": "/old" } }], "redirect": { "uri": "/new" } },
                { "match": [{ "port": 80 }], "route": [to("own", 8080)] },
            ]),
            json!([{ "match": [{ "port": 443, "sniHosts": ["own"] }], "route": [to("b", 443)] }]),
        );
        let direct = of_host(
            json!([
                { "name": "default", "match": [{ "port": 80 }],
                  "route": [share("own", 8080, 100), share("b", 443, 0), share("b", 8000, 0)] },
            ]),
            json!([{ "match": [{ "port": 443, "sniHosts": ["own"] }], "route": [to("own", 443)] }]),
        );
        assert_eq!(prepare(&Json::Null, &routes), Some(direct.clone()));
        assert_eq!(keep_destinations(&routes, &Json::Null), UpdateStrategy::TwoStep { intermediate: direct });
    }

    #[test]
    fn nothing_is_prepared_or_kept_without_another_destination() {
        assert_eq!(prepare(&Json::Null, &route(&[&["own"]])), None);
        assert_eq!(keep_destinations(&route(&[&["own"]]), &Json::Null), UpdateStrategy::InPlace);
        assert_eq!(prepare(&json!({ "spec": { "hosts": ["own"] } }), &route(&[&["b"]])), None);
    }

    #[test]
    fn without_an_object_a_gateway_sends_nothing() {
        let mut routes = route(&[&["b"]]);
        routes["spec"]["tcp"] = json!([{ "match": [{ "port": 5432 }], "route": routes["spec"]["http"][0]["route"] }]);
        routes["spec"]["http"] = json!([]);
        assert!(prepare(&Json::Null, &routes).is_some());
        routes["spec"]["gateways"] = json!(["ingress/public"]);
        assert_eq!(prepare(&Json::Null, &routes), None);
        assert!(!names_new_host(&Json::Null, &routes));
        assert_eq!(keep_destinations(&routes, &Json::Null), UpdateStrategy::InPlace);
    }

    #[test]
    fn hosts_are_new_or_known() {
        let on_port = |mut route: Json| {
            for rule in route["spec"]["http"].as_array_mut().expect("rules") {
                rule["match"] = json!([{ "port": 80 }]);
            }
            route
        };
        for (live, desired, expected) in [
            (Json::Null, on_port(route(&[&["own"]])), false),
            (Json::Null, on_port(route(&[&["b"], &["own"]])), true),
            (Json::Null, route(&[&["b"]]), false),
            (route(&[&["own"]]), route(&[&["b"]]), true),
            (route(&[&["own=100", "b=0"]]), route(&[&["b"]]), true),
            (route(&[&["b"]]), route(&[&["own"]]), true),
            (route(&[&["b=50", "c=50"]]), route(&[&["c"]]), false),
        ] {
            assert_eq!(names_new_host(&live, &desired), expected, "{live} to {desired}");
        }
    }

    #[test]
    fn a_prepared_route_has_the_desired_hosts_and_visibility() {
        let mut desired = route(&[&["b"]]);
        set(&mut desired, &["spec", "exportTo"], json!(["team"]));
        let prepared = prepare(&route(&[&["own"]]), &desired).expect("a new destination");
        assert_eq!(at(&prepared, &["spec", "exportTo"]), &json!(["team"]));
    }

    #[test]
    fn a_prepared_route_of_a_gateway_admits_what_the_live_one_does() {
        let at_gateway = |name: &str, gateway: &str, hosts: &[&str]| {
            let mut route = route(&[&[name]]);
            set(&mut route, &["spec", "gateways"], json!([gateway]));
            set(&mut route, &["spec", "hosts"], json!(hosts));
            route
        };
        let live = at_gateway("own", "ingress/internal", &["admin.example.com"]);
        let mut expected = at_gateway("own", "ingress/internal", &["admin.example.com"]);
        set(&mut expected, &["spec", "http"], route(&[&["own=100", "b=0"]])["spec"]["http"].clone());
        for desired in [
            at_gateway("b", "ingress/public", &["admin.example.com"]),
            at_gateway("b", "ingress/internal", &["shop.example.com"]),
            at_gateway("b", "ingress/internal", &["admin.example.com"]),
        ] {
            assert_eq!(prepare(&live, &desired), Some(expected.clone()), "{desired}");
        }
    }

    #[test]
    fn ports_of_a_host_are_destinations_of_their_own() {
        let mut desired = route(&[&["b"]]);
        desired["spec"]["http"][0]["route"][0]["destination"]["port"]["number"] = json!(81);
        let prepared = prepare(&route(&[&["b"]]), &desired).expect("a new destination");
        let ports: Vec<_> =
            destinations(&prepared).map(|route| at(route, &["destination", "port", "number"])).collect();
        assert_eq!(ports, [80, 81]);
    }
}
