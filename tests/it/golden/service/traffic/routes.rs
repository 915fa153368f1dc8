//! `route` blocks.

use expect_test::expect;
use terraform_provider_mesh::resources::service::Service;

use super::{check_part, check_virtual_service, http_and_tcp, payments, versions};
use crate::golden::{mesh, rendered_text};

#[test]
fn every_argument() {
    let text = format!(
        r#"
        {}
        route {{
          name = "beta"
          match {{
            path    = "/v2/*"
            method  = "GET"
            headers = {{ "X-Beta" = "yes", "user-agent" = "Mobile*", "x-trace" = "*" }}
            query   = {{ beta = "1", id = "*", lang = "en*" }}
          }}
          match {{
            path = "/beta"
          }}
          to {{
            version = "v2"
          }}
          rewrite {{
            path = "/v1/"
            host = "payments.example.com"
          }}
          mirror {{
            version = "v1"
            percent = 5
          }}
          fault {{
            delay         = "2s"
            delay_percent = 10
            abort_status  = 503
            abort_percent = 1
          }}
          request_timeout = "30s"
        }}
        route {{
          match {{
            path = "/old"
          }}
          redirect {{
            path   = "/new"
            host   = "new.example.com"
            status = 308
          }}
        }}
        route {{
          match {{
            method = "POST"
          }}
          to {{
            version = "v1"
            weight  = 99
          }}
          to {{
            version = "v2"
            weight  = 1
          }}
        }}
    "#,
        versions(100, 0)
    );
    check_virtual_service(
        &payments(&text),
        &expect![[r#"
            VirtualService/pci/payments-pci
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata:
              name: payments-pci
              namespace: pci
            spec:
              exportTo:
              - "*"
              hosts:
              - payments.pci.svc.cluster.local
              http:
              - fault:
                  abort:
                    httpStatus: 503
                    percentage:
                      value: 1
                  delay:
                    fixedDelay: 2s
                    percentage:
                      value: 10
                match:
                - headers:
                    user-agent:
                      prefix: Mobile
                    x-beta:
                      exact: "yes"
                    x-trace: {}
                  method:
                    exact: GET
                  port: 8080
                  queryParams:
                    beta:
                      exact: "1"
                    id: {}
                    lang:
                      prefix: en
                  uri:
                    prefix: /v2/
                - port: 8080
                  uri:
                    exact: /beta
                mirrors:
                - destination:
                    host: payments.pci.svc.cluster.local
                    port:
                      number: 8080
                    subset: v1
                  percentage:
                    value: 5
                name: beta
                rewrite:
                  authority: payments.example.com
                  uri: /v1/
                route:
                - destination:
                    host: payments.pci.svc.cluster.local
                    port:
                      number: 8080
                    subset: v2
                timeout: 30s
              - match:
                - port: 8080
                  uri:
                    exact: /old
                redirect:
                  authority: new.example.com
                  redirectCode: 308
                  uri: /new
              - match:
                - method:
                    exact: POST
                  port: 8080
                name: default
                route:
                - destination:
                    host: payments.pci.svc.cluster.local
                    port:
                      number: 8080
                    subset: v1
                  weight: 99
                - destination:
                    host: payments.pci.svc.cluster.local
                    port:
                      number: 8080
                    subset: v2
                  weight: 1
              - match:
                - port: 8080
                name: default
                route:
                - destination:
                    host: payments.pci.svc.cluster.local
                    port:
                      number: 8080
                    subset: v1
                  weight: 100
                - destination:
                    host: payments.pci.svc.cluster.local
                    port:
                      number: 8080
                    subset: v2
                  weight: 0
        "#]],
    );
}

/// Arguments that a route omits are those of the default route. Redirects have status 301, and faults affect all requests.
#[test]
fn route_defaults() {
    let text = r#"
        route {
          match {
            path = "/slow/*"
          }
          request_timeout = "2m"
        }
        route {
          match {
            path = "/gone"
          }
          redirect {
            host = "archive.example.com"
          }
        }
        route {
          match {
            path = "/broken/*"
          }
          fault {
            abort_status = 500
          }
        }
    "#;
    check_part(
        "VirtualService",
        "  http:",
        &payments(text),
        &expect![[r#"
            - match:
              - port: 8080
                uri:
                  prefix: /slow/
              route:
              - destination:
                  host: payments.pci.svc.cluster.local
                  port:
                    number: 8080
              timeout: 120s
            - match:
              - port: 8080
                uri:
                  exact: /gone
              redirect:
                authority: archive.example.com
                redirectCode: 301
            - fault:
                abort:
                  httpStatus: 500
                  percentage:
                    value: 100
              match:
              - port: 8080
                uri:
                  prefix: /broken/
              name: default
              route:
              - destination:
                  host: payments.pci.svc.cluster.local
                  port:
                    number: 8080
            - match:
              - port: 8080
              name: default
              route:
              - destination:
                  host: payments.pci.svc.cluster.local
                  port:
                    number: 8080
        "#]],
    );
}

/// The default route would be unreachable, so it is left out.
#[test]
fn route_without_match_replaces_the_default_route() {
    let text = format!("{}\nroute {{\n  mirror {{\n    version = \"v2\"\n  }}\n}}", versions(100, 0));
    check_part(
        "VirtualService",
        "  http:",
        &payments(&text),
        &expect![[r#"
            - match:
              - port: 8080
              mirrors:
              - destination:
                  host: payments.pci.svc.cluster.local
                  port:
                    number: 8080
                  subset: v2
                percentage:
                  value: 100
              name: default
              route:
              - destination:
                  host: payments.pci.svc.cluster.local
                  port:
                    number: 8080
                  subset: v1
                weight: 100
              - destination:
                  host: payments.pci.svc.cluster.local
                  port:
                    number: 8080
                  subset: v2
                weight: 0
        "#]],
    );
}

/// Each HTTP port has all routes; TCP ports have none.
#[test]
fn routes_apply_to_http_ports_only() {
    let text = format!(
        "port {{\n  number = 9090\n  protocol = \"grpc\"\n}}\nroute {{\n  match {{\n    path = \"/v2/*\"\n  }}\n  to {{\n    version = \
         \"v2\"\n  }}\n}}\n{}",
        versions(100, 0)
    );
    check_part(
        "VirtualService",
        "  http:",
        &http_and_tcp(&text),
        &expect![[r#"
            - match:
              - port: 8080
                uri:
                  prefix: /v2/
              name: default
              route:
              - destination:
                  host: payments.pci.svc.cluster.local
                  port:
                    number: 8080
                  subset: v2
            - match:
              - port: 8080
              name: default
              route:
              - destination:
                  host: payments.pci.svc.cluster.local
                  port:
                    number: 8080
                  subset: v1
                weight: 100
              - destination:
                  host: payments.pci.svc.cluster.local
                  port:
                    number: 8080
                  subset: v2
                weight: 0
            - match:
              - port: 9090
                uri:
                  prefix: /v2/
              name: default
              route:
              - destination:
                  host: payments.pci.svc.cluster.local
                  port:
                    number: 9090
                  subset: v2
            - match:
              - port: 9090
              name: default
              route:
              - destination:
                  host: payments.pci.svc.cluster.local
                  port:
                    number: 9090
                  subset: v1
                weight: 100
              - destination:
                  host: payments.pci.svc.cluster.local
                  port:
                    number: 9090
                  subset: v2
                weight: 0
        "#]],
    );
}

#[test]
fn headers_of_the_service_its_routes_and_their_destinations() {
    let text = format!(
        r#"
        {}
        headers {{
          request {{
            set    = {{ "x-team" = "payments" }}
            add    = {{ "x-seen" = "%DOWNSTREAM_REMOTE_ADDRESS%" }}
            remove = ["x-debug"]
          }}
        }}
        route {{
          match {{
            path = "/beta"
          }}
          headers {{
            response {{
              set = {{ "cache-control" = "no-store" }}
            }}
          }}
          to {{
            version = "v2"
            headers {{
              response {{
                set = {{ "x-version" = "2" }}
              }}
            }}
          }}
        }}
    "#,
        versions(100, 0)
    );
    check_part(
        "VirtualService",
        "  http:",
        &payments(&text),
        &expect![[r#"
        - headers:
            response:
              set:
                cache-control: no-store
          match:
          - port: 8080
            uri:
              exact: /beta
          name: default
          route:
          - destination:
              host: payments.pci.svc.cluster.local
              port:
                number: 8080
              subset: v2
            headers:
              response:
                set:
                  x-version: "2"
        - headers:
            request:
              add:
                x-seen: "%DOWNSTREAM_REMOTE_ADDRESS%"
              remove:
              - x-debug
              set:
                x-team: payments
          match:
          - port: 8080
          name: default
          route:
          - destination:
              host: payments.pci.svc.cluster.local
              port:
                number: 8080
              subset: v1
            weight: 100
          - destination:
              host: payments.pci.svc.cluster.local
              port:
                number: 8080
              subset: v2
            weight: 0
    "#]],
    );
}

#[test]
fn cors_of_the_service_and_its_routes() {
    let text = r#"
        cors {
          allow_origins       = ["https://shop.example.com", "https://preview-*"]
          allow_origins_regex = ["https://[a-z]+\\.example\\.com"]
          allow_methods       = ["GET", "POST"]
          allow_headers       = ["authorization"]
          expose_headers      = ["x-total"]
          max_age             = "1h"
          allow_credentials   = true
        }
        route {
          match {
            path = "/beta"
          }
          cors {
            allow_origins = ["*"]
          }
        }
    "#;
    check_part(
        "VirtualService",
        "  http:",
        &payments(text),
        &expect![[r#"
        - corsPolicy:
            allowOrigins:
            - exact: "*"
          match:
          - port: 8080
            uri:
              exact: /beta
          name: default
          route:
          - destination:
              host: payments.pci.svc.cluster.local
              port:
                number: 8080
        - corsPolicy:
            allowCredentials: true
            allowHeaders:
            - authorization
            allowMethods:
            - GET
            - POST
            allowOrigins:
            - prefix: https://preview-
            - exact: https://shop.example.com
            - regex: https://[a-z]+\.example\.com
            exposeHeaders:
            - x-total
            maxAge: 3600s
          match:
          - port: 8080
          name: default
          route:
          - destination:
              host: payments.pci.svc.cluster.local
              port:
                number: 8080
    "#]],
    );
}

/// Requests through a gateway have the service's changes of headers, and its policy for other origins.
#[test]
fn headers_and_cors_of_an_ingress() {
    let text = "
        headers {
          response {
            remove = [\"server\"]
          }
        }
        cors {
          allow_origins = [\"*\"]
        }
        ingress {
          gateway = \"istio-ingress/public\"
          hosts   = [\"pay.example.com\"]
        }";
    let rendered = rendered_text::<Service>(&mesh(), &payments(text));
    let ingress = rendered.split("--- # ").find(|object| object.starts_with("VirtualService/pci/payments-pci-ingress"));
    expect![[r#"
        VirtualService/pci/payments-pci-ingress
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata:
          name: payments-pci-ingress
          namespace: pci
        spec:
          exportTo:
          - istio-ingress
          gateways:
          - istio-ingress/public
          hosts:
          - pay.example.com
          http:
          - corsPolicy:
              allowOrigins:
              - exact: "*"
            headers:
              response:
                remove:
                - server
            route:
            - destination:
                host: payments.pci.svc.cluster.local
                port:
                  number: 8080
    "#]]
    .assert_eq(ingress.expect("the object"));
}

#[test]
fn direct_response_and_further_conditions() {
    check_part(
        "VirtualService",
        "  http:",
        &payments(
            r#"
        route {
          match {
            path_regex    = "/v[0-9]+/.*"
            authority     = "pay.example.com"
            scheme        = "https"
            headers_regex = { "X-Version" = "[0-9]+" }
            query_regex   = { id = "[a-f]+" }
            cookies       = { beta = "a.b" }
            from {
              namespace = "shop"
              labels    = { app = "web" }
            }
          }
          direct_response {
            status = 503
            body   = "later"
          }
        }
        route {
          match {
            path = "/teapot"
          }
          direct_response {
            status = 418
          }
        }
    "#,
        ),
        &expect![[r#"
            - directResponse:
                body:
                  string: later
                status: 503
              match:
              - authority:
                  exact: pay.example.com
                headers:
                  cookie:
                    regex: (.*;\s*)?beta=a\.b(;.*)?
                  x-version:
                    regex: "[0-9]+"
                port: 8080
                queryParams:
                  id:
                    regex: "[a-f]+"
                scheme:
                  exact: https
                sourceLabels:
                  app: web
                sourceNamespace: shop
                uri:
                  regex: /v[0-9]+/.*
            - directResponse:
                status: 418
              match:
              - port: 8080
                uri:
                  exact: /teapot
            - match:
              - port: 8080
              name: default
              route:
              - destination:
                  host: payments.pci.svc.cluster.local
                  port:
                    number: 8080
        "#]],
    );
}

#[test]
fn retries_of_a_route() {
    let text = r#"
        retries {
          attempts = 2
        }
        route {
          match {
            method = "GET"
          }
          request_timeout = "4s"
          retries {
            attempts        = 5
            idempotent      = true
            per_try_timeout = "1s"
          }
        }
        route {
          match {
            path = "/once"
          }
          retries {
            attempts = 0
          }
        }
    "#;
    check_part(
        "VirtualService",
        "  http:",
        &payments(text),
        &expect![[r#"
        - match:
          - method:
              exact: GET
            port: 8080
          retries:
            attempts: 5
            perTryTimeout: 1s
            retryOn: >-
              connect-failure,refused-stream,reset-before-request,gateway-error,reset,unavailable,cancelled
          route:
          - destination:
              host: payments.pci.svc.cluster.local
              port:
                number: 8080
          timeout: 4s
        - match:
          - port: 8080
            uri:
              exact: /once
          retries:
            attempts: 0
          route:
          - destination:
              host: payments.pci.svc.cluster.local
              port:
                number: 8080
        - match:
          - port: 8080
          retries:
            attempts: 2
            retryOn: connect-failure,refused-stream,reset-before-request
          route:
          - destination:
              host: payments.pci.svc.cluster.local
              port:
                number: 8080
    "#]],
    );
}

#[test]
fn other_services_and_hosts() {
    let text = r#"
        route {
          match {
            path = "/a/*"
          }
          to {
            service = "payments"
            weight  = 50
          }
          to {
            service = "payments-next"
            weight  = 30
          }
          to {
            service = "shop/payments"
            port    = 80
            weight  = 20
            headers {
              request {
                set = { x-from = "pci" }
              }
            }
          }
          mirror {
            service = "audit"
          }
          mirror {
            host    = "mirror.example.com"
            port    = 443
            percent = 1
          }
        }
        route {
          to {
            host = "api.example.com"
          }
        }
    "#;
    check_part(
        "VirtualService",
        "  http:",
        &payments(text),
        &expect![[r#"
        - match:
          - port: 8080
            uri:
              prefix: /a/
          mirrors:
          - destination:
              host: audit.pci.svc.cluster.local
              port:
                number: 8080
            percentage:
              value: 100
          - destination:
              host: mirror.example.com
              port:
                number: 443
            percentage:
              value: 1
          name: default
          route:
          - destination:
              host: payments.pci.svc.cluster.local
              port:
                number: 8080
            weight: 50
          - destination:
              host: payments-next.pci.svc.cluster.local
              port:
                number: 8080
            weight: 30
          - destination:
              host: payments.shop.svc.cluster.local
              port:
                number: 80
            headers:
              request:
                set:
                  x-from: pci
            weight: 20
        - match:
          - port: 8080
          name: default
          route:
          - destination:
              host: api.example.com
              port:
                number: 8080
    "#]],
    );
}

#[test]
fn conditions_of_retries() {
    let text = r#"
        retries {
          attempts        = 2
          on              = ["503", "connect-failure", "reset"]
          per_try_timeout = "1s"
        }
        route {
          match {
            path = "/a"
          }
          retries {
            on = ["unavailable"]
          }
        }
    "#;
    check_part(
        "VirtualService",
        "  http:",
        &payments(&format!("resiliency = \"high\"\n{text}")),
        &expect![[r#"
        - match:
          - port: 8080
            uri:
              exact: /a
          retries:
            attempts: 3
            retryOn: unavailable
          route:
          - destination:
              host: payments.pci.svc.cluster.local
              port:
                number: 8080
        - match:
          - port: 8080
          retries:
            attempts: 2
            perTryTimeout: 1s
            retryOn: 503,connect-failure,reset
          route:
          - destination:
              host: payments.pci.svc.cluster.local
              port:
                number: 8080
    "#]],
    );
}
