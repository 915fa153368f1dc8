//! What must hold after every write: no route names a subset that doesn't exist, and no request is admitted that is admitted
//! neither before nor after the operation.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
};

use serde_json::Value as Json;
use terraform_provider_mesh::mesh::policy_evaluation::{Decision, HttpRequest, Policies, Request, Workload};

use crate::support::proxy::RecordedWrite;

/// Live objects by their URL path.
pub(super) type Live = BTreeMap<String, Json>;

/// The violations of a sequence of writes, which begins with the objects `before`.
pub(super) fn order_violations(before: &Live, written: &[RecordedWrite], namespace: &str, root: &str) -> Vec<String> {
    let mut live = before.clone();
    let mut admitted_after = vec![("at the start".to_owned(), admitted(live.values(), namespace, root))];
    let mut violations: Vec<String> = Vec::new();
    for RecordedWrite { request, answer } in written {
        if request.method == "DELETE" {
            live.remove(&request.path);
        } else {
            live.insert(request.path.clone(), answer.clone());
        }
        let missing = missing_subsets(&live);
        if !missing.is_empty() {
            violations.push(format!("after {request}: no DestinationRule has {missing:?}"));
        }
        admitted_after.push((format!("after {request}"), admitted(live.values(), namespace, root)));
    }
    let ends: BTreeSet<_> =
        admitted_after.first().into_iter().chain(admitted_after.last()).flat_map(|(_, set)| set).collect();
    for (moment, admitted) in &admitted_after {
        let opened: Vec<_> = admitted.iter().filter(|request| !ends.contains(request)).collect();
        if !opened.is_empty() {
            violations.push(format!("{moment}: admitted for a while: {opened:?}"));
        }
    }
    violations
}

/// The subsets that routes name and that no DestinationRule of the host has.
fn missing_subsets(live: &Live) -> Vec<String> {
    let of_kind = |kind: &'static str| live.values().filter(move |object| object["kind"] == kind);
    let array = |value: &Json| value.as_array().cloned().unwrap_or_default();
    let known: BTreeSet<String> = of_kind("DestinationRule")
        .flat_map(|rule| {
            let host = rule["spec"]["host"].clone();
            array(&rule["spec"]["subsets"]).into_iter().map(move |subset| format!("{host}/{}", subset["name"]))
        })
        .collect();
    let routes = of_kind("VirtualService").flat_map(|object| {
        ["http", "tcp", "tls"].into_iter().flat_map(move |protocol| array(&object["spec"][protocol]))
    });
    let named = routes.flat_map(|route| array(&route["route"])).filter_map(|route| {
        let destination = &route["destination"];
        destination["subset"].is_string().then(|| format!("{}/{}", destination["host"], destination["subset"]))
    });
    named.filter(|subset| !known.contains(subset)).collect()
}

/// The requests that the policies among `manifests` admit, out of a fixed set of requests to a workload of `namespace`.
fn admitted<'a>(manifests: impl Iterator<Item = &'a Json>, namespace: &str, root: &str) -> BTreeSet<String> {
    let workload = Workload {
        namespace: namespace.to_owned(),
        labels: [("app".to_owned(), "cart".to_owned()), ("istio".to_owned(), "ingress".to_owned())].into(),
    };
    let policies = Policies::of_workload(manifests, &workload, root).expect("policies that the evaluation supports");
    let mut admitted = BTreeSet::new();
    for (name, request) in requests(namespace) {
        match policies.decide(&request) {
            Decision::Refused => {}
            Decision::Asks(_) => {
                admitted.insert(format!("{name} if the authorizer admits it"));
            }
            // What is admitted outright is admitted by any authorizer, too.
            Decision::Admitted => {
                admitted.extend([format!("{name} if the authorizer admits it"), name]);
            }
        }
    }
    admitted
}

/// Requests of each caller with each method to each path and port, by a description.
fn requests(namespace: &str) -> Vec<(String, Request)> {
    let own = format!("cluster.local/ns/{namespace}/sa/web");
    let callers = [
        None,
        Some(own.as_str()),
        Some("cluster.local/ns/shop/sa/web"),
        Some("cluster.local/ns/monitoring/sa/prometheus"),
        Some("cluster.local/ns/other/sa/other"),
    ];
    let mut requests = Vec::new();
    for caller in callers {
        for method in ["GET", "POST"] {
            for path in ["/", "/admin", "/healthz"] {
                for port in [80, 8080, 9090] {
                    let http = HttpRequest {
                        method: method.to_owned(),
                        path: path.to_owned(),
                        host: "cart".to_owned(),
                        ..HttpRequest::default()
                    };
                    let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
                    let request = Request {
                        principal: caller.map(str::to_owned),
                        source_ip: address,
                        remote_ip: address,
                        port,
                        sni: None,
                        attributes: BTreeMap::new(),
                        http: Some(http),
                    };
                    requests
                        .push((format!("{method} {path} on {port} of {}", caller.unwrap_or("any client")), request));
                }
            }
        }
    }
    requests
}
