//! Traps that nobody can fall into, because no configuration makes such an object: laws over random sound configurations.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Value as Json;
use terraform_provider_mesh::{
    diagnostics::{Diagnostics, Path},
    resources::service::Service,
    schema::model::Model,
};

use super::{hcl::resource, mesh, sound::sound};

/// Holds for all objects of a service, whatever its configuration; `seen` says whether they are of the kind that it is about.
fn always(law: fn(&[Json]) -> Result<(), String>, seen: fn(&[Json]) -> bool) {
    always_in(64, law, seen);
}

/// Likewise; more cases for what is seldom written.
fn always_in(cases: u32, law: fn(&[Json]) -> Result<(), String>, seen: fn(&[Json]) -> bool) {
    let count = std::cell::Cell::new(0);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    // What an override says is for its author to answer for.
    proptest!(config, |(service in sound::<Service>(&["override"]))| {
        let objects = service.objects::<Service>();
        count.set(count.get() + usize::from(seen(&objects)));
        prop_assert_eq!(law(&objects), Ok(()));
    });
    assert!(count.get() > 0, "none of the configurations is about it");
}

/// Holds for each object of a kind.
fn each(objects: &[Json], kind: &str, law: impl Fn(&Json) -> bool) -> Result<(), String> {
    match of(objects, kind).find(|object| !law(object)) {
        Some(object) => Err(object.to_string()),
        None => Ok(()),
    }
}

fn of<'a>(objects: &'a [Json], kind: &str) -> impl Iterator<Item = &'a Json> {
    objects.iter().filter(move |object| object["kind"] == kind)
}

fn any(objects: &[Json], kind: &str) -> bool {
    of(objects, kind).next().is_some()
}

fn list<'a>(object: &'a Json, pointer: &str) -> impl Iterator<Item = &'a Json> {
    object.pointer(pointer).and_then(Json::as_array).into_iter().flatten()
}

/// Where requests and connections of a VirtualService go, copies too.
fn destinations(object: &Json) -> Vec<&Json> {
    let routes = ["/spec/http", "/spec/tcp", "/spec/tls"].into_iter().flat_map(|kind| list(object, kind));
    routes
        .flat_map(|route| {
            let mirrors = list(route, "/mirrors").map(|mirror| &mirror["destination"]).chain(route.get("mirror"));
            list(route, "/route").map(|to| &to["destination"]).chain(mirrors).collect::<Vec<_>>()
        })
        .collect()
}

/// Proxies choose mutual TLS by themselves; a `tls` block could only contradict what the mesh asks.
#[test]
fn a_destination_rule_never_speaks_of_tls() {
    always(
        |objects| each(objects, "DestinationRule", |rule| !rule.to_string().contains("\"tls\"")),
        |objects| any(objects, "DestinationRule"),
    );
}

/// A short name would be one of the rule's own namespace.
#[test]
fn hosts_are_whole_names() {
    always(
        |objects| {
            let whole = |host: &Json| host.as_str().is_some_and(|host| host.contains('.'));
            each(objects, "DestinationRule", |rule| whole(&rule["spec"]["host"]))?;
            each(objects, "VirtualService", |service| {
                list(service, "/spec/hosts").all(whole) && destinations(service).iter().all(|to| whole(&to["host"]))
            })
        },
        |objects| any(objects, "VirtualService"),
    );
}

/// Else what is seen would follow from the mesh's configuration.
#[test]
fn who_sees_it_is_always_written() {
    always(
        |objects| {
            for kind in ["DestinationRule", "VirtualService", "ServiceEntry"] {
                each(objects, kind, |object| list(object, "/spec/exportTo").next().is_some())?;
            }
            each(objects, "Service", |service| {
                service["metadata"]["annotations"]["networking.istio.io/exportTo"]
                    .as_str()
                    .is_some_and(|to| !to.is_empty())
            })
        },
        |objects| any(objects, "DestinationRule"),
    );
}

/// Istio's hidden default would send requests again.
#[test]
fn retries_are_always_written() {
    always(
        |objects| {
            each(objects, "VirtualService", |service| {
                list(service, "/spec/http")
                    .filter(|route| route.get("redirect").is_none())
                    .all(|route| route["retries"]["attempts"].is_u64())
            })
        },
        |objects| any(objects, "VirtualService"),
    );
}

/// Without a port, a route to a Service with several is refused.
#[test]
fn every_destination_names_its_port() {
    always(
        |objects| {
            each(objects, "VirtualService", |service| {
                destinations(service).iter().all(|to| to["port"]["number"].is_u64())
            })
        },
        |objects| any(objects, "VirtualService"),
    );
}

#[test]
fn every_subset_that_is_named_is_there() {
    fn subsets(objects: &[Json]) -> BTreeSet<&str> {
        let rules = of(objects, "DestinationRule");
        rules.flat_map(|rule| list(rule, "/spec/subsets")).filter_map(|subset| subset["name"].as_str()).collect()
    }
    always_in(
        256,
        |objects| {
            let there = subsets(objects);
            each(objects, "VirtualService", |service| {
                let mut named = destinations(service).into_iter().filter_map(|to| to["subset"].as_str());
                named.all(|subset| there.contains(subset))
            })
        },
        |objects| any(objects, "VirtualService") && !subsets(objects).is_empty(),
    );
}

/// Ejection alone would switch on priorities by locality; failover without ejection would do nothing.
#[test]
fn ejection_and_failover_go_together() {
    always(
        |objects| {
            each(objects, "DestinationRule", |rule| {
                let policy = &rule["spec"]["trafficPolicy"];
                let by_locality = policy["loadBalancer"]["localityLbSetting"]["enabled"].as_bool();
                match policy.get("outlierDetection") {
                    Some(_) => by_locality.is_some(),
                    None => by_locality != Some(true),
                }
            })
        },
        |objects| {
            of(objects, "DestinationRule").any(|rule| rule["spec"]["trafficPolicy"]["outlierDetection"].is_object())
        },
    );
}

/// On a TCP port what is said of requests never matches in an ALLOW, and is left out of a DENY.
#[test]
fn rules_on_requests_name_their_ports() {
    fn of_requests(rule: &Json) -> bool {
        let operations = list(rule, "/to").map(|to| &to["operation"]);
        let by_operation =
            operations.flat_map(|operation| ["methods", "paths", "hosts"].map(|name| operation.get(name)));
        let by_token =
            list(rule, "/when").any(|when| when["key"].as_str().is_some_and(|key| key.starts_with("request.")));
        by_operation.flatten().next().is_some() || by_token || rule.to_string().contains("equestPrincipals")
    }
    always(
        |objects| {
            each(objects, "AuthorizationPolicy", |policy| {
                list(policy, "/spec/rules").filter(|rule| of_requests(rule)).all(|rule| {
                    let named =
                        |to: &Json| ["ports", "notPorts"].iter().any(|name| to["operation"].get(name).is_some());
                    list(rule, "/to").next().is_some() && list(rule, "/to").all(named)
                })
            })
        },
        |objects| of(objects, "AuthorizationPolicy").any(|policy| list(policy, "/spec/rules").any(of_requests)),
    );
}

#[test]
fn ports_say_twice_what_is_spoken() {
    always(
        |objects| {
            each(objects, "Service", |service| {
                list(service, "/spec/ports").all(|port| {
                    let prefix = port["name"].as_str().and_then(|name| name.split('-').next());
                    prefix.is_some() && prefix == port["appProtocol"].as_str()
                })
            })
        },
        |objects| of(objects, "Service").any(|service| service.get("spec").is_some()),
    );
}

/// Istio's schema refuses `0s`.
#[test]
fn no_timeout_is_a_field_left_out() {
    always(
        |objects| {
            each(objects, "VirtualService", |service| {
                list(service, "/spec/http").all(|route| route.get("timeout").is_none_or(|timeout| timeout != "0s"))
            })
        },
        |objects| any(objects, "VirtualService"),
    );
}

/// A revision would bind what is written to one release of the control plane.
#[test]
fn objects_are_of_v1_and_of_no_revision() {
    always(
        |objects| {
            let wrong = |object: &&Json| {
                let version = object["apiVersion"].as_str().unwrap_or_default();
                version.rsplit('/').next() != Some("v1") || object["metadata"].to_string().contains("istio.io/rev")
            };
            objects.iter().find(wrong).map_or(Ok(()), |object| Err(object.to_string()))
        },
        |objects| !objects.is_empty(),
    );
}

fn written(arguments: &str) -> (Diagnostics, Vec<Json>) {
    let text = format!("name = \"a\"\nnamespace = \"b\"\nport {{\nnumber = 80\nprotocol = \"http\"\n}}\n{arguments}");
    let mut out = Diagnostics::default();
    let value = resource(&text, Service::schema());
    let config = Service::decode(&value, &Path::root(), &mut out);
    let objects = Service::render(&config, &mesh()).into_iter().flatten();
    (out, objects.filter_map(|(_, object)| Some(object.ok()?.body)).collect())
}

/// Else requests from outside would meet every version alike (IST0140).
#[test]
fn the_gateway_shares_out_by_versions_too() {
    let (out, objects) = written(
        "version {\nname = \"v1\"\nlabels = { v = \"1\" }\nweight = 90\n}\n\
         version {\nname = \"v2\"\nlabels = { v = \"2\" }\nweight = 10\n}\n\
         ingress {\ngateway = \"istio-ingress/public\"\nhosts = [\"a.example.com\"]\n}",
    );
    assert!(!out.has_errors(), "{out}");
    let shares = |service: &Json| -> Vec<(Json, Json)> {
        let routes = list(service, "/spec/http").flat_map(|route| list(route, "/route"));
        routes.map(|to| (to["destination"]["subset"].clone(), to["weight"].clone())).collect()
    };
    let shares: Vec<_> = of(&objects, "VirtualService").map(shares).collect();
    let [inside, outside] = shares.as_slice() else { panic!("one for the mesh and one for the gateway: {shares:?}") };
    assert_eq!(inside, outside);
    assert_eq!(inside.len(), 2);
}

/// Claims are matched as headers of a name that no header has.
#[test]
fn no_route_goes_by_claims() {
    let (out, _) = written("route {\nmatch {\nheaders = { \"@request.auth.claims.sub\" = \"x\" }\n}\n}");
    assert!(out.to_string().contains("error at route[0].match[0].headers: "), "{out}");
}
