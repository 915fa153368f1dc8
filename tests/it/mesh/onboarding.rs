//! A live service is declared: what its callers' proxies do with requests stays as it is until an argument says otherwise.

// Helpers of tests may panic. Clippy exempts only the functions that are marked as tests.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use std::{collections::BTreeMap, thread, time::Duration};

use http::Method;
use serde_json::{Value as Json, json};

use crate::support::{
    mesh::{Mesh, Workload, start_all},
    polling::wait_until,
};

/// Time within which a change certainly reaches the proxies, where nothing that can be observed tells when it has.
const SETTLED: Duration = Duration::from_secs(3);
/// Time within which a change that can be observed must have reached them.
const PUSHED: Duration = Duration::from_secs(30);

/// The mesh's defaults, which hold for services that set nothing.
const DEFAULTS: &str = r#"
provider "mesh" {
  owner = "tests/onboarding"
  installed {
    dns_capture = true
  }
}
resource "mesh_global_defaults" "this" {
  resiliency      = "high"
  request_timeout = "20s"
}
"#;

/// The service with `arguments`.
fn declared(arguments: &str) -> String {
    format!(
        r#"{DEFAULTS}
resource "mesh_service" "cart" {{
  name               = "cart"
  namespace          = "shop"
  authorization_mode = "dry_run"
  {arguments}
  port {{
    number      = 80
    protocol    = "http"
    target_port = 8080
  }}
  port {{
    number   = 5432
    protocol = "tcp"
  }}
}}
"#
    )
}

/// The listeners, clusters and routes of a proxy, without versions and times.
fn configuration(workload: &Workload) -> BTreeMap<String, Vec<Json>> {
    let mut found = BTreeMap::new();
    for config in workload.config_dump()["configs"].as_array().expect("a list") {
        let kind = config["@type"].as_str().and_then(|kind| kind.rsplit('.').next()).unwrap_or_default();
        for (name, key) in [
            ("ListenersConfigDump", "dynamic_listeners"),
            ("ClustersConfigDump", "dynamic_active_clusters"),
            ("RoutesConfigDump", "dynamic_route_configs"),
        ] {
            if kind == name {
                let mut items: Vec<Json> = config[key].as_array().cloned().unwrap_or_default();
                items.iter_mut().for_each(without_versions);
                items.sort_by_key(ToString::to_string);
                found.insert(name.to_owned(), items);
            }
        }
    }
    assert_eq!(found.len(), 3, "{:?}", found.keys());
    found
}

fn without_versions(json: &mut Json) {
    match json {
        Json::Object(members) => {
            members.retain(|name, _| !["last_updated", "version_info"].contains(&name.as_str()));
            members.values_mut().for_each(without_versions);
        }
        Json::Array(items) => items.iter_mut().for_each(without_versions),
        _ => {}
    }
}

/// Timeout and retry policy of each route to the service.
fn timeouts_and_retries(workload: &Workload) -> Vec<Json> {
    let routes = configuration(workload).remove("RoutesConfigDump").expect("routes");
    let hosts =
        routes.iter().flat_map(|config| config["route_config"]["virtual_hosts"].as_array().into_iter().flatten());
    let own = hosts.filter(|host| host["domains"].to_string().contains("\"cart.shop.svc.cluster.local\""));
    let routes = own.flat_map(|host| host["routes"].as_array().into_iter().flatten());
    let action = |route: &Json| {
        let policy = &route["route"]["retry_policy"];
        json!([route["route"]["timeout"], policy["num_retries"], policy["retry_on"]])
    };
    routes.map(action).collect()
}

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn declaring_a_live_service_changes_nothing() {
    let mesh = Mesh::start(&json!({}));
    mesh.create_namespaces(["shop", "far"]);
    mesh.service("shop", "cart", &[("http", 80, 8080), ("tcp", 5432, 5432)]);
    let workspace = mesh.workspace();
    workspace.configure(DEFAULTS);
    workspace.converge();
    let [caller, far, cart] = start_all([
        mesh.workload("shop", "caller"),
        mesh.workload("far", "caller"),
        mesh.workload("shop", "cart").label("version", "v1").port(8080).tcp_port(5432),
    ]);
    let (near_request, far_request) =
        (caller.request(Method::GET, "http://cart/"), far.request(Method::GET, "http://cart.shop/"));
    near_request.becomes(200);
    far_request.becomes(200);
    let defaults = vec![json!(["20s", 3, "connect-failure,refused-stream,reset-before-request"])];
    assert_eq!(timeouts_and_retries(&caller), defaults);

    let before = [&caller, &far].map(configuration);
    workspace.configure(&declared(""));
    workspace.converge();
    thread::sleep(SETTLED);
    assert_eq!([&caller, &far].map(configuration), before);
    near_request.becomes(200);
    far_request.becomes(200);
    caller.line_is_answered("cart:5432", true);

    // Arguments that need objects don't take the mesh's timeout and retries away.
    for arguments in [
        "global_name = \"cart.example.internal\"",
        "version {\n    name   = \"v1\"\n    labels = { version = \"v1\" }\n  }",
        "route {\n    match {\n      path = \"/old\"\n    }\n    redirect {\n      path = \"/new\"\n    }\n  }",
    ] {
        workspace.configure(&declared(arguments));
        workspace.converge();
        thread::sleep(SETTLED);
        let found = timeouts_and_retries(&caller);
        assert!(found.contains(&defaults[0]), "{arguments}: {found:?}");
        mesh.assert_sound();
        wait_until(PUSHED, &format!("{arguments} reaches the proxy"), || configuration(&caller) != before[0]);
        near_request.becomes(200);
    }
    let moved = caller.request(Method::GET, "http://cart/old").becomes(301);
    assert_eq!(moved.header("location"), Some("http://cart/new"));

    // Negative control: a preset of the service, and a route with a name, do.
    workspace.configure(&declared("resiliency = \"none\""));
    workspace.converge();
    wait_until(PUSHED, "the preset of the service", || timeouts_and_retries(&caller) == [json!(["0s", null, null])]);
    assert_ne!(configuration(&caller), before[0]);
    drop(cart);
}
