//! The way to services outside of the mesh: TCP hosts by name, addresses without a host, the resolutions, and how long connections
//! live.

use std::{net::Ipv4Addr, time::Duration};

use http::Method;
use serde_json::{Value as Json, json};

use super::wrong_rendering::{WrongRendering, remove, repair};
use crate::support::{
    mesh::{Certificate, Mesh, Workload, start_all},
    polling::wait_until,
    proxy::Proxy,
    terraform::Workspace,
};

use Caller::{Checkout, Report};
use Server::{Appliance, Front, Orders, Users};

/// The workloads that call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    /// Its Sidecar lists the hosts, apart from one of them.
    Checkout,
    /// It is in a namespace to which nothing is exported.
    Report,
}

/// The servers outside of the mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Server {
    /// A database.
    Orders,
    /// Another database on the same port.
    Users,
    /// It has no name.
    Appliance,
    /// A server of HTTP.
    Front,
}

/// Who calls what: a URL, or a host and a port for a line by TCP, or only a port of the appliance.
type Call = (Caller, &'static str);

const ORDERS: Call = (Checkout, "orders.db.example:5432");
const USERS: Call = (Checkout, "users.db.example:5432");
const UNDECLARED: Call = (Checkout, "other.db.example:5432");
const UNLISTED: Call = (Checkout, "unlisted.db.example:5432");
const HIDDEN: Call = (Report, "orders.db.example:5432");
const APPLIANCE: Call = (Checkout, "appliance:7000");
const BESIDE_APPLIANCE: Call = (Checkout, "front:7000");
const HIDDEN_APPLIANCE: Call = (Report, "appliance:7000");
const ROUND_ROBIN: Call = (Checkout, "http://robin.front.example/");
const NAMED_ENDPOINT: Call = (Checkout, "http://any.shops.example/");
const DYNAMIC: Call = (Checkout, "http://any.dynamic.example/");
const DYNAMIC_ORIGINATED: Call = (Checkout, "http://any.secure.example/");
const DYNAMIC_WRONG_NAME: Call = (Checkout, "http://any.stolen.example/");

/// Calls of which the proxy looks up the host.
const DYNAMIC_CALLS: [Call; 3] = [DYNAMIC, DYNAMIC_ORIGINATED, DYNAMIC_WRONG_NAME];

/// Which server answers each call, if any does.
const ANSWERS: &[(Call, Option<Server>)] = &[
    (ORDERS, Some(Orders)),
    (USERS, Some(Users)),
    (UNDECLARED, None),
    (UNLISTED, None),
    (HIDDEN, None),
    (APPLIANCE, Some(Appliance)),
    (BESIDE_APPLIANCE, None),
    (HIDDEN_APPLIANCE, None),
    (ROUND_ROBIN, Some(Front)),
    (NAMED_ENDPOINT, Some(Front)),
    (DYNAMIC, Some(Front)),
    (DYNAMIC_ORIGINATED, Some(Front)),
    // The server's certificate has another name.
    (DYNAMIC_WRONG_NAME, None),
];

struct Scenario {
    checkout: Workload,
    report: Workload,
    servers: [Workload; 4],
    /// Path of the authority of the servers' certificate.
    authority: String,
    workspace: Workspace,
    proxy: Proxy,
    mesh: Mesh,
}

impl Scenario {
    fn start() -> Self {
        let mesh = Mesh::start(&json!({}));
        mesh.create_namespaces(["shop", "reports", "outside"]);
        let (workspace, proxy) = mesh.workspace_with_proxy();
        let certificate = Certificate::of_hosts(&["*.secure.example"]);
        let authority = mesh.mounted_file("authority.crt", &certificate.authority);
        let server = |name: &str| mesh.workload("outside", name).without_sidecar();
        let servers = start_all([
            server("orders").tcp_port(5432),
            server("users").tcp_port(5432),
            server("appliance").tcp_port(7000),
            server("front").port(80).https_port(443, &certificate, None).tcp_port(7000).tcp_port(5432),
        ]);
        let [orders, users, appliance, front] = servers.each_ref().map(Workload::address);
        // Names that applications look up for proxies to go elsewhere have an address where nothing is.
        let nowhere = Ipv4Addr::new(203, 0, 113, 9);
        mesh.add_names(&[
            ("orders.db.example", orders),
            ("users.db.example", users),
            ("*.db.example", front),
            ("robin.front.example", front),
            ("eu.front.example", front),
            ("*.shops.example", nowhere),
            ("*.dynamic.example", front),
            ("*.secure.example", front),
            ("*.stolen.example", front),
        ]);
        workspace.configure(&configuration(appliance, &authority, ""));
        workspace.converge();
        let [checkout, report] = start_all([mesh.workload("shop", "checkout"), mesh.workload("reports", "report")]);
        Self { checkout, report, servers, authority, workspace, proxy, mesh }
    }

    fn server(&self, server: Server) -> &Workload {
        let [orders, users, appliance, front] = &self.servers;
        match server {
            Orders => orders,
            Users => users,
            Appliance => appliance,
            Front => front,
        }
    }

    /// Sends a call once, and returns the server that answers.
    fn send(&self, call: Call) -> Option<Server> {
        let (caller, target) = call;
        let caller = match caller {
            Checkout => &self.checkout,
            Report => &self.report,
        };
        let answered_by = if target.starts_with("http") {
            let mut request = caller.request(Method::GET, target);
            if DYNAMIC_CALLS.contains(&call) {
                // The proxy doesn't go by the address of the application.
                request = request.connect_to((self.server(Users).address(), 80));
            }
            request.send().served_by().map(str::to_owned)
        } else {
            let address = |server| format!("{}:7000", self.server(server).address());
            let authority = match target {
                "appliance:7000" => address(Appliance),
                "front:7000" => address(Front),
                name => name.to_owned(),
            };
            let answer = caller.send_line(&authority, "ping").ok();
            answer.and_then(|line| line.split_once(": ").map(|(pod, _)| pod.to_owned()))
        };
        let pod = answered_by?;
        let server = [Orders, Users, Appliance, Front].into_iter().find(|server| self.server(*server).pod() == pod);
        assert!(server.is_some(), "{target} is answered by {pod}");
        server
    }

    /// Repeats a call until this server answers it twice in a row, or none does.
    #[track_caller]
    fn becomes(&self, call: Call, server: Option<Server>) {
        let mut in_a_row = 0;
        wait_until(Duration::from_secs(30), &format!("{call:?} is answered by {server:?}"), || {
            in_a_row = if self.send(call) == server { in_a_row + 1 } else { 0 };
            in_a_row == 2
        });
    }

    #[track_caller]
    fn assert_answers(&self) {
        for (call, server) in ANSWERS {
            self.becomes(*call, *server);
        }
    }

    /// The connections of checkout's proxy to a host (`cx_total` or `cx_active`).
    fn connections(&self, counter: &str) -> u64 {
        let clusters: Json = serde_json::from_str(&self.checkout.envoy("/clusters?format=json")).expect("JSON");
        let clusters = clusters["cluster_statuses"].as_array().cloned().unwrap_or_default();
        let cluster = clusters.iter().find(|cluster| cluster["name"] == "outbound|80||robin.front.example");
        let hosts = cluster.expect("the cluster")["host_statuses"].as_array().cloned().unwrap_or_default();
        let stats = hosts.iter().flat_map(|host| host["stats"].as_array().cloned().unwrap_or_default());
        let stats = stats.filter(|stat| stat["name"] == counter);
        // Zero is left out.
        stats.map(|stat| stat["value"].as_str().unwrap_or("0").parse::<u64>().expect("a number")).sum()
    }
}

/// The external services; `connections` is an argument of one host.
fn configuration(appliance: Ipv4Addr, authority: &str, connections: &str) -> String {
    let external = |name: &str, arguments: &str| {
        format!("resource \"mesh_external_service\" \"{name}\" {{\n  export_to = [\"shop\"]\n  {arguments}\n}}\n")
    };
    let port = |number: u16| format!("port {{\n    number = {number}\n    protocol = \"tcp\"\n  }}");
    let database = |name: &str| external(name, &format!("host = \"{name}.db.example\"\n  {}", port(5432)));
    let secure = |name: &str| {
        let settings = format!("tls = \"originate\"\n  tls_settings {{\n    ca = {authority:?}\n  }}");
        external(name, &format!("host = \"*.{name}.example\"\n  resolution = \"dynamic_dns\"\n  {settings}"))
    };
    let services = [
        database("orders"),
        database("users"),
        database("unlisted"),
        external("appliance", &format!("name = \"appliance\"\n  addresses = [\"{appliance}/32\"]\n  {}", port(7000))),
        external(
            "robin",
            &format!(
                "host = \"robin.front.example\"\n  tls = \"none\"\n  resolution = \"dns_round_robin\"\n  {connections}"
            ),
        ),
        external(
            "shops",
            "host = \"*.shops.example\"\n  tls = \"none\"\n  endpoint {\n    address = \"eu.front.example\"\n  }",
        ),
        secure("secure"),
        secure("stolen"),
        external("dynamic", "host = \"*.dynamic.example\"\n  tls = \"none\"\n  resolution = \"dynamic_dns\""),
    ];
    format!(
        r#"
provider "mesh" {{
  owner = "tests/external-addresses"
  installed {{
    outbound_traffic_policy = "registry_only"
    dns_capture             = true
  }}
}}
resource "mesh_global_defaults" "this" {{
  outbound_traffic_policy = "registry_only"
}}
resource "mesh_service" "checkout" {{
  name      = "checkout"
  namespace = "shop"
  service   = "none"
  calls = [
    "orders.db.example", "users.db.example", "appliance.addresses.invalid", "robin.front.example", "*.shops.example",
    "*.dynamic.example", "*.secure.example", "*.stolen.example"
  ]
}}
{}"#,
        services.concat()
    )
}

const ORDERS_ENTRY: &str = "ServiceEntry/istio-system/orders-db-example";
const APPLIANCE_ENTRY: &str = "ServiceEntry/istio-system/appliance";

/// What the scenario's calls get from each.
const WRONG_RENDERINGS: &[WrongRendering<(Call, Option<Server>)>] = &[
    WrongRendering {
        name: "Istio allocates no address, and the port is taken for every destination",
        object: ORDERS_ENTRY,
        change: |entry| entry["spec"]["resolution"] = json!("NONE"),
        noticed_by: (UNDECLARED, Some(Front)),
    },
    WrongRendering {
        name: "every namespace sees the host",
        object: ORDERS_ENTRY,
        change: |entry| entry["spec"]["exportTo"] = json!(["*"]),
        noticed_by: (HIDDEN, Some(Orders)),
    },
    WrongRendering {
        name: "the address is forgotten",
        object: APPLIANCE_ENTRY,
        change: |entry| remove(&mut entry["spec"], "addresses"),
        noticed_by: (BESIDE_APPLIANCE, Some(Front)),
    },
    WrongRendering {
        name: "the Sidecar lists every host",
        object: "Sidecar/shop/checkout-shop",
        change: |sidecar| sidecar["spec"]["egress"][0]["hosts"] = json!(["*/*"]),
        noticed_by: (UNLISTED, Some(Front)),
    },
    WrongRendering {
        name: "proxies look the host up in place of the endpoint",
        object: "ServiceEntry/istio-system/wildcard-shops-example",
        change: |entry| {
            remove(&mut entry["spec"], "endpoints");
            entry["spec"]["resolution"] = json!("NONE");
        },
        noticed_by: (NAMED_ENDPOINT, None),
    },
    WrongRendering {
        name: "proxies go where the application wants to",
        object: "ServiceEntry/istio-system/wildcard-dynamic-example",
        change: |entry| entry["spec"]["resolution"] = json!("NONE"),
        noticed_by: (DYNAMIC, None),
    },
];

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn hosts_are_reached_by_names_and_addresses() {
    let scenario = Scenario::start();
    let Scenario { mesh, workspace, checkout, .. } = &scenario;
    scenario.assert_answers();

    for wrong in WRONG_RENDERINGS {
        wrong.apply(mesh, &scenario.proxy, workspace);
        let (call, server) = wrong.noticed_by;
        assert!(ANSWERS.iter().any(|(other, right)| *other == call && *right != server), "{}", wrong.name);
        scenario.becomes(call, server);
    }
    repair(&scenario.proxy, workspace);
    scenario.assert_answers();

    // Without a block, requests share one connection that stays open, and speak what the application does.
    let front = |arguments: &str| {
        workspace.configure(&configuration(scenario.server(Appliance).address(), &scenario.authority, arguments));
        workspace.converge();
    };
    let send = || checkout.get("http://robin.front.example/").received()["version"].clone();
    let before = scenario.connections("cx_total");
    for _ in 0..5 {
        assert_eq!(send(), "HTTP/1.1");
    }
    assert!(scenario.connections("cx_total") <= before + 1);
    assert_eq!(scenario.connections("cx_active"), 1);

    front("connections {\n    max_requests_per_connection = 1\n  }");
    wait_until(Duration::from_secs(30), "each request has a connection of its own", || {
        let before = scenario.connections("cx_total");
        send();
        send();
        scenario.connections("cx_total") == before + 2
    });
    front("connections {\n    idle_timeout = \"1s\"\n    http2 = true\n  }");
    wait_until(Duration::from_secs(30), "requests go over HTTP/2", || send() == "HTTP/2.0");
    wait_until(Duration::from_secs(30), "connections that are idle are closed", || {
        scenario.connections("cx_total") > 0 && scenario.connections("cx_active") == 0
    });
    front("connections {\n    keepalive {\n      time = \"30s\"\n    }\n  }");
    wait_until(Duration::from_secs(30), "sockets have keepalive", || {
        checkout.config_dump().to_string().contains("\"keepalive_time\":30")
    });
    workspace.destroy().expect_success();
}
