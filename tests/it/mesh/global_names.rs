//! Global names: who reaches the service by them, and on which ports.

use std::{net::Ipv4Addr, time::Duration};

use http::Method;
use serde_json::json;

use super::wrong_rendering::{WrongRendering, remove, repair};
use crate::support::{
    mesh::{Mesh, Workload, start_all},
    polling::wait_until,
    proxy::Proxy,
    terraform::Workspace,
};

use Caller::{Audit, Checkout, Neighbour, Report};

/// The workloads that send requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    /// It is in another namespace than the service, and may call.
    Checkout,
    /// It is in the namespace of the service, and may call.
    Neighbour,
    /// It is in the namespace of a caller, and may not call.
    Audit,
    /// It is in a namespace that doesn't see the name.
    Report,
}

/// Who calls what: `GET` or `GRPC` and a URL, or a host and a port for a line by TCP.
type Call = (Caller, &'static str);

const HTTP: Call = (Checkout, "GET http://payments.example.internal:8080/charges");
const PORT_80: Call = (Checkout, "GET http://payments.example.internal/charges");
const GRPC: Call = (Checkout, "GRPC http://payments.example.internal:9090/payments.Charges/Get");
const TCP: Call = (Checkout, "payments.example.internal:9000");
const CLUSTER_NAME: Call = (Checkout, "GET http://payments.pci:8080/charges");
const NEAR_HTTP: Call = (Neighbour, "GET http://payments.example.internal:8080/charges");
const REFUSED_HTTP: Call = (Audit, "GET http://payments.example.internal:8080/charges");
const REFUSED_GRPC: Call = (Audit, "GRPC http://payments.example.internal:9090/payments.Charges/Get");
const REFUSED_TCP: Call = (Audit, "payments.example.internal:9000");
const HIDDEN_HTTP: Call = (Report, "GET http://payments.example.internal:8080/charges");
const HIDDEN_TCP: Call = (Report, "payments.example.internal:9000");

/// What each call gets: a status code, 0 without a response, and 200 for a line that is answered.
const ANSWERS: &[(Call, u16)] = &[
    (HTTP, 200),
    (PORT_80, 200),
    (GRPC, 200),
    (TCP, 200),
    (CLUSTER_NAME, 200),
    (NEAR_HTTP, 200),
    (REFUSED_HTTP, 403),
    (REFUSED_GRPC, 403),
    (REFUSED_TCP, 0),
    // The name is unknown.
    (HIDDEN_HTTP, 0),
    (HIDDEN_TCP, 0),
];

/// The service and its callers.
struct Payments {
    checkout: Workload,
    neighbour: Workload,
    audit: Workload,
    report: Workload,
    service: Workload,
    workspace: Workspace,
    proxy: Proxy,
    mesh: Mesh,
}

impl Payments {
    fn start() -> Self {
        let mesh = Mesh::start(&json!({}));
        mesh.create_namespaces(["pci", "shop", "reports"]);
        let (workspace, proxy) = mesh.workspace_with_proxy();
        configure(&workspace, "global_name = \"payments.example.internal\"");
        let [checkout, neighbour, audit, report, service] = start_all([
            mesh.workload("shop", "checkout"),
            mesh.workload("pci", "neighbour"),
            mesh.workload("shop", "audit"),
            mesh.workload("reports", "report"),
            mesh.workload("pci", "payments").port(8080).port(9090).tcp_port(9000),
        ]);
        Self { checkout, neighbour, audit, report, service, workspace, proxy, mesh }
    }

    fn caller(&self, caller: Caller) -> &Workload {
        match caller {
            Checkout => &self.checkout,
            Neighbour => &self.neighbour,
            Audit => &self.audit,
            Report => &self.report,
        }
    }

    /// Sends a call once.
    fn send(&self, (caller, target): Call) -> u16 {
        let workload = self.caller(caller);
        let Some((protocol, url)) = target.split_once(' ') else {
            let answer = workload.send_line(target, "ping");
            return if answer == Ok(format!("{}: ping", self.service.pod())) { 200 } else { 0 };
        };
        let answer = if protocol == "GRPC" {
            workload.request(Method::POST, url).header("content-type", "application/grpc").http2().send()
        } else {
            workload.get(url)
        };
        if answer.served_by().is_none() {
            // Refused calls by gRPC have the status 7, `PERMISSION_DENIED`.
            return if answer.header("grpc-status") == Some("7") { 403 } else { answer.code() };
        }
        assert_eq!(answer.served_by(), Some(self.service.pod()));
        assert_eq!(answer.identity(), Some(workload.identity()));
        if protocol == "GRPC" && answer.received()["version"] != "HTTP/2.0" { 505 } else { answer.code() }
    }

    /// Repeats a call until it gets this answer twice in a row.
    #[track_caller]
    fn becomes(&self, call: Call, code: u16) {
        let (mut in_a_row, mut last) = (0, 0);
        let expectation = format!("{call:?} gets {code}");
        wait_until(Duration::from_secs(30), &expectation, || {
            last = self.send(call);
            in_a_row = if last == code { in_a_row + 1 } else { 0 };
            in_a_row == 2
        });
    }

    /// The answers of the scenario, except for the calls that `differing` has.
    #[track_caller]
    fn assert_answers(&self, differing: &[(Call, u16)]) {
        for (call, code) in ANSWERS {
            let changed = differing.iter().find(|(other, _)| other == call);
            self.becomes(*call, changed.map_or(*code, |(_, code)| *code));
        }
    }
}

/// Applies the service with `arguments`.
fn configure(workspace: &Workspace, arguments: &str) {
    workspace.configure(&format!(
        r#"
provider "mesh" {{
  owner = "tests/global-names"
  installed {{
    dns_capture = true
  }}
}}
resource "mesh_global_defaults" "this" {{
  mtls {{}}
}}
resource "mesh_service" "payments" {{
  name      = "payments"
  namespace = "pci"
  service   = "managed"
  {arguments}
  port {{
    number   = 8080
    protocol = "http"
  }}
  port {{
    number   = 9000
    protocol = "tcp"
  }}
  port {{
    number   = 9090
    protocol = "grpc"
  }}
  allow {{
    from = ["shop/checkout", "neighbour"]
  }}
}}
"#
    ));
    workspace.converge();
}

const ENTRY: &str = "ServiceEntry/pci/payments-pci";
const ROUTES: &str = "VirtualService/pci/payments-pci";

/// What the scenario's calls get from each.
const WRONG_RENDERINGS: &[WrongRendering<(Call, u16)>] = &[
    WrongRendering {
        name: "every namespace sees the name",
        object: ENTRY,
        change: |object| object["spec"]["exportTo"] = json!(["*"]),
        noticed_by: (HIDDEN_HTTP, 403),
    },
    WrongRendering {
        name: "the namespaces of callers don't see the name",
        object: ENTRY,
        change: |object| object["spec"]["exportTo"] = json!(["."]),
        noticed_by: (HTTP, 0),
    },
    WrongRendering {
        name: "the name has no address",
        object: ENTRY,
        change: |object| object["spec"]["resolution"] = json!("NONE"),
        noticed_by: (HTTP, 0),
    },
    WrongRendering {
        name: "port 80 is forgotten",
        object: ENTRY,
        change: |object| object["spec"]["ports"].as_array_mut().expect("ports").retain(|port| port["number"] != 80),
        noticed_by: (PORT_80, 0),
    },
    WrongRendering {
        name: "the routes don't have the name",
        object: ROUTES,
        change: |object| object["spec"]["hosts"] = json!(["payments.pci.svc.cluster.local"]),
        noticed_by: (HTTP, 503),
    },
    WrongRendering {
        name: "the TCP port has no route",
        object: ROUTES,
        change: |object| remove(&mut object["spec"], "tcp"),
        noticed_by: (TCP, 0),
    },
    WrongRendering {
        name: "requests go to the port that was called",
        object: ROUTES,
        change: |object| {
            for route in object["spec"]["http"].as_array_mut().expect("routes") {
                remove(&mut route["route"][0]["destination"], "port");
            }
        },
        noticed_by: (PORT_80, 503),
    },
    WrongRendering {
        name: "the Service's port of gRPC is one of HTTP",
        object: "Service/pci/payments",
        change: |object| {
            for port in object["spec"]["ports"].as_array_mut().expect("ports") {
                if port["port"] == 9090 {
                    port["name"] = json!("http-9090");
                    remove(port, "appProtocol");
                }
            }
        },
        // The application gets HTTP/1.1.
        noticed_by: (GRPC, 505),
    },
];

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn callers_reach_the_service_by_its_global_name() {
    let payments = Payments::start();
    let Payments { mesh, workspace, checkout, report, service, .. } = &payments;
    payments.assert_answers(&[]);

    // A caller that doesn't see the name has no address to send anything to. With an address from elsewhere, its requests on HTTP
    // ports of the Service still go over mutual TLS. Negative control: those on other ports leave in clear text.
    let failed = report.get("http://payments.example.internal:8080/charges");
    assert!(failed.body().ends_with("has no address"), "{failed}");
    let capture = mesh.capture();
    let request = |caller: &Workload, port: u16, address: Option<Ipv4Addr>, token: &str| {
        let url = format!("http://payments.example.internal:{port}/");
        let request = caller.request(Method::GET, &url).header("authorization", token);
        let request = if let Some(address) = address { request.connect_to((address, port)) } else { request };
        request.send().code()
    };
    assert_eq!(request(checkout, 80, None, "by-checkout"), 200);
    assert_eq!(request(report, 8080, None, "without-address"), 0);
    assert_eq!(request(report, 8080, Some(service.address()), "on-http-port"), 403);
    assert_eq!(request(report, 80, Some(service.address()), "on-port-80"), 0);
    let traffic = capture.stop();
    for token in ["by-checkout", "without-address", "on-http-port"] {
        assert!(!traffic.contains(token), "{token}");
    }
    assert!(traffic.contains("on-port-80"));

    for wrong in WRONG_RENDERINGS {
        wrong.apply(mesh, &payments.proxy, workspace);
        let (call, code) = wrong.noticed_by;
        assert!(ANSWERS.iter().any(|(other, right)| *other == call && *right != code), "{}", wrong.name);
        payments.becomes(call, code);
    }
    repair(&payments.proxy, workspace);
    payments.assert_answers(&[]);

    // Seen by every namespace, calls of others are refused by the policy.
    configure(workspace, "global_name = \"payments.example.internal\"\n  export_to = [\"*\"]");
    payments.assert_answers(&[(HIDDEN_HTTP, 403)]);
    // Removed, the name is gone, and the service isn't.
    configure(workspace, "");
    let gone = [HTTP, PORT_80, GRPC, TCP, NEAR_HTTP, REFUSED_HTTP, REFUSED_GRPC];
    payments.assert_answers(&gone.map(|call| (call, 0)));
    workspace.destroy().expect_success();
}
