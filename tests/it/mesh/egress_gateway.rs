//! Egress gateways: everything that is for a host leaves through the gateway, and only callers that see the host get through.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value as Json, json};

use super::wrong_rendering::{WrongRendering, apply_wrong_rendering, remove, repair};
use crate::support::{
    mesh::{Certificate, Mesh, TlsVersion, Workload, start_all, take_turn},
    polling::wait_until,
    proxy::Proxy,
    terraform::Workspace,
};

use Caller::{Checkout, Report};
use Way::{Around, Refused, Through};

/// The workloads that call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    /// Its Sidecar lists the hosts.
    Checkout,
    /// It is in a namespace to which nothing is exported.
    Report,
}

/// Who calls what: the name of a protocol and a URL, or a host and a port for a line by TCP.
type Call = (Caller, &'static str);

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The host answers, and the gateway has connected to it.
    Through,
    /// The caller itself has connected to the host.
    Around,
    /// A proxy answers with this status, or 0 if nothing does.
    Refused(u16),
}

const ORIGINATED: Call = (Checkout, "GET http://api.partner.example/");
const PASSED_THROUGH: Call = (Checkout, "TLS https://api.partner.example/");
const GRPC: Call = (Checkout, "GRPC http://grpc.partner.example:9090/orders.Orders/Get");
const DATABASE: Call = (Checkout, "db.partner.example:5432");
const WITHOUT_GATEWAY: Call = (Checkout, "GET http://direct.partner.example/");
const HIDDEN: Call = (Report, "GET http://api.partner.example/");

/// What becomes of each call.
const WAYS: &[(Call, Way)] = &[
    (ORIGINATED, Through),
    (PASSED_THROUGH, Through),
    (GRPC, Through),
    (DATABASE, Through),
    (WITHOUT_GATEWAY, Around),
    // The host is unknown on the port.
    (HIDDEN, Refused(0)),
];

struct Egress {
    checkout: Workload,
    report: Workload,
    gateway: Workload,
    server: Workload,
    certificate: Certificate,
    /// Path of the authority of `certificate`.
    authority: String,
    workspace: Workspace,
    proxy: Proxy,
    mesh: Mesh,
}

impl Egress {
    fn start() -> Self {
        let mesh = Mesh::start(&json!({}));
        mesh.create_namespaces(["shop", "reports", "egress", "outside"]);
        let (workspace, proxy) = mesh.workspace_with_proxy();
        // The pods listen on another port than the Service has.
        mesh.service("egress", "egressgateway", &[("tls", 443, 8443)]);
        let certificate = Certificate::of_hosts(&["*.partner.example"]);
        let authority = mesh.mounted_file("partner.crt", &certificate.authority);
        let server = mesh
            .workload("outside", "partner")
            .without_sidecar()
            .port(80)
            .port(9090)
            .https_port(443, &certificate, None)
            .tcp_port(5432)
            .start();
        mesh.add_names(&[("*.partner.example", server.address())]);
        workspace.configure(&configuration(&authority, GATEWAY));
        workspace.converge();
        let [checkout, report, gateway] = start_all([
            mesh.workload("shop", "checkout"),
            mesh.workload("reports", "report"),
            mesh.workload("egress", "egressgateway").gateway(),
        ]);
        Self { checkout, report, gateway, server, certificate, authority, workspace, proxy, mesh }
    }

    /// Sends a call once.
    fn send(&self, (caller, target): Call) -> Way {
        let caller = match caller {
            Checkout => &self.checkout,
            Report => &self.report,
        };
        let capture = self.mesh.capture();
        let answered = match target.split_once(' ') {
            None => caller.send_line(target, "ping").map(|_| ()).map_err(|_| 0),
            Some((protocol, url)) => {
                let request = match protocol {
                    "GRPC" => caller.request(Method::POST, url).header("content-type", "application/grpc").http2(),
                    "TLS" => caller.request(Method::GET, url).tls(&self.certificate, TlsVersion::Tls13),
                    _ => caller.request(Method::GET, url),
                };
                let answer = request.send();
                match answer.served_by() {
                    Some(pod) if pod == self.server.pod() => {
                        let is_http2 = answer.received()["version"] == "HTTP/2.0";
                        if is_http2 == (protocol == "GRPC") { Ok(()) } else { Err(505) }
                    }
                    _ => Err(answer.code()),
                }
            }
        };
        let traffic = capture.stop();
        let segments = |from: &Workload| traffic.segments(from.address(), self.server.address());
        match answered {
            _ if segments(caller) > 0 => Around,
            Ok(()) => {
                assert!(segments(&self.gateway) > 0, "{target} arrives on some way");
                // The caller and the gateway speak TLS.
                assert_eq!(traffic.clear_text_segments(caller.address(), self.gateway.address()), 0, "{target}");
                Through
            }
            Err(code) => Refused(code),
        }
    }

    /// Repeats a call until this becomes of it twice in a row.
    #[track_caller]
    fn becomes(&self, call: Call, way: Way) {
        let deadline = Instant::now() + Duration::from_mins(1);
        let mut in_a_row = 0;
        while in_a_row < 2 {
            let observed = self.send(call);
            in_a_row = if observed == way { in_a_row + 1 } else { 0 };
            assert!(
                Instant::now() < deadline,
                "{call:?} should be {way:?}, and is {observed:?}. The gateway's log:\n{}",
                self.gateway.access_log()
            );
        }
    }

    #[track_caller]
    fn assert_ways(&self) {
        for (call, way) in WAYS {
            self.becomes(*call, *way);
        }
    }

    /// Applies the hosts with or without the gateway.
    fn configure(&self, gateway: &str) {
        self.workspace.configure(&configuration(&self.authority, gateway));
        self.workspace.converge();
    }
}

const GATEWAY: &str = "egress_gateway {\n    namespace = \"egress\"\n    service = \"egressgateway\"\n  }";

/// The external services; `gateway` is the block of all but one.
fn configuration(authority: &str, gateway: &str) -> String {
    let external = |name: &str, arguments: &str| {
        format!(
            "resource \"mesh_external_service\" \"{name}\" {{\n  host = \"{name}.partner.example\"\n  export_to = \
             [\"shop\"]\n  {arguments}\n}}\n"
        )
    };
    let port = |number: u16, protocol: &str| {
        format!("port {{\n    number = {number}\n    protocol = \"{protocol}\"\n  }}\n  {gateway}")
    };
    let services = [
        external("api", &format!("tls = \"originate\"\n  tls_settings {{\n    ca = {authority:?}\n  }}\n  {gateway}")),
        external("grpc", &format!("tls = \"none\"\n  {}", port(9090, "grpc"))),
        external("db", &port(5432, "tcp")),
        external("direct", "tls = \"none\""),
    ];
    format!(
        r#"
provider "mesh" {{
  owner = "tests/egress-gateway"
  installed {{
    outbound_traffic_policy = "registry_only"
    dns_capture             = true
  }}
}}
resource "mesh_global_defaults" "this" {{
  outbound_traffic_policy = "registry_only"
  authorization {{
    mode = "enforce"
  }}
  mtls {{}}
}}
resource "mesh_service" "checkout" {{
  name      = "checkout"
  namespace = "shop"
  service   = "none"
  calls     = ["api.partner.example", "grpc.partner.example", "db.partner.example", "direct.partner.example"]
}}
{}"#,
        services.concat()
    )
}

const SUBSETS: &str = "DestinationRule/egress/api-partner-example-egress-gateway";

/// The settings of the connections to the gateway for a subset.
fn port_policy(rule: &mut Json) -> &mut Json {
    &mut rule["spec"]["subsets"][0]["trafficPolicy"]["portLevelSettings"][0]
}

/// What the scenario's calls get from each.
const WRONG_RENDERINGS: &[WrongRendering<(Call, Way)>] = &[
    WrongRendering {
        name: "callers don't see the routes to the gateway",
        object: "VirtualService/istio-system/api-partner-example",
        change: |routes| routes["spec"]["exportTo"] = json!(["reports"]),
        noticed_by: (PASSED_THROUGH, Around),
    },
    WrongRendering {
        name: "the host is exported to more namespaces than the routes",
        object: "ServiceEntry/istio-system/api-partner-example",
        change: |entry| entry["spec"]["exportTo"] = json!(["*"]),
        noticed_by: (HIDDEN, Around),
    },
    WrongRendering {
        name: "the gateway's policy admits another namespace",
        object: "AuthorizationPolicy/egress/api-partner-example-egress",
        change: |policy| {
            for rule in policy["spec"]["rules"].as_array_mut().expect("rules") {
                rule["from"][0]["source"]["namespaces"] = json!(["reports"]);
            }
        },
        noticed_by: (ORIGINATED, Refused(403)),
    },
    WrongRendering {
        name: "the gateway doesn't get the host",
        object: SUBSETS,
        change: |rule| remove(&mut port_policy(rule)["tls"], "sni"),
        noticed_by: (ORIGINATED, Refused(503)),
    },
    WrongRendering {
        name: "the gateway has no route for connections",
        object: "VirtualService/egress/db-partner-example-egress-5432",
        change: |routes| routes["spec"]["hosts"] = json!(["another.example"]),
        noticed_by: (DATABASE, Refused(0)),
    },
];

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn hosts_are_reached_through_the_gateway_alone() {
    let egress = Egress::start();
    let Egress { mesh, workspace, proxy, checkout, .. } = &egress;
    egress.assert_ways();

    for wrong in WRONG_RENDERINGS {
        wrong.apply(mesh, proxy, workspace);
        let (call, way) = wrong.noticed_by;
        assert!(WAYS.iter().any(|(other, right)| *other == call && *right != way), "{}", wrong.name);
        egress.becomes(call, way);
    }
    repair(proxy, workspace);
    egress.assert_ways();

    // Requests of gRPC are HTTP/2 on the way to the gateway as well: HTTP/1.1 has no trailers for their status.
    let arrives = |version: &str| egress.gateway.access_log().contains(&format!("/orders.Orders/Get {version}\""));
    wait_until(Duration::from_secs(10), "the gateway logs a request by HTTP/2", || arrives("HTTP/2"));
    assert!(!arrives("HTTP/1.1"));
    let rule = "DestinationRule/egress/grpc-partner-example-egress-gateway";
    apply_wrong_rendering((mesh, proxy, workspace), rule, |rule| remove(port_policy(rule), "connectionPool"));
    wait_until(Duration::from_secs(30), "the version of HTTP is that of the gateway's port", || {
        egress.send(GRPC);
        arrives("HTTP/1.1")
    });
    repair(proxy, workspace);
    egress.assert_ways();

    // No request fails while the gateway goes and comes. Without it, callers connect themselves.
    let _turn = take_turn();
    let load = checkout.request(Method::GET, "http://api.partner.example/").load(100);
    egress.configure("");
    for call in [ORIGINATED, PASSED_THROUGH, DATABASE] {
        egress.becomes(call, Around);
    }
    egress.configure(GATEWAY);
    egress.assert_ways();
    load.stop().assert_no_failure(250);
    workspace.destroy().expect_success();
}
