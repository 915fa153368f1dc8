//! `mesh_service`

use expect_test::{Expect, expect, expect_file};
use terraform_provider_mesh::resources::service::Service;

use super::{check, check_in, check_object, mesh, outputs};

/// The arguments that every service has, and these.
fn payments(arguments: &str) -> String {
    format!(
        "name = \"payments\"\nnamespace = \"pci\"\nport {{\n  number = 8080\n  protocol = \"http\"\n}}\n{arguments}"
    )
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
    check::<Service>(text, &expect_file!["service/least.yaml"]);
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
    check_in::<Service>(&mesh, text, &expect_file!["service/every_argument.yaml"]);
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
        let path = format!("service/resiliency_{preset}.yaml");
        check::<Service>(&payments(&format!("resiliency = {preset:?}\nservice = \"managed\"")), &expect_file![path]);
    }
}

#[test]
fn access_none() {
    check_object::<Service>(
        "AuthorizationPolicy",
        &payments(
            r#"
        access = "none"
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
    check::<Service>(
        &payments(
            r#"
        access = "mesh"
    "#,
        ),
        &expect_file!["service/access_mesh.yaml"],
    );
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
        &expect_file!["service/dry_run.yaml"],
    );
}

#[test]
fn authorization_off() {
    check::<Service>(
        &payments(
            r#"
        authorization_mode = "off"
    "#,
        ),
        &expect_file!["service/authorization_off.yaml"],
    );
}

#[test]
fn managed() {
    check::<Service>(
        &payments(
            r#"
        service = "managed"
    "#,
        ),
        &expect_file!["service/managed.yaml"],
    );
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
        &payments(
            r#"
        calls = []
    "#,
        ),
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
        &expect_file!["service/every_protocol.yaml"],
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
        &expect_file!["service/tcp_alone.yaml"],
    );
}

#[test]
fn no_timeout() {
    check_object::<Service>(
        "VirtualService",
        &payments(
            r#"
        request_timeout = "0s"
    "#,
        ),
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

// === bad input ===

#[test]
fn nothing_written() {
    check::<Service>(
        r#"

    "#,
        &expect![[r#"
            error at name: Missing required argument
              The argument name is required, but no value was set.
            error at namespace: Missing required argument
              The argument namespace is required, but no value was set.
            error at port: Missing required block
              Istio must know what is spoken on which port. Write a port block for each port of the Service, or service = "none" for a workload without one.
        "#]],
    );
}

#[test]
fn three_mistakes_at_once() {
    check::<Service>(
        &payments(
            r#"
        resiliency = "hihg"
        calls      = ["shop/"]
        allow {
          from    = ["*/checkout"]
          methods = ["get"]
        }
    "#,
        ),
        &expect![[r#"
            error at calls: Invalid calls
              "shop/" isn't a destination. Write "ledger" (this namespace), "shop/catalog", "shop/*", "api.stripe.com", "*.s3.amazonaws.com", or "team/api.partner.com".
            error at resiliency: Invalid resiliency
              "hihg" isn't one of "low", "medium", "high", "none".
            error at allow[0].from: Invalid allow[0].from
              "*/checkout" isn't a caller. Write "checkout" (this namespace), "shop/checkout", "shop/*", "*" (any workload of the mesh), "anonymous", or "cluster.local/ns/shop/sa/checkout".
            error at allow[0].methods: Invalid allow[0].methods
              Methods in capitals, like `GET`. Got ["get"].
        "#]],
    );
}

#[test]
fn every_mistake_of_one_value() {
    check::<Service>(
        r#"
        name            = "Payments"
        namespace       = "pci.prod"
        selector        = { "a b" = "-x" }
        service         = "exists"
        service_account = "Default"
        access          = "all"
        authorization_mode = "on"
        calls           = ["ledger", "https://api.stripe.com", "*"]
        resiliency      = "max"
        request_timeout = "5"
        labels          = { "istio.io/rev" = "canary", "ok" = "not ok" }
        annotations     = { "terraform-provider-mesh/owner" = "me", "/" = "" }
        port {
          number      = 0
          protocol    = "HTTP"
          target_port = 65536
        }
        port {
          number   = 1.5
          protocol = null
        }
        allow {
          from    = []
          methods = []
          paths   = ["charges", "/a*b"]
          ports   = [0]
        }
        allow {
          from = ["spiffe://cluster.local/ns/shop/sa/checkout", null]
        }
        timeouts {
          create = "0s"
          read   = "soon"
        }
    "#,
        &expect![[r#"
            error at name: Invalid name
              Lowercase letters, digits and dashes; starts with a letter, ends with a letter or digit; 63 characters at most. Got "Payments".
            error at namespace: Invalid namespace
              Lowercase letters, digits and dashes; starts and ends with a letter or digit; 63 characters at most. Got "pci.prod".
            error at service: Invalid service
              "exists" isn't one of "existing", "managed", "none".
            error at service_account: Invalid service_account
              Lowercase letters, digits, dashes and dots; each part between dots starts and ends with a letter or digit and has at most 63 characters; 253 characters at most. Got "Default".
            error at access: Invalid access
              "all" isn't one of "namespace", "none", "mesh".
            error at authorization_mode: Invalid authorization_mode
              "on" isn't one of "enforce", "dry_run", "off".
            error at calls: Invalid calls
              "*" isn't a destination. Write "ledger" (this namespace), "shop/catalog", "shop/*", "api.stripe.com", "*.s3.amazonaws.com", or "team/api.partner.com".
            error at calls: Invalid calls
              "https://api.stripe.com" isn't a destination. Write "ledger" (this namespace), "shop/catalog", "shop/*", "api.stripe.com", "*.s3.amazonaws.com", or "team/api.partner.com".
            error at resiliency: Invalid resiliency
              "max" isn't one of "low", "medium", "high", "none".
            error at request_timeout: Invalid request_timeout
              "5" isn't a duration. Write a number and a unit, like "5s", "1500ms" or "1m30s".
            error at port[0].number: Invalid port[0].number
              0 isn't a port. Ports are whole numbers, 1 to 65535.
            error at port[0].protocol: Invalid port[0].protocol
              "HTTP" isn't one of "http", "http2", "grpc", "tcp", "tls", "https", "mongo", "mysql", "redis".
            error at port[0].target_port: Invalid port[0].target_port
              65536 isn't a port. Ports are whole numbers, 1 to 65535.
            error at port[1].number: Invalid port[1].number
              1.5 isn't a port. Ports are whole numbers, 1 to 65535.
            error at port[1].protocol: Missing required argument
              The argument port[1].protocol is required, but no value was set.
            error at allow[0].from: Invalid allow[0].from
              At least one caller. Got [].
            error at allow[0].methods: Invalid allow[0].methods
              At least one method; leave the argument out for any. Got [].
            error at allow[0].paths: Invalid allow[0].paths
              Paths that start with `/` or `*`, with `*` at the start or end alone. Got ["/a*b", "charges"].
            error at allow[0].ports: Invalid allow[0].ports
              0 isn't a port. Ports are whole numbers, 1 to 65535.
            error at allow[1].from: Null element in allow[1].from
              An element must have a value. Leave it out, for example with compact().
            error at allow[1].from: Invalid allow[1].from
              "spiffe://cluster.local/ns/shop/sa/checkout" isn't a caller: leave out the scheme, as in "cluster.local/ns/shop/sa/checkout".
            error at timeouts.create: Invalid timeouts.create
              More than 0s. Got "0s".
            error at timeouts.read: Invalid timeouts.read
              "soon" isn't a duration. Write a number and a unit, like "5s", "1500ms" or "1m30s".
            error at selector["a b"]: Invalid key
              A key is a name of letters, digits, dashes, underscores and dots, 63 characters at most, with or without a DNS name and "/" in front, like "example.com/team".
            error at selector["a b"]: Invalid label value
              "-x": letters, digits, dashes, underscores and dots; starts and ends with a letter or digit; 63 characters at most.
            error at labels["istio.io/rev"]: Reserved key
              istio.io/rev means something to Istio or to this provider, which writes it where arguments ask for it. Remove it, and use the argument.
            error at labels["ok"]: Invalid label value
              "not ok": letters, digits, dashes, underscores and dots; starts and ends with a letter or digit; 63 characters at most.
            error at annotations["terraform-provider-mesh/owner"]: Reserved key
              terraform-provider-mesh/owner means something to Istio or to this provider, which writes it where arguments ask for it. Remove it, and use the argument.
            error at annotations["/"]: Invalid key
              A key is a name of letters, digits, dashes, underscores and dots, 63 characters at most, with or without a DNS name and "/" in front, like "example.com/team".
        "#]],
    );
}

#[test]
fn the_default_account() {
    check::<Service>(
        &payments(
            r#"
        service_account = "default"
    "#,
        ),
        &expect![[r#"
            error at service_account: Service account "default"
              Every workload of the namespace without an account of its own runs as "default", so rules about it would be about all of them. Give the service an account of its own, and its workload's pods the same serviceAccountName.
        "#]],
    );
}

#[test]
fn no_port() {
    check::<Service>(
        r#"
        name      = "payments"
        namespace = "pci"

    "#,
        &expect![[r#"
            error at port: Missing required block
              Istio must know what is spoken on which port. Write a port block for each port of the Service, or service = "none" for a workload without one.
        "#]],
    );
}

#[test]
fn a_port_twice() {
    check::<Service>(
        r#"
        name      = "payments"
        namespace = "pci"
        port {
          number   = 80
          protocol = "http"
        }
        port {
          number   = 80
          protocol = "grpc"
        }
    "#,
        &expect![[r#"
            error at port[1].number: Port 80 declared twice
              A Service has each port once. Remove one of the blocks, or give it another number.
        "#]],
    );
}

#[test]
fn two_protocols_on_one_target() {
    check::<Service>(
        r#"
        name      = "payments"
        namespace = "pci"
        port {
          number      = 80
          protocol    = "http"
          target_port = 8080
        }
        port {
          number   = 8080
          protocol = "tcp"
        }
    "#,
        &expect![[r#"
            error at port[1].protocol: Two protocols on target port 8080
              The workload's proxy sees only where it listens, and http and tcp are told apart by the port. Use one protocol, or two target ports.
        "#]],
    );
}

#[test]
fn an_http_rule_on_a_tcp_port() {
    check::<Service>(
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
          ports   = [80, 9000]
        }
    "#,
        &expect![[r#"
            error at allow[0].ports: HTTP rule on tcp port 9000
              A proxy sees no methods on a port that speaks tcp, so the rule would never match there. Remove 9000 from ports, and write an allow block of its own for it, with from and ports alone.
        "#]],
    );
}

#[test]
fn an_http_rule_without_an_http_port() {
    check::<Service>(
        r#"
        name      = "payments"
        namespace = "pci"
        port {
          number   = 5432
          protocol = "tcp"
        }
        allow {
          from  = ["shop/checkout"]
          paths = ["/v1/*"]
        }
    "#,
        &expect![[r#"
            error at allow[0].paths: HTTP rule without an HTTP port
              A proxy sees paths only on ports that speak http, http2 or grpc, and the service has port 5432 (tcp), so the rule would never match. Remove paths, or correct the protocol of the port.
        "#]],
    );
}

#[test]
fn a_port_that_is_not_there() {
    check::<Service>(
        &payments(
            r#"
        allow {
          from  = ["shop/checkout"]
          ports = [8081]
        }
    "#,
        ),
        &expect![[r#"
            error at allow[0].ports: No port 8081
              The service has port 8080 (http). Write numbers of port blocks (not target ports), or add a port block.
        "#]],
    );
}

#[test]
fn a_timeout_without_an_http_port() {
    check::<Service>(
        r#"
        name      = "payments"
        namespace = "pci"
        request_timeout = "5s"
        port {
          number   = 5432
          protocol = "tcp"
        }
    "#,
        &expect![[r#"
            error at request_timeout: Timeout without an HTTP port
              Only requests have a timeout, and no port of the service speaks http, http2 or grpc. Remove request_timeout, or correct the protocol of the port.
        "#]],
    );
}

#[test]
fn nothing_said() {
    check::<Service>(
        r#"
        name      = "payments"
        namespace = "pci"
        service            = "none"
        authorization_mode = "off"
    "#,
        &expect![[r#"
            error: The resource says nothing
              With service = "none" and authorization_mode = "off" there is no object to make. Write calls, or let authorization be checked, or remove the resource.
        "#]],
    );
}

#[test]
fn a_host_of_the_cluster_among_calls() {
    check::<Service>(
        &payments(
            r#"
        calls = ["catalog.shop.svc.cluster.local", "*.shop.svc.cluster.local", "api.cluster.local"]
    "#,
        ),
        &expect![[r#"
            error at calls: *.shop.svc.cluster.local is a host of the cluster
              In calls, *.shop.svc.cluster.local would be looked for among external services. Write "shop/*" for a service of the cluster.
            error at calls: api.cluster.local is a host of the cluster
              In calls, api.cluster.local would be looked for among external services. Write "namespace/name" for a service of the cluster.
            error at calls: catalog.shop.svc.cluster.local is a host of the cluster
              In calls, catalog.shop.svc.cluster.local would be looked for among external services. Write "shop/catalog" for a service of the cluster.
        "#]],
    );
}

#[test]
fn the_root_namespace_is_warned_of() {
    let text = payments("").replace("pci", "istio-system");
    let meaning = super::meaning::<Service>(&mesh(), &text);
    expect![[r#"
        warning at namespace: Service in the root namespace
          Policies in istio-system apply to the workloads of every namespace that carry the labels of selector. Make sure that no others do, or give the service a namespace of its own.
    "#]].assert_eq(meaning.split("---").next().unwrap_or_default());
}

// === values that come at apply ===

/// Which objects are known, and which outputs.
fn knowledge(text: &str, expect: &Expect) {
    let (objects, outputs) = super::knowledge::<Service>(text);
    expect.assert_eq(&format!("{objects}{outputs}"));
}

#[test]
fn unknown_name() {
    knowledge(
        r#"
        name      = unknown
        namespace = "pci"
        port {
          number   = 8080
          protocol = "http"
        }
    "#,
        &expect![[r#"
            which objects there are: known at apply
            id = (known after apply)
            effective_callers = (known after apply)
            effective_resiliency = "medium"
            host = (known after apply)
            principal = (known after apply)
        "#]],
    );
}

#[test]
fn unknown_selector() {
    knowledge(
        &payments(
            r#"
        selector = unknown
    "#,
        ),
        &expect![[r#"
            Service/pci/payments: known
            DestinationRule/pci/payments-pci: known
            VirtualService/pci/payments-pci: known
            AuthorizationPolicy/pci/payments-pci: known at apply
            id = "pci/payments"
            effective_callers = ["pci/*"]
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn unknown_service() {
    knowledge(
        &payments(
            r#"
        service = unknown
    "#,
        ),
        &expect![[r#"
            which objects there are: known at apply
            id = "pci/payments"
            effective_callers = ["pci/*"]
            effective_resiliency = "medium"
            host = (known after apply)
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn unknown_service_account() {
    knowledge(
        &payments(
            r#"
        service_account = unknown
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
            principal = (known after apply)
        "#]],
    );
}

#[test]
fn unknown_create_service_account() {
    knowledge(
        &payments(
            r#"
        create_service_account = unknown
    "#,
        ),
        &expect![[r#"
            which objects there are: known at apply
            id = "pci/payments"
            effective_callers = ["pci/*"]
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn unknown_access() {
    knowledge(
        &payments(
            r#"
        access = unknown
    "#,
        ),
        &expect![[r#"
            Service/pci/payments: known at apply
            DestinationRule/pci/payments-pci: known at apply
            VirtualService/pci/payments-pci: known at apply
            AuthorizationPolicy/pci/payments-pci: known at apply
            id = "pci/payments"
            effective_callers = (known after apply)
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn unknown_authorization_mode() {
    knowledge(
        &payments(
            r#"
        authorization_mode = unknown
    "#,
        ),
        &expect![[r#"
            which objects there are: known at apply
            id = "pci/payments"
            effective_callers = (known after apply)
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn unknown_calls() {
    knowledge(
        &payments(
            r#"
        calls = unknown
    "#,
        ),
        &expect![[r#"
            which objects there are: known at apply
            id = "pci/payments"
            effective_callers = ["pci/*"]
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn unknown_resiliency() {
    knowledge(
        &payments(
            r#"
        resiliency = unknown
    "#,
        ),
        &expect![[r#"
            Service/pci/payments: known
            DestinationRule/pci/payments-pci: known at apply
            VirtualService/pci/payments-pci: known at apply
            AuthorizationPolicy/pci/payments-pci: known
            id = "pci/payments"
            effective_callers = ["pci/*"]
            effective_resiliency = (known after apply)
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn unknown_request_timeout() {
    knowledge(
        &payments(
            r#"
        request_timeout = unknown
    "#,
        ),
        &expect![[r#"
            Service/pci/payments: known
            DestinationRule/pci/payments-pci: known
            VirtualService/pci/payments-pci: known at apply
            AuthorizationPolicy/pci/payments-pci: known
            id = "pci/payments"
            effective_callers = ["pci/*"]
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn unknown_labels() {
    knowledge(
        &payments(
            r#"
        labels = unknown
    "#,
        ),
        &expect![[r#"
            Service/pci/payments: known
            DestinationRule/pci/payments-pci: known at apply
            VirtualService/pci/payments-pci: known at apply
            AuthorizationPolicy/pci/payments-pci: known at apply
            id = "pci/payments"
            effective_callers = ["pci/*"]
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn unknown_annotations() {
    knowledge(
        &payments(
            r#"
        annotations = unknown
    "#,
        ),
        &expect![[r#"
            Service/pci/payments: known
            DestinationRule/pci/payments-pci: known at apply
            VirtualService/pci/payments-pci: known at apply
            AuthorizationPolicy/pci/payments-pci: known at apply
            id = "pci/payments"
            effective_callers = ["pci/*"]
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn an_unknown_label() {
    knowledge(
        &payments(
            r#"
        labels = { team = unknown }
    "#,
        ),
        &expect![[r#"
            Service/pci/payments: known
            DestinationRule/pci/payments-pci: known at apply
            VirtualService/pci/payments-pci: known at apply
            AuthorizationPolicy/pci/payments-pci: known at apply
            id = "pci/payments"
            effective_callers = ["pci/*"]
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn an_unknown_destination() {
    knowledge(
        &payments(
            r#"
        calls = ["ledger", unknown]
    "#,
        ),
        &expect![[r#"
            Service/pci/payments: known
            DestinationRule/pci/payments-pci: known
            VirtualService/pci/payments-pci: known
            AuthorizationPolicy/pci/payments-pci: known
            Sidecar/pci/payments-pci: known at apply
            id = "pci/payments"
            effective_callers = ["pci/*"]
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn an_unknown_caller() {
    knowledge(
        &payments(
            r#"
        allow {
          from = ["shop/checkout", unknown]
        }
    "#,
        ),
        &expect![[r#"
            Service/pci/payments: known at apply
            DestinationRule/pci/payments-pci: known at apply
            VirtualService/pci/payments-pci: known at apply
            AuthorizationPolicy/pci/payments-pci: known at apply
            id = "pci/payments"
            effective_callers = (known after apply)
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

/// Who sees the service depends on callers alone.
#[test]
fn unknown_paths() {
    knowledge(
        &payments(
            r#"
        allow {
          from  = ["shop/checkout"]
          paths = unknown
        }
    "#,
        ),
        &expect![[r#"
            Service/pci/payments: known
            DestinationRule/pci/payments-pci: known
            VirtualService/pci/payments-pci: known
            AuthorizationPolicy/pci/payments-pci: known at apply
            id = "pci/payments"
            effective_callers = ["shop/checkout"]
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn unknown_rules() {
    knowledge(
        &payments(
            r#"
        allow = unknown
    "#,
        ),
        &expect![[r#"
            Service/pci/payments: known at apply
            DestinationRule/pci/payments-pci: known at apply
            VirtualService/pci/payments-pci: known at apply
            AuthorizationPolicy/pci/payments-pci: known at apply
            id = "pci/payments"
            effective_callers = (known after apply)
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

/// Whether there is a VirtualService is known when some port is known to speak HTTP.
#[test]
fn an_unknown_protocol() {
    knowledge(
        r#"
        name      = "payments"
        namespace = "pci"
        port {
          number   = 80
          protocol = unknown
        }
    "#,
        &expect![[r#"
            which objects there are: known at apply
            id = "pci/payments"
            effective_callers = ["pci/*"]
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn an_unknown_protocol_beside_http() {
    knowledge(
        &payments(
            r#"
        port {
          number   = 9000
          protocol = unknown
        }
    "#,
        ),
        &expect![[r#"
            Service/pci/payments: known
            DestinationRule/pci/payments-pci: known
            VirtualService/pci/payments-pci: known at apply
            AuthorizationPolicy/pci/payments-pci: known
            id = "pci/payments"
            effective_callers = ["pci/*"]
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn an_unknown_number() {
    knowledge(
        &payments(
            r#"
        service = "managed"
        port {
          number   = unknown
          protocol = "tcp"
        }
    "#,
        ),
        &expect![[r#"
            Service/pci/payments: known at apply
            ServiceAccount/pci/payments: known
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

#[test]
fn unknown_ports() {
    knowledge(
        r#"
        name      = "payments"
        namespace = "pci"
        port = unknown
    "#,
        &expect![[r#"
            which objects there are: known at apply
            id = "pci/payments"
            effective_callers = ["pci/*"]
            effective_resiliency = "medium"
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

#[test]
fn an_unknown_timeout_of_the_operation() {
    knowledge(
        &payments(
            r#"
        timeouts {
          create = unknown
        }
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

/// What is known is judged all the same.
#[test]
fn mistakes_beside_knowledge() {
    check::<Service>(
        &payments(
            "service_account = \"default\"\nallow {\n  from = unknown\n  ports = [8081]\n}\ncalls = [unknown, \"/\"]",
        ),
        &expect![[r#"
            error at calls: Invalid calls
              "/" isn't a destination. Write "ledger" (this namespace), "shop/catalog", "shop/*", "api.stripe.com", "*.s3.amazonaws.com", or "team/api.partner.com".
            error at service_account: Service account "default"
              Every workload of the namespace without an account of its own runs as "default", so rules about it would be about all of them. Give the service an account of its own, and its workload's pods the same serviceAccountName.
            error at allow[0].ports: No port 8081
              The service has port 8080 (http). Write numbers of port blocks (not target ports), or add a port block.
        "#]],
    );
}
