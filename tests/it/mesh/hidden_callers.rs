//! Callers that a service doesn't allow: policies refuse them over mutual TLS, since their proxies know the service.

use std::net::Ipv4Addr;

use http::Method;
use serde_json::json;
use terraform_provider_mesh::object::{Key, kind};

use crate::support::mesh::{Mesh, Traffic, Workload, start_all};

/// Without REGISTRY_ONLY, a sidecar that doesn't know a service passes requests to it on as they are: in clear text.
#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn callers_that_are_not_allowed_send_no_clear_text() {
    let mesh = Mesh::start(&json!({ "outboundTrafficPolicy": { "mode": "ALLOW_ANY" } }));
    mesh.create_namespaces(["shop", "reporting"]);
    let workspace = mesh.workspace();
    let configure = |export_to: &str| {
        workspace.configure(&format!(
            r#"
            provider "mesh" {{
              owner = "tests/visibility"
            }}
            resource "mesh_service" "cart" {{
              name      = "cart"
              namespace = "shop"
              service   = "managed"
              {export_to}
              port {{
                number      = 80
                protocol    = "http"
                target_port = 8080
              }}
              allow {{
                from = ["checkout"]
              }}
            }}
            "#
        ));
        workspace.apply().expect_success();
    };
    configure("");
    let [cart, checkout, report] = start_all([
        mesh.workload("shop", "cart"),
        mesh.workload("shop", "checkout"),
        mesh.workload("reporting", "report"),
    ]);
    let service = mesh.api().get_existing(&Key::new(&kind::SERVICE, "shop", "cart"));
    let address: Ipv4Addr = service["spec"]["clusterIP"].as_str().expect("an address").parse().expect("an address");
    report.forward_service((address, 80), (cart.address(), 8080));
    checkout.request(Method::GET, "http://cart/").becomes(200);

    let request = report.request(Method::GET, "http://cart.shop/").header("authorization", "token-of-report");
    let request = request.connect_to((address, 80));
    let traffic_of_report = |code: u16| -> Traffic {
        request.becomes(code);
        let capture = mesh.capture();
        request.becomes(code);
        capture.stop()
    };
    let traffic = traffic_of_report(403);
    assert!(!traffic.contains("token-of-report"), "the token can be read on the wire");
    assert!(traffic.tls_segments(report.address(), cart.address()) > 0);

    // Negative control: hidden from the caller, the service gets the same request in clear text.
    configure("export_to = [\".\"]");
    let hidden = |report: &Workload| report.config_dump().to_string().contains("cart.shop.svc.cluster.local");
    crate::support::polling::wait_until(std::time::Duration::from_secs(30), "the service is hidden", || {
        !hidden(&report)
    });
    let traffic = traffic_of_report(403);
    assert!(traffic.contains("token-of-report"));
    assert!(traffic.clear_text_segments(report.address(), cart.address()) > 0);
}
