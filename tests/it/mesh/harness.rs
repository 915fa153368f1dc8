//! The test mesh itself: it shows failures where there are some, so that a scenario without failures means something.

use std::time::Duration;

use http::Method;
use serde_json::json;

use crate::support::{
    mesh::{Behavior, Certificate, Mesh, TlsVersion, Workload, start_all},
    polling::wait_until,
};

#[test]
#[ignore = "needs Linux, root and `make tools`"]
fn mesh_shows_failures() {
    let mesh = Mesh::start(&json!({}));
    mesh.create_namespaces(["shop"]);
    mesh.service("shop", "cart", &[("http", 80, 8080), ("tcp", 5432, 5432)]);
    let [caller, mut cart, second, gateway, outside] = start_all([
        mesh.workload("shop", "caller").service_account("client").locality("eu", "eu-1"),
        mesh.workload("shop", "cart").port(8080).tcp_port(5432),
        mesh.workload("shop", "cart").label("version", "v2").port(8080).tcp_port(5432),
        mesh.workload("shop", "gateway").label("istio", "gateway").gateway(),
        mesh.workload("shop", "outside").without_sidecar(),
    ]);

    // Requests carry identities, and endpoints come and go.
    let request = caller.request(Method::POST, "http://cart/items?all").header("x-test", "1").body("{}");
    let answer = request.becomes(200);
    assert_eq!(answer.identity(), Some("spiffe://cluster.local/ns/shop/sa/client".to_owned()));
    assert_eq!(answer.received_header("x-test").as_deref(), Some("1"));
    assert_eq!(answer.received()["path"], "/items?all");
    second.set_ready(false);
    request.becomes_answer("the first pod", |answer| answer.served_by() == Some(cart.pod()));
    caller.line_is_answered("cart:5432", true);
    assert_eq!(caller.send_line("cart:5432", "ping"), Ok(format!("{}: ping", cart.pod())));

    // The application's behavior, what it received, and what Envoy says of it.
    cart.take_requests();
    cart.behave(Behavior { status: 418, stream: (2, Duration::from_millis(10)), ..Behavior::default() });
    assert!(request.becomes(418).body().ends_with("data: 0\n\ndata: 1\n\n"));
    let received = cart.take_requests();
    assert!(received.len() >= 2, "{received:?}");
    assert_eq!((received[0].method.as_str(), received[0].path.as_str()), ("POST", "/items?all"));
    assert_eq!(received[0].headers["x-test"], "1");
    cart.behave(Behavior { closes_connection: true, ..Behavior::default() });
    assert!(request.becomes(503).served_by().is_none());
    cart.behave(Behavior::default());
    assert!(caller.config_dump().to_string().contains("outbound|80||cart.shop.svc.cluster.local"));
    wait_until(Duration::from_secs(10), "Envoy writes its access log", || cart.access_log().contains("/items?all"));

    // A load counts what fails.
    request.becomes(200);
    let load = request.load(50);
    std::thread::sleep(Duration::from_millis(500));
    cart.stop_application();
    request.becomes(503);
    cart.start_application();
    request.becomes(200);
    caller.line_is_answered("cart:5432", true);
    let report = load.stop();
    assert!(!report.failures().is_empty() && report.codes()[&200] > 0, "{:?}", report.codes());
    assert_eq!(report.servers().keys().collect::<Vec<_>>(), [cart.pod()]);
    let load = request.load(50);
    std::thread::sleep(Duration::from_secs(1));
    load.stop().assert_no_failure(30);

    // A capture sees what travels in clear text, and mutual TLS.
    let capture = mesh.capture();
    let url = format!("http://{}:8080/", cart.address());
    assert_eq!(outside.request(Method::GET, &url).header("authorization", "in-clear").becomes(200).identity(), None);
    caller.request(Method::GET, "http://cart/").header("authorization", "by-mtls").becomes(200);
    let traffic = capture.stop();
    assert!(traffic.contains("in-clear") && traffic.clear_text_segments(outside.address(), cart.address()) > 0);
    assert!(!traffic.contains("by-mtls") && traffic.tls_segments(caller.address(), cart.address()) > 0);
    assert_eq!(traffic.clear_text_segments(caller.address(), cart.address()), 0);

    check_gateway(&mesh, &gateway, &outside);

    // The webhook refuses what Istio can't read, and a configuration that Envoy refuses is noticed.
    let invalid = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": { "name": "invalid", "namespace": "shop" },
        "spec": { "hosts": ["cart"], "http": [{ "route": [{ "destination": { "host": "cart" }, "weight": -5 }] }] },
    });
    let refused = mesh.api().dry_run(&invalid, "tests").expect_err("the webhook refuses it");
    assert!(refused.message.contains("validation.istio.io"), "{refused:?}");
    mesh.assert_sound();
    mesh.api().apply(
        &json!({
            "apiVersion": "networking.istio.io/v1alpha3", "kind": "EnvoyFilter",
            "metadata": { "name": "unknown-extension", "namespace": "shop" },
            "spec": { "configPatches": [{
                "applyTo": "HTTP_FILTER",
                "match": { "context": "SIDECAR_INBOUND" },
                "patch": { "operation": "INSERT_BEFORE", "value": {
                    "name": "unknown", "typed_config": { "@type": "type.googleapis.com/istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig" },
                } },
            }] },
        }),
        "tests",
    );
    wait_until(Duration::from_secs(30), "a proxy refuses the configuration", || !mesh.rejections().is_empty());
    mesh.end_unchecked();
}

/// A gateway serves what a Gateway says.
fn check_gateway(mesh: &Mesh, gateway: &Workload, outside: &Workload) {
    let certificate = Certificate::of_hosts(&["shop.example.com"]);
    mesh.api().apply(&certificate.secret("shop", "shop"), "tests");
    mesh.api().apply(
        &json!({
            "apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": { "name": "shop", "namespace": "shop" },
            "spec": {
                "selector": { "istio": "gateway" },
                "servers": [
                    { "port": { "number": 80, "name": "http", "protocol": "HTTP" }, "hosts": ["shop.example.com"] },
                    {
                        "port": { "number": 443, "name": "https", "protocol": "HTTPS" }, "hosts": ["shop.example.com"],
                        "tls": { "mode": "SIMPLE", "credentialName": "shop", "minProtocolVersion": "TLSV1_3" },
                    },
                ],
            },
        }),
        "tests",
    );
    mesh.api().apply(
        &json!({
            "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
            "metadata": { "name": "shop", "namespace": "shop" },
            "spec": {
                "hosts": ["shop.example.com"], "gateways": ["shop"],
                "http": [{ "route": [{ "destination": { "host": "cart", "port": { "number": 80 } } }] }],
            },
        }),
        "tests",
    );
    let from_outside = outside.request(Method::GET, "http://shop.example.com/").connect_to((gateway.address(), 80));
    assert_eq!(from_outside.becomes(200).identity(), Some(gateway.identity()));
    let over_tls = |version| {
        let request = outside.request(Method::GET, "https://shop.example.com/").connect_to((gateway.address(), 443));
        request.tls(&certificate, version)
    };
    over_tls(TlsVersion::Tls13).becomes(200);
    assert_eq!(over_tls(TlsVersion::Tls12).becomes(0).body(), "received fatal alert: ProtocolVersion");
}
