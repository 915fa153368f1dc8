//! Releases under load: versions come and go, and routes of another tool are taken over. No request fails, where a naive order of
//! the same writes makes some fail.

use std::{
    thread,
    time::{Duration, Instant},
};

use http::Method;
use serde_json::{Value as Json, json};
use terraform_provider_mesh::object::{Key, Kind, kind};

use crate::support::{
    mesh::{Mesh, Workload, start_all, take_turn},
    terraform::Workspace,
};

/// Requests per second of each load, and the number of requests that each must have sent.
const RATE: u32 = 200;
const REQUESTS: usize = 5000;

/// Two versions of a service `cart`, a caller, a gateway and a client outside of the mesh.
struct Shop {
    caller: Workload,
    gateway: Workload,
    outside: Workload,
    _versions: [Workload; 2],
    workspace: Workspace,
    mesh: Mesh,
}

impl Shop {
    fn start() -> Self {
        let mesh = Mesh::start(&json!({}));
        mesh.create_namespaces(["shop"]);
        mesh.service("shop", "cart", &[("http", 80, 8080)]);
        mesh.api().apply(
            &json!({
                "apiVersion": "networking.istio.io/v1", "kind": "Gateway",
                "metadata": { "name": "gateway", "namespace": "shop" },
                "spec": {
                    "selector": { "app": "gateway" },
                    "servers": [{ "port": { "number": 80, "name": "http", "protocol": "HTTP" }, "hosts": ["cart.example.com"] }],
                },
            }),
            "tests",
        );
        let [caller, gateway, outside, one, two] = start_all([
            mesh.workload("shop", "caller"),
            mesh.workload("shop", "gateway").gateway(),
            mesh.workload("shop", "outside").without_sidecar(),
            mesh.workload("shop", "cart").label("version", "1"),
            mesh.workload("shop", "cart").label("version", "2"),
        ]);
        let workspace = mesh.workspace();
        Self { caller, gateway, outside, _versions: [one, two], workspace, mesh }
    }

    /// Applies `cart` with these versions (name, value of the label, weight) and further arguments.
    fn apply(&self, versions: &[(&str, &str, u32)], arguments: &str) {
        let versions = versions.iter().map(|(name, label, weight)| {
            format!("  version {{\n    name   = {name:?}\n    labels = {{ version = {label:?} }}\n    weight = {weight}\n  }}\n")
        });
        self.workspace.configure(&format!(
            "provider \"mesh\" {{\n  owner = \"tests/releases\"\n}}\nresource \"mesh_service\" \"cart\" {{\n  name = \"cart\"\n  \
             namespace = \"shop\"\n  settle_seconds = 3\n  {arguments}\n  port {{\n    number = 80\n    protocol = \"http\"\n    \
             target_port = 8080\n  }}\n  ingress {{\n    gateway = \"shop/gateway\"\n    hosts = [\"cart.example.com\"]\n  }}\n  \
             allow {{\n    from = [\"*\"]\n  }}\n{}}}\n",
            versions.collect::<String>()
        ));
        self.workspace.apply().expect_success();
    }

    /// Sends requests through the mesh and through the gateway while `change` runs, and returns those that failed.
    fn failures_during(&self, change: impl FnOnce(), at_least: usize) -> Vec<String> {
        let in_mesh = self.caller.request(Method::GET, "http://cart/");
        let through_gateway =
            self.outside.request(Method::GET, "http://cart.example.com/").connect_to((self.gateway.address(), 80));
        in_mesh.becomes(200);
        through_gateway.becomes(200);
        let (start, loads) = (Instant::now(), [in_mesh.load(RATE), through_gateway.load(RATE)]);
        change();
        let needed = Duration::from_secs((at_least / RATE as usize) as u64 + 2);
        thread::sleep(needed.saturating_sub(start.elapsed()));
        let mut failures = Vec::new();
        for (load, name) in loads.into_iter().zip(["mesh", "gateway"]) {
            let report = load.stop();
            assert!(report.sent() >= at_least, "only {} requests through the {name}", report.sent());
            failures.extend(
                report.failures().iter().map(|failed| format!("{name}, after {:?}: {}", failed.sent_at, failed.answer)),
            );
        }
        failures
    }

    fn key(kind: &'static Kind, name: &str) -> Key {
        Key::new(kind, "shop", name)
    }
}

/// A route of another tool to a subset of its own names, and the rule with the subsets.
fn foreign_objects(first: &str, second: &str) -> [Json; 2] {
    let host = "cart.shop.svc.cluster.local";
    let object = |kind: &str, name: &str, spec: Json| {
        let metadata = json!({ "name": name, "namespace": "shop" });
        json!({ "apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": metadata, "spec": spec })
    };
    let subset = |name: &str, label: &str| json!({ "name": name, "labels": { "version": label } });
    let to = |subset: &str| json!({ "destination": { "host": host, "subset": subset }, "weight": 50 });
    let rule = json!({ "host": host, "subsets": [subset(first, "1"), subset(second, "2")] });
    let route = json!({
        "hosts": [host, "cart.example.com"], "gateways": ["mesh", "shop/gateway"],
        "http": [{ "route": [to(first), to(second)] }],
    });
    [object("DestinationRule", "theirs", rule), object("VirtualService", "theirs", route)]
}

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn no_request_fails_while_versions_move() {
    let _turn = take_turn();
    let shop = Shop::start();
    shop.apply(&[("v1", "1", 100)], "");
    let steps = || {
        shop.apply(&[("v1", "1", 90), ("v2", "2", 10)], "");
        shop.apply(&[("v1", "1", 50), ("v2", "2", 50)], "");
        shop.apply(&[("v1", "1", 0), ("v2", "2", 100)], "");
        shop.apply(&[("second", "2", 100)], "");
        shop.apply(&[], "");
    };
    assert_eq!(shop.failures_during(steps, REQUESTS), Vec::<String>::new());

    // Negative control: the route comes before the subset that it names, as a tool writes them that doesn't wait.
    let [rule, route] = foreign_objects("new", "newer");
    let naive = || {
        shop.mesh.api().apply(&route, "helm");
        shop.caller.request(Method::GET, "http://cart/").becomes(503);
        shop.mesh.api().apply(&rule, "helm");
    };
    assert_ne!(shop.failures_during(naive, 400), Vec::<String>::new(), "a naive order loses requests");
    shop.workspace.destroy().expect_success();
}

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn no_request_fails_while_routes_are_taken_over() {
    let _turn = take_turn();
    let shop = Shop::start();
    let api = shop.mesh.api();
    let apply_theirs = || foreign_objects("blue", "green").iter().for_each(|object| api.apply(object, "helm"));
    apply_theirs();
    let replaces = "replaces = [\"VirtualService/theirs\", \"DestinationRule/theirs\"]";
    let adoption = || shop.apply(&[("v1", "1", 50), ("v2", "2", 50)], replaces);
    assert_eq!(shop.failures_during(adoption, REQUESTS), Vec::<String>::new());
    assert!(api.get(&Shop::key(&kind::VIRTUAL_SERVICE, "theirs")).is_none());

    // Negative control: the rule goes before the route that names its subsets.
    shop.workspace.destroy().expect_success();
    apply_theirs();
    let naive = || {
        api.delete(&Shop::key(&kind::DESTINATION_RULE, "theirs"));
        shop.caller.request(Method::GET, "http://cart/").becomes(503);
        api.delete(&Shop::key(&kind::VIRTUAL_SERVICE, "theirs"));
    };
    assert_ne!(shop.failures_during(naive, 400), Vec::<String>::new(), "a naive order loses requests");
}
