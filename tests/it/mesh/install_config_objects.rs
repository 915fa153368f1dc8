//! Arguments, and objects of other tools in whose configuration of proxies they show.

use serde_json::{Value as Json, json};

use crate::support::mesh::{Certificate, Mesh};

/// The first configuration: every argument that excludes no other one.
pub(super) const SETTINGS: &str = r#"
  trust_domain         = "prod.example.com"
  trust_domain_aliases = ["old.example.com"]
  path_normalization   = "decode_and_merge_slashes"
  tls {
    min_version         = "1.3"
    gateway_min_version = "1.3"
    cipher_suites       = ["ECDHE-ECDSA-AES256-GCM-SHA384"]
    ecdh_curves         = ["X25519MLKEM768", "P-256"]
  }
  default_retries {
    attempts = 5
    on       = ["connect-failure"]
  }
  discovery_namespaces {
    labels = { mesh = "enabled" }
  }
  locality {
    failover {
      from = "region"
      to   = "us-west"
    }
  }
  access_log {
    path   = "/dev/null"
    fields = { caller = "%DOWNSTREAM_PEER_URI_SAN%" }
  }
  extension_provider {
    name = "authz-http"
    ext_authz_http {
      service                        = "authz.shop.svc.cluster.local"
      port                           = 8000
      path_prefix                    = "/check"
      timeout                        = "500ms"
      fail_open                      = true
      status_on_error                = 503
      headers_in_check               = ["cookie"]
      additional_headers_in_check    = { "x-mesh" = "prod" }
      headers_to_upstream_on_allow   = ["x-user"]
      headers_to_downstream_on_deny  = ["set-cookie"]
      headers_to_downstream_on_allow = ["x-checked"]
      request_body {
        max_bytes     = 1000
        allow_partial = true
      }
    }
  }
  extension_provider {
    name = "authz-grpc"
    ext_authz_grpc {
      service         = "shop/authz.shop.svc.cluster.local"
      port            = 9000
      timeout         = "600ms"
      fail_open       = true
      status_on_error = 504
      request_body {
        max_bytes     = 2000
        allow_partial = true
        as_bytes      = true
      }
    }
  }
  extension_provider {
    name = "otel"
    opentelemetry {
      service   = "collector.shop.svc.cluster.local"
      port      = 4318
      http_path = "/v1/traces"
      timeout   = "3s"
    }
  }
  extension_provider {
    name = "zipkin"
    zipkin {
      service = "collector.shop.svc.cluster.local"
      port    = 9411
      path    = "/spans"
    }
  }
  extension_provider {
    name = "logs"
    access_log_opentelemetry {
      service  = "collector.shop.svc.cluster.local"
      port     = 4317
      log_name = "otel-log"
    }
  }
  extension_provider {
    name = "logs-http"
    access_log_http {
      service  = "collector.shop.svc.cluster.local"
      port     = 4317
      log_name = "http-log"
    }
  }
  extension_provider {
    name = "logs-tcp"
    access_log_tcp {
      service  = "collector.shop.svc.cluster.local"
      port     = 4317
      log_name = "tcp-log"
    }
  }
  extension_provider {
    name       = "metrics"
    prometheus = true
  }
"#;

/// The second configuration: arguments that the first one excludes.
pub(super) const OTHER_SETTINGS: &str = r#"
  root_namespace = "elsewhere"
  tls {
    min_version   = "1.2"
    cipher_suites = ["ECDHE-RSA-AES256-GCM-SHA384"]
  }
  locality {
    failover_priority = ["app"]
  }
  access_log {
    path = "/dev/null"
    text = "%REQ(:METHOD)% %RESPONSE_CODE%"
  }
"#;

/// The third configuration.
pub(super) const WITHOUT_LOCALITY: &str = "locality {\n  enabled = false\n}\n";

const VISIBLE: &str = "visible.elsewhere.svc.cluster.local";

fn object(group: &str, kind: &str, namespace: &str, name: &str, spec: &Json) -> Json {
    json!({
        "apiVersion": format!("{group}.istio.io/v1"), "kind": kind,
        "metadata": { "name": name, "namespace": namespace }, "spec": spec,
    })
}

/// A Service without pods. An exported one says by itself that all namespaces see it.
fn service(namespace: &str, name: &str, ports: &[(&str, u16)], is_exported: bool) -> Json {
    let annotations = if is_exported { json!({ "networking.istio.io/exportTo": "*" }) } else { json!({}) };
    let ports: Vec<Json> = ports.iter().map(|(name, port)| json!({ "name": name, "port": port })).collect();
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": name, "namespace": namespace, "annotations": annotations }, "spec": { "ports": ports },
    })
}

/// A VirtualService that doesn't say who sees it.
pub(super) fn route_of_another_namespace() -> Json {
    let route = json!({ "name": "of-another-namespace", "route": [{ "destination": { "host": VISIBLE } }] });
    object("networking", "VirtualService", "elsewhere", "visible", &json!({ "hosts": [VISIBLE], "http": [route] }))
}

/// What other tools have in the mesh, where the settings show.
pub(super) fn apply_objects(mesh: &Mesh, certificate: &Certificate) {
    for name in ["shop", "elsewhere", "ingress", "undiscovered"] {
        let mut labels = json!({ "istio-injection": "enabled", "mesh": "enabled" });
        if name == "undiscovered" {
            labels = json!({});
        }
        let metadata = json!({ "name": name, "labels": labels });
        mesh.api().apply(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata }), "tests");
    }
    mesh.service("shop", "web", &[("http", 80, 8080)]);
    for object in services_and_routes().into_iter().chain(gateway_and_policies()) {
        mesh.api().apply(&object, "another-tool");
    }
    mesh.api().apply(&certificate.secret("ingress", "www"), "another-tool");
}

/// Services and hosts, and rules about traffic to them.
fn services_and_routes() -> Vec<Json> {
    vec![
        service("elsewhere", "hidden", &[("http", 80)], false),
        service("elsewhere", "visible", &[("http", 80)], true),
        service("undiscovered", "service", &[("http", 80)], true),
        service("shop", "authz", &[("http", 8000), ("grpc", 9000)], true),
        service("shop", "collector", &[("http", 4318), ("grpc", 4317), ("http-zipkin", 9411)], true),
        route_of_another_namespace(),
        object(
            "networking",
            "DestinationRule",
            "elsewhere",
            "visible",
            &json!({
                "host": VISIBLE, "trafficPolicy": { "connectionPool": { "tcp": { "connectTimeout": "7s" } } },
            }),
        ),
        object(
            "networking",
            "ServiceEntry",
            "shop",
            "regions",
            &json!({
                "hosts": ["regions.example.com"], "location": "MESH_INTERNAL", "resolution": "STATIC",
                "ports": [{ "name": "http", "number": 80, "protocol": "HTTP" }],
                "endpoints": [
                    { "address": "198.51.100.1", "locality": "region/zone" },
                    { "address": "198.51.100.2", "locality": "us-east/a", "labels": { "app": "web" } },
                    { "address": "198.51.100.3", "locality": "us-west/a" },
                ],
            }),
        ),
        object(
            "networking",
            "DestinationRule",
            "shop",
            "regions",
            &json!({
                "host": "regions.example.com", "trafficPolicy": { "outlierDetection": { "consecutive5xxErrors": 5 } },
            }),
        ),
        object(
            "networking",
            "ServiceEntry",
            "shop",
            "external",
            &json!({
                "hosts": ["external.example.com"], "location": "MESH_EXTERNAL", "resolution": "DNS",
                "ports": [{ "name": "http", "number": 80, "protocol": "HTTP", "targetPort": 443 }],
            }),
        ),
        object(
            "networking",
            "DestinationRule",
            "shop",
            "external",
            &json!({
                "host": "external.example.com", "trafficPolicy": { "tls": { "mode": "SIMPLE", "sni": "external.example.com" } },
            }),
        ),
    ]
}

/// A gateway, who may call, and what is reported.
fn gateway_and_policies() -> Vec<Json> {
    vec![
        object(
            "networking",
            "Gateway",
            "ingress",
            "public",
            &json!({
                "selector": { "app": "public" },
                "servers": [{
                    "port": { "number": 443, "name": "https", "protocol": "HTTPS" }, "hosts": ["www.example.com"],
                    "tls": { "mode": "SIMPLE", "credentialName": "www" },
                }],
            }),
        ),
        object(
            "networking",
            "VirtualService",
            "ingress",
            "public",
            &json!({
                "hosts": ["www.example.com"], "gateways": ["public"],
                "http": [
                    { "match": [{ "uri": { "prefix": "/health" } }], "directResponse": { "status": 200 } },
                    { "route": [{ "destination": { "host": VISIBLE } }] },
                ],
            }),
        ),
        object(
            "security",
            "AuthorizationPolicy",
            "shop",
            "callers",
            &json!({
                "rules": [
                    { "from": [{ "source": { "principals": ["prod.example.com/ns/shop/sa/checkout"] } }] },
                    { "from": [{ "source": { "principals": ["cluster.local/ns/shop/sa/report"] } }] },
                ],
            }),
        ),
        object(
            "security",
            "AuthorizationPolicy",
            "istio-system",
            "whole-mesh",
            &json!({
                "action": "DENY", "rules": [{ "to": [{ "operation": { "paths": ["/of-istio-system"] } }] }],
            }),
        ),
        object(
            "security",
            "AuthorizationPolicy",
            "elsewhere",
            "whole-mesh",
            &json!({ "action": "DENY", "rules": [{ "to": [{ "operation": { "paths": ["/of-elsewhere"] } }] }] }),
        ),
        object(
            "security",
            "AuthorizationPolicy",
            "shop",
            "authz",
            &json!({
                "action": "CUSTOM", "provider": { "name": "authz-http" }, "rules": [{}],
            }),
        ),
        object(
            "security",
            "AuthorizationPolicy",
            "ingress",
            "authz",
            &json!({
                "action": "CUSTOM", "provider": { "name": "authz-grpc" }, "rules": [{}],
            }),
        ),
        object(
            "telemetry",
            "Telemetry",
            "shop",
            "telemetry",
            &json!({
                "tracing": [{ "providers": [{ "name": "otel" }] }],
                "accessLogging": [{ "providers": [{ "name": "logs" }, { "name": "logs-http" }, { "name": "logs-tcp" }] }],
            }),
        ),
        object(
            "telemetry",
            "Telemetry",
            "ingress",
            "telemetry",
            &json!({
                "tracing": [{ "providers": [{ "name": "zipkin" }] }],
            }),
        ),
    ]
}
