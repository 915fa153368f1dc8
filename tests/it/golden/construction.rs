//! Properties of the objects of every valid configuration, which exclude misconfigurations by construction.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Value as Json;
use terraform_provider_mesh::{
    diagnostics::{Diagnostics, Path},
    resources::service::Service,
    schema::model::Model,
};

use super::{hcl::resource, mesh, valid_configs::valid_configs};

/// Checks a property of the objects of random services. At least one of these must have objects to which it `applies`.
fn check(property: fn(&[Json]) -> Result<(), String>, applies: fn(&[Json]) -> bool) {
    check_cases(64, property, applies);
}

/// Like `check`, with more cases than usual for arguments that are rarely generated together.
fn check_cases(cases: u32, property: fn(&[Json]) -> Result<(), String>, applies: fn(&[Json]) -> bool) {
    let count = std::cell::Cell::new(0);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    // An override may contradict the property.
    proptest!(config, |(service in valid_configs::<Service>(&["override"]))| {
        let objects = service.objects::<Service>();
        count.set(count.get() + usize::from(applies(&objects)));
        prop_assert_eq!(property(&objects), Ok(()));
    });
    assert!(count.get() > 0, "the property applies to none of the configurations");
}

/// The first object of the kind that doesn't have the property is the error.
fn each(objects: &[Json], kind: &str, property: impl Fn(&Json) -> bool) -> Result<(), String> {
    match of_kind(objects, kind).find(|object| !property(object)) {
        Some(object) => Err(object.to_string()),
        None => Ok(()),
    }
}

fn of_kind<'a>(objects: &'a [Json], kind: &str) -> impl Iterator<Item = &'a Json> {
    objects.iter().filter(move |object| object["kind"] == kind)
}

fn has_kind(objects: &[Json], kind: &str) -> bool {
    of_kind(objects, kind).next().is_some()
}

/// The elements of the list at a JSON pointer, or none.
fn list<'a>(object: &'a Json, pointer: &str) -> impl Iterator<Item = &'a Json> {
    object.pointer(pointer).and_then(Json::as_array).into_iter().flatten()
}

/// The destinations of all routes of a VirtualService, including mirrors.
fn destinations(object: &Json) -> Vec<&Json> {
    let routes = ["/spec/http", "/spec/tcp", "/spec/tls"].into_iter().flat_map(|kind| list(object, kind));
    routes
        .flat_map(|route| {
            let mirrors = list(route, "/mirrors").map(|mirror| &mirror["destination"]).chain(route.get("mirror"));
            list(route, "/route").map(|to| &to["destination"]).chain(mirrors).collect::<Vec<_>>()
        })
        .collect()
}

/// Proxies detect mutual TLS automatically. A `tls` field could contradict the PeerAuthentication of the workload.
#[test]
fn destination_rules_have_no_tls_settings() {
    check(
        |objects| each(objects, "DestinationRule", |rule| !rule.to_string().contains("\"tls\"")),
        |objects| has_kind(objects, "DestinationRule"),
    );
}

/// Istio resolves a short name in the namespace of the object.
#[test]
fn hosts_are_fully_qualified() {
    check(
        |objects| {
            let whole = |host: &Json| host.as_str().is_some_and(|host| host.contains('.'));
            each(objects, "DestinationRule", |rule| whole(&rule["spec"]["host"]))?;
            each(objects, "VirtualService", |service| {
                list(service, "/spec/hosts").all(whole) && destinations(service).iter().all(|to| whole(&to["host"]))
            })
        },
        |objects| has_kind(objects, "VirtualService"),
    );
}

/// Without `exportTo` the default of the mesh's configuration applies.
#[test]
fn export_to_is_always_set() {
    check(
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
        |objects| has_kind(objects, "DestinationRule"),
    );
}

/// The mesh's default timeout and retries hold for routes of the name that istiod gives its own. A route of the mesh has it if it sets
/// neither, and no redirect or gateway's route ever does.
#[test]
fn routes_that_set_nothing_are_named_like_generated_ones() {
    check(
        |objects| {
            each(objects, "VirtualService", |service| {
                list(service, "/spec/http").all(|route| {
                    let is_for_gateways = service["spec"].get("gateways").is_some();
                    let forwards = route.get("redirect").is_none() && !is_for_gateways;
                    let sets_nothing = ["timeout", "retries"].iter().all(|field| route.get(field).is_none());
                    route["name"] != "default" || forwards && sets_nothing
                })
            })
        },
        |objects| has_kind(objects, "VirtualService"),
    );
}

/// Istio refuses a route without a port to a Service with several ports.
#[test]
fn destinations_have_a_port() {
    check(
        |objects| {
            each(objects, "VirtualService", |service| {
                destinations(service).iter().all(|to| to["port"]["number"].is_u64())
            })
        },
        |objects| has_kind(objects, "VirtualService"),
    );
}

#[test]
fn referenced_subsets_exist() {
    fn subsets(objects: &[Json]) -> BTreeSet<&str> {
        let rules = of_kind(objects, "DestinationRule");
        rules.flat_map(|rule| list(rule, "/spec/subsets")).filter_map(|subset| subset["name"].as_str()).collect()
    }
    check_cases(
        256,
        |objects| {
            let declared = subsets(objects);
            each(objects, "VirtualService", |service| {
                let mut referenced = destinations(service).into_iter().filter_map(|to| to["subset"].as_str());
                referenced.all(|subset| declared.contains(subset))
            })
        },
        |objects| has_kind(objects, "VirtualService") && !subsets(objects).is_empty(),
    );
}

/// Outlier detection enables locality failover unless it is disabled, which `load_balancing` may leave out, and failover has no
/// effect without outlier detection. Five consecutive errors of the application eject an endpoint unless another number is written.
#[test]
fn outlier_detection_and_failover_are_combined() {
    check(
        |objects| {
            each(objects, "DestinationRule", |rule| {
                let policy = &rule["spec"]["trafficPolicy"];
                let by_locality = policy["loadBalancer"]["localityLbSetting"]["enabled"].as_bool();
                match policy.get("outlierDetection") {
                    Some(detection) => detection["consecutive5xxErrors"].is_u64(),
                    None => by_locality.is_none(),
                }
            })
        },
        |objects| {
            of_kind(objects, "DestinationRule")
                .any(|rule| rule["spec"]["trafficPolicy"]["outlierDetection"].is_object())
        },
    );
}

/// On a TCP port, request attributes never match in an ALLOW rule and are ignored in a DENY rule.
#[test]
fn request_rules_name_their_ports() {
    fn is_request_rule(rule: &Json) -> bool {
        let operations = list(rule, "/to").map(|to| &to["operation"]);
        let by_operation =
            operations.flat_map(|operation| ["methods", "paths", "hosts"].map(|name| operation.get(name)));
        let by_token =
            list(rule, "/when").any(|when| when["key"].as_str().is_some_and(|key| key.starts_with("request.")));
        by_operation.flatten().next().is_some() || by_token || rule.to_string().contains("equestPrincipals")
    }
    check(
        |objects| {
            each(objects, "AuthorizationPolicy", |policy| {
                list(policy, "/spec/rules").filter(|rule| is_request_rule(rule)).all(|rule| {
                    let named =
                        |to: &Json| ["ports", "notPorts"].iter().any(|name| to["operation"].get(name).is_some());
                    list(rule, "/to").next().is_some() && list(rule, "/to").all(named)
                })
            })
        },
        |objects| {
            of_kind(objects, "AuthorizationPolicy").any(|policy| list(policy, "/spec/rules").any(is_request_rule))
        },
    );
}

/// An ALLOW rule without ports would open ports that nothing declares.
#[test]
fn allow_rules_name_declared_ports() {
    check(
        |objects| {
            let names_ports = |rule: &Json| {
                list(rule, "/to").next().is_some() && list(rule, "/to").all(|to| to["operation"]["ports"].is_array())
            };
            each(objects, "AuthorizationPolicy", |policy| {
                policy["spec"]["action"] != "ALLOW"
                    || !has_kind(objects, "Service")
                    || list(policy, "/spec/rules").all(names_ports)
            })
        },
        |objects| has_kind(objects, "Service") && has_kind(objects, "AuthorizationPolicy"),
    );
}

#[test]
fn port_names_agree_with_app_protocols() {
    check(
        |objects| {
            each(objects, "Service", |service| {
                list(service, "/spec/ports").all(|port| {
                    let prefix = port["name"].as_str().and_then(|name| name.split('-').next());
                    prefix.is_some() && prefix == port["appProtocol"].as_str()
                })
            })
        },
        |objects| of_kind(objects, "Service").any(|service| service.get("spec").is_some()),
    );
}

/// Istio's schema refuses `0s`, so a route without timeout has no such field.
#[test]
fn timeouts_are_never_zero() {
    check(
        |objects| {
            each(objects, "VirtualService", |service| {
                list(service, "/spec/http").all(|route| route.get("timeout").is_none_or(|timeout| timeout != "0s"))
            })
        },
        |objects| has_kind(objects, "VirtualService"),
    );
}

/// A revision label would restrict the objects to one revision of the control plane.
#[test]
fn objects_are_v1_without_revision_labels() {
    check(
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

/// The diagnostics and objects of a service with `arguments`.
fn render(arguments: &str) -> (Diagnostics, Vec<Json>) {
    let text = format!("name = \"a\"\nnamespace = \"b\"\nport {{\nnumber = 80\nprotocol = \"http\"\n}}\n{arguments}");
    let mut out = Diagnostics::default();
    let value = resource(&text, Service::schema());
    let config = Service::decode(&value, &Path::root(), &mut out);
    let objects = Service::render(&config, &mesh()).into_iter().flatten();
    (out, objects.filter_map(|(_, object)| Some(object.ok()?.body)).collect())
}

/// Otherwise the gateway would send requests to all versions, regardless of their weights (IST0140).
#[test]
fn gateway_routes_have_the_version_weights() {
    let (out, objects) = render(
        "version {\nname = \"v1\"\nlabels = { v = \"1\" }\nweight = 90\n}\n\
         version {\nname = \"v2\"\nlabels = { v = \"2\" }\nweight = 10\n}\n\
         ingress {\ngateway = \"istio-ingress/public\"\nhosts = [\"a.example.com\"]\n}",
    );
    assert!(!out.has_errors(), "{out}");
    let weights = |service: &Json| -> Vec<(Json, Json)> {
        let routes = list(service, "/spec/http").flat_map(|route| list(route, "/route"));
        routes.map(|to| (to["destination"]["subset"].clone(), to["weight"].clone())).collect()
    };
    let weights: Vec<_> = of_kind(&objects, "VirtualService").map(weights).collect();
    let [mesh_route, gateway_route] = weights.as_slice() else {
        panic!("expected a route of the mesh and one of the gateway: {weights:?}")
    };
    assert_eq!(mesh_route, gateway_route);
    assert_eq!(mesh_route.len(), 2);
}

/// Istio matches claims by a pseudo header, which is valid only in routes of gateways.
#[test]
fn claims_in_route_headers_are_refused() {
    let (out, _) = render("route {\nmatch {\nheaders = { \"@request.auth.claims.sub\" = \"x\" }\n}\n}");
    assert!(out.to_string().contains("error at route[0].match[0].headers: "), "{out}");
}
