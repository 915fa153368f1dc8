//! `mesh_service`: every argument, every default, every preset.

mod mistakes;
mod unknowns;

use expect_test::{Expect, expect, expect_file};
use terraform_provider_mesh::resources::service::Service;

use crate::golden::{check, check_in, check_object, mesh, outputs};

/// The arguments that every service has, and these.
fn payments(arguments: &str) -> String {
    format!(
        "name = \"payments\"\nnamespace = \"pci\"\nport {{\n  number = 8080\n  protocol = \"http\"\n}}\n{arguments}"
    )
}

/// Which objects are known, and which outputs.
fn knowledge(text: &str, expect: &Expect) {
    let (objects, outputs) = crate::golden::knowledge::<Service>(text);
    expect.assert_eq(&format!("{objects}{outputs}"));
}

#[test]
fn the_least_that_can_be_written() {
    let text = r#"
        name      = "payments"
        namespace = "pci"
        port {
          number   = 8080
          protocol = "http"
        }
    "#;
    check::<Service>(text, &expect_file!["least.yaml"]);
    outputs::<Service>(
        text,
        &expect![[r#"
        id = "pci/payments"
        effective_callers = ["pci/*"]
        effective_resiliency = "medium"
        host = "payments.pci.svc.cluster.local"
        principal = "cluster.local/ns/pci/sa/payments"
    "#]],
    );
}

#[test]
fn every_argument() {
    let mut mesh = mesh();
    mesh.gateway_namespaces.insert("ingress".to_owned());
    mesh.platform_hosts.insert("istio-system/otel.istio-system.svc.cluster.local".to_owned());
    mesh.labels.insert("managed-by".to_owned(), "platform".to_owned());
    mesh.labels.insert("team".to_owned(), "nobody".to_owned());
    mesh.annotations.insert("example.com/contact".to_owned(), "platform".to_owned());
    let text = r#"
        name                   = "payments"
        namespace              = "pci"
        selector               = { "app.kubernetes.io/name" = "payments", tier = "backend" }
        service                = "managed"
        service_account        = "payments-runner"
        create_service_account = true
        access                 = "namespace"
        authorization_mode     = "enforce"
        calls                  = ["ledger", "shop/catalog", "reports/*", "api.stripe.com", "*.s3.amazonaws.com", "team/api.partner.com"]
        resiliency             = "high"
        request_timeout        = "2m"
        labels                 = { team = "payments" }
        annotations            = { "example.com/contact" = "payments" }
        port {
          number      = 80
          protocol    = "http"
          target_port = 8080
        }
        port {
          number   = 9090
          protocol = "grpc"
        }
        port {
          number      = 5432
          protocol    = "tcp"
          target_port = 15432
        }
        allow {
          from    = ["shop/checkout", "reporting/*"]
          methods = ["POST", "GET"]
          paths   = ["/v1/charges/*", "*.json"]
        }
        allow {
          from  = ["batch", "other.mesh/ns/far/sa/away"]
          ports = [5432]
        }
        timeouts {
          create = "10m"
          delete = "90s"
        }
    "#;
    check_in::<Service>(&mesh, text, &expect_file!["every_argument.yaml"]);
    outputs::<Service>(
        text,
        &expect![[r#"
        id = "pci/payments"
        effective_callers = ["other.mesh/ns/far/sa/away", "pci/*", "pci/batch", "reporting/*", "shop/checkout"]
        effective_resiliency = "high"
        host = "payments.pci.svc.cluster.local"
        principal = "cluster.local/ns/pci/sa/payments-runner"
    "#]],
    );
}

#[test]
fn presets() {
    for preset in ["low", "high", "none"] {
        let path = format!("resiliency_{preset}.yaml");
        check::<Service>(&payments(&format!("resiliency = {preset:?}\nservice = \"managed\"")), &expect_file![path]);
    }
}

#[test]
fn access_none() {
    check_object::<Service>(
        "AuthorizationPolicy",
        &payments(r#"access = "none""#),
        &expect![[r#"
            AuthorizationPolicy/pci/payments-pci
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata:
              annotations:
                istio.io/dry-run: "false"
              name: payments-pci
              namespace: pci
            spec:
              action: ALLOW
              rules: []
              selector:
                matchLabels:
                  app: payments
        "#]],
    );
}

/// Everybody may call, so everybody sees it.
#[test]
fn access_mesh() {
    check::<Service>(&payments(r#"access = "mesh""#), &expect_file!["access_mesh.yaml"]);
}

#[test]
fn allow_replaces_the_default_of_access() {
    check_object::<Service>(
        "AuthorizationPolicy",
        &payments(
            r#"
        allow {
          from = ["checkout"]
        }
    "#,
        ),
        &expect![[r#"
            AuthorizationPolicy/pci/payments-pci
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata:
              annotations:
                istio.io/dry-run: "false"
              name: payments-pci
              namespace: pci
            spec:
              action: ALLOW
              rules:
              - from:
                - source:
                    principals:
                    - cluster.local/ns/pci/sa/checkout
              selector:
                matchLabels:
                  app: payments
        "#]],
    );
}

#[test]
fn access_beside_allow_holds_too() {
    check_object::<Service>(
        "AuthorizationPolicy",
        &payments(
            r#"
        access = "mesh"
        allow {
          from = ["checkout"]
        }
    "#,
        ),
        &expect![[r#"
            AuthorizationPolicy/pci/payments-pci
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata:
              annotations:
                istio.io/dry-run: "false"
              name: payments-pci
              namespace: pci
            spec:
              action: ALLOW
              rules:
              - from:
                - source:
                    principals:
                    - cluster.local/ns/pci/sa/checkout
              - from:
                - source:
                    principals:
                    - "*"
              selector:
                matchLabels:
                  app: payments
        "#]],
    );
}

#[test]
fn every_form_of_a_caller() {
    check_object::<Service>(
        "AuthorizationPolicy",
        &payments(
            r#"
        allow {
          from = ["checkout", "shop/cart", "reporting/*", "cluster.local/ns/a/sa/b", "other.mesh/ns/c/sa/d"]
        }
    "#,
        ),
        &expect![[r#"
            AuthorizationPolicy/pci/payments-pci
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata:
              annotations:
                istio.io/dry-run: "false"
              name: payments-pci
              namespace: pci
            spec:
              action: ALLOW
              rules:
              - from:
                - source:
                    principals:
                    - cluster.local/ns/a/sa/b
                    - cluster.local/ns/pci/sa/checkout
                    - cluster.local/ns/shop/sa/cart
                    - other.mesh/ns/c/sa/d
                - source:
                    namespaces:
                    - reporting
              selector:
                matchLabels:
                  app: payments
        "#]],
    );
}

#[test]
fn any_workload() {
    check_object::<Service>(
        "AuthorizationPolicy",
        &payments(
            r#"
        allow {
          from = ["*"]
        }
    "#,
        ),
        &expect![[r#"
            AuthorizationPolicy/pci/payments-pci
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata:
              annotations:
                istio.io/dry-run: "false"
              name: payments-pci
              namespace: pci
            spec:
              action: ALLOW
              rules:
              - from:
                - source:
                    principals:
                    - "*"
              selector:
                matchLabels:
                  app: payments
        "#]],
    );
}

/// A rule that names no source is for everyone, whatever stands beside `anonymous`.
#[test]
fn without_identity_too() {
    check_object::<Service>(
        "AuthorizationPolicy",
        &payments(
            r#"
        allow {
          from  = ["anonymous", "shop/checkout"]
          paths = ["/healthz"]
        }
    "#,
        ),
        &expect![[r#"
            AuthorizationPolicy/pci/payments-pci
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata:
              annotations:
                istio.io/dry-run: "false"
              name: payments-pci
              namespace: pci
            spec:
              action: ALLOW
              rules:
              - to:
                - operation:
                    paths:
                    - /healthz
                    ports:
                    - "8080"
              selector:
                matchLabels:
                  app: payments
        "#]],
    );
}

#[test]
fn an_empty_rule() {
    check_object::<Service>(
        "AuthorizationPolicy",
        &payments(
            r#"
        allow {
          from = ["anonymous"]
        }
    "#,
        ),
        &expect![[r#"
            AuthorizationPolicy/pci/payments-pci
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata:
              annotations:
                istio.io/dry-run: "false"
              name: payments-pci
              namespace: pci
            spec:
              action: ALLOW
              rules:
              - {}
              selector:
                matchLabels:
                  app: payments
        "#]],
    );
}

/// And ports are the Service's in HCL, the workload's in the policy.
#[test]
fn http_attributes_govern_http_ports_alone() {
    check_object::<Service>(
        "AuthorizationPolicy",
        r#"
        name      = "payments"
        namespace = "pci"
        port {
          number      = 80
          protocol    = "http"
          target_port = 8080
        }
        port {
          number      = 9000
          protocol    = "tcp"
          target_port = 19000
        }
        allow {
          from    = ["shop/checkout"]
          methods = ["POST"]
        }
        allow {
          from  = ["shop/checkout"]
          ports = [9000]
        }
    "#,
        &expect![[r#"
            AuthorizationPolicy/pci/payments-pci
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata:
              annotations:
                istio.io/dry-run: "false"
              name: payments-pci
              namespace: pci
            spec:
              action: ALLOW
              rules:
              - from:
                - source:
                    principals:
                    - cluster.local/ns/shop/sa/checkout
                to:
                - operation:
                    methods:
                    - POST
                    ports:
                    - "8080"
              - from:
                - source:
                    principals:
                    - cluster.local/ns/shop/sa/checkout
                to:
                - operation:
                    ports:
                    - "19000"
              selector:
                matchLabels:
                  app: payments
        "#]],
    );
}

#[test]
fn an_allow_block_without_attributes_governs_every_port() {
    check_object::<Service>(
        "AuthorizationPolicy",
        r#"
        name      = "payments"
        namespace = "pci"
        port {
          number      = 80
          protocol    = "http"
          target_port = 8080
        }
        port {
          number      = 9000
          protocol    = "tcp"
          target_port = 19000
        }
        allow {
          from = ["shop/checkout"]
        }
    "#,
        &expect![[r#"
            AuthorizationPolicy/pci/payments-pci
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata:
              annotations:
                istio.io/dry-run: "false"
              name: payments-pci
              namespace: pci
            spec:
              action: ALLOW
              rules:
              - from:
                - source:
                    principals:
                    - cluster.local/ns/shop/sa/checkout
              selector:
                matchLabels:
                  app: payments
        "#]],
    );
}

#[test]
fn dry_run() {
    check::<Service>(
        &payments(
            r#"
        authorization_mode = "dry_run"
        allow {
          from = ["shop/checkout"]
        }
    "#,
        ),
        &expect_file!["dry_run.yaml"],
    );
}

#[test]
fn authorization_off() {
    check::<Service>(&payments(r#"authorization_mode = "off""#), &expect_file!["authorization_off.yaml"]);
}

#[test]
fn managed() {
    check::<Service>(&payments(r#"service = "managed""#), &expect_file!["managed.yaml"]);
}

#[test]
fn managed_with_an_account_from_elsewhere() {
    knowledge(
        &payments(
            r#"
        service                = "managed"
        create_service_account = false
    "#,
        ),
        &expect![[r#"
            Service/pci/payments: known
            DestinationRule/pci/payments-pci: known
            VirtualService/pci/payments-pci: known
            AuthorizationPolicy/pci/payments-pci: known
            id = "pci/payments"
            effective_callers = ["pci/*"]
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

/// A workload that only calls: nobody routes to it.
#[test]
fn no_service() {
    check::<Service>(
        r#"
        name      = "payments"
        namespace = "pci"
        service = "none"
        calls   = ["ledger"]
    "#,
        &expect![[r#"
            --- # AuthorizationPolicy/pci/payments-pci
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata:
              annotations:
                istio.io/dry-run: "false"
              name: payments-pci
              namespace: pci
            spec:
              action: ALLOW
              rules:
              - from:
                - source:
                    namespaces:
                    - pci
              selector:
                matchLabels:
                  app: payments
            --- # Sidecar/pci/payments-pci
            apiVersion: networking.istio.io/v1
            kind: Sidecar
            metadata:
              name: payments-pci
              namespace: pci
            spec:
              egress:
              - hosts:
                - pci/ledger.pci.svc.cluster.local
              outboundTrafficPolicy:
                mode: REGISTRY_ONLY
              workloadSelector:
                labels:
                  app: payments
        "#]],
    );
}

#[test]
fn calls_nothing() {
    check_object::<Service>(
        "Sidecar",
        &payments(r#"calls = []"#),
        &expect![[r#"
            Sidecar/pci/payments-pci
            apiVersion: networking.istio.io/v1
            kind: Sidecar
            metadata:
              name: payments-pci
              namespace: pci
            spec:
              egress:
              - hosts:
                - pci/payments.pci.svc.cluster.local
              outboundTrafficPolicy:
                mode: REGISTRY_ONLY
              workloadSelector:
                labels:
                  app: payments
        "#]],
    );
}

#[test]
fn no_service_that_calls_nothing() {
    check_object::<Service>(
        "Sidecar",
        r#"
        name      = "payments"
        namespace = "pci"
        service = "none"
        calls   = []
    "#,
        &expect![[r#"
            Sidecar/pci/payments-pci
            apiVersion: networking.istio.io/v1
            kind: Sidecar
            metadata:
              name: payments-pci
              namespace: pci
            spec:
              egress:
              - hosts:
                - ~/*
              outboundTrafficPolicy:
                mode: REGISTRY_ONLY
              workloadSelector:
                labels:
                  app: payments
        "#]],
    );
}

#[test]
fn every_protocol() {
    check::<Service>(
        r#"
        name      = "payments"
        namespace = "pci"
        service   = "managed"
        resiliency = "low"
        port {
          number   = 80
          protocol = "http"
        }
        port {
          number   = 81
          protocol = "http2"
        }
        port {
          number   = 82
          protocol = "grpc"
        }
        port {
          number   = 83
          protocol = "tcp"
        }
        port {
          number   = 84
          protocol = "tls"
        }
        port {
          number   = 85
          protocol = "https"
        }
        port {
          number   = 86
          protocol = "mongo"
        }
        port {
          number   = 87
          protocol = "mysql"
        }
        port {
          number   = 88
          protocol = "redis"
        }
    "#,
        &expect_file!["every_protocol.yaml"],
    );
}

/// No requests: no limits on them, no retries, no VirtualService.
#[test]
fn tcp_alone() {
    check::<Service>(
        r#"
        name      = "payments"
        namespace = "pci"
        port {
          number   = 5432
          protocol = "tcp"
        }
    "#,
        &expect_file!["tcp_alone.yaml"],
    );
}

#[test]
fn no_timeout() {
    check_object::<Service>(
        "VirtualService",
        &payments(r#"request_timeout = "0s""#),
        &expect![[r#"
            VirtualService/pci/payments-pci
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata:
              name: payments-pci
              namespace: pci
            spec:
              exportTo:
              - '.'
              hosts:
              - payments.pci.svc.cluster.local
              http:
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
fn grpc_has_no_timeout_unless_written() {
    check_object::<Service>(
        "VirtualService",
        r#"
        name      = "payments"
        namespace = "pci"
        port {
          number   = 9090
          protocol = "grpc"
        }
    "#,
        &expect![[r#"
            VirtualService/pci/payments-pci
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata:
              name: payments-pci
              namespace: pci
            spec:
              exportTo:
              - '.'
              hosts:
              - payments.pci.svc.cluster.local
              http:
              - match:
                - port: 9090
                retries:
                  attempts: 2
                  retryOn: connect-failure,refused-stream,reset-before-request
                route:
                - destination:
                    host: payments.pci.svc.cluster.local
                    port:
                      number: 9090
        "#]],
    );
}
