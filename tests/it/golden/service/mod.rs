//! Objects, computed attributes and diagnostics of `mesh_service`.

mod access;
mod access_mistakes;
mod allow_and_deny;
mod change;
mod export;
mod global_name;
mod ingress;
mod ingress_routes;
mod live;
mod mistakes;
mod takeover_and_overrides;
mod traffic;
mod unknowns;

use expect_test::{expect, expect_file};
use terraform_provider_mesh::{
    mesh::{Mesh, duration::Duration, resiliency::Preset, service::AuthorizationMode},
    resources::service::Service,
};

use crate::golden::{
    check, check_in, check_keys, check_object, check_outputs, mesh, registry_only_mesh, rendered_text,
};

/// A service with one HTTP port and `arguments`.
fn payments(arguments: &str) -> String {
    format!(
        "name = \"payments\"\nnamespace = \"pci\"\nport {{\n  number = 8080\n  protocol = \"http\"\n}}\n{arguments}"
    )
}

#[test]
fn required_arguments_only() {
    let text = r#"
        name      = "payments"
        namespace = "pci"
        port {
          number   = 8080
          protocol = "http"
        }
    "#;
    check::<Service>(text, &expect_file!["required_arguments.yaml"]);
    check_outputs::<Service>(
        text,
        &expect![[r#"
            id = "pci/payments"
            effective_callers = ["pci/*"]
            effective_resiliency = null
            global_host = null
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
    mesh.labels.insert("team".to_owned(), "mesh".to_owned());
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
    check_outputs::<Service>(
        text,
        &expect![[r#"
            id = "pci/payments"
            effective_callers = ["other.mesh/ns/far/sa/away", "pci/*", "pci/batch", "reporting/*", "shop/checkout"]
            effective_resiliency = "high"
            global_host = null
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments-runner"
        "#]],
    );
}

#[test]
fn resiliency_presets() {
    for preset in ["low", "high", "none"] {
        let path = format!("resiliency_{preset}.yaml");
        check::<Service>(&payments(&format!("resiliency = {preset:?}\nservice = \"managed\"")), &expect_file![path]);
    }
}

#[test]
fn managed_service() {
    check::<Service>(&payments(r#"service = "managed""#), &expect_file!["managed_service.yaml"]);
}

#[test]
fn managed_service_with_existing_service_account() {
    check_keys::<Service>(
        &payments("service = \"managed\"\ncreate_service_account = false"),
        &expect![[r#"
            Service/pci/payments
            AuthorizationPolicy/pci/payments-pci
        "#]],
    );
}

/// A workload that only calls others has no Service, and so no DestinationRule or VirtualService.
#[test]
fn workload_without_a_service() {
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
fn empty_calls() {
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

/// Without a policy of its own, a Sidecar has that of `meshConfig`.
#[test]
fn outbound_traffic_policy_of_calls() {
    let policy = |mesh: &Mesh, policy: &str| {
        let text = payments(&format!("calls = []\noutbound_traffic_policy = \"{policy}\""));
        let rendered = rendered_text::<Service>(mesh, &text);
        let (warnings, objects) = rendered.split_once("---").unwrap();
        let mode = objects.split("outboundTrafficPolicy:\n    mode: ").nth(1).and_then(|text| text.lines().next());
        (warnings.to_owned(), mode.map(str::to_owned))
    };
    let mode = |mode: &str| Some(mode.to_owned());
    assert_eq!(policy(&mesh(), "registry_only"), (String::new(), mode("REGISTRY_ONLY")));
    assert_eq!(policy(&registry_only_mesh(), "inherit"), (String::new(), None));
    let (warning, inherited) = policy(&mesh(), "inherit");
    assert_eq!(inherited, None);
    expect![[r#"
        warning at outbound_traffic_policy: Services that calls doesn't list get clear text
          "inherit" takes the policy of meshConfig, and the provider's installed block doesn't say that it is registry_only. The proxies know only the services that calls lists, so calls of all others in the mesh leave without mutual TLS and without identity, credentials in their headers included. List in calls every service of the mesh that is called, or write outbound_traffic_policy = "registry_only" and declare external hosts with mesh_external_service.
    "#]].assert_eq(&warning);
    let (warning, any) = policy(&registry_only_mesh(), "allow_any");
    assert_eq!(any, mode("ALLOW_ANY"));
    expect![[r#"
        warning at outbound_traffic_policy: Services that calls doesn't list get clear text
          "allow_any" lets calls of unknown hosts out as they are. The proxies know only the services that calls lists, so calls of all others in the mesh leave without mutual TLS and without identity, credentials in their headers included. List in calls every service of the mesh that is called, or write outbound_traffic_policy = "registry_only" and declare external hosts with mesh_external_service.
    "#]].assert_eq(&warning);
    check::<Service>(
        &payments("outbound_traffic_policy = \"allow_any\""),
        &expect![[r#"
        error at outbound_traffic_policy: outbound_traffic_policy without calls
          It is about calls of hosts that calls doesn't list, and is written into the same Sidecar. Write calls as well, or remove outbound_traffic_policy. The policy of the whole mesh is an argument of mesh_global_defaults.
    "#]],
    );
}

#[test]
fn empty_calls_without_a_service() {
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

/// Without HTTP ports there are no request limits, no retries and no VirtualService.
#[test]
fn tcp_only() {
    check::<Service>(
        r#"
        name      = "payments"
        namespace = "pci"
        port {
          number   = 5432
          protocol = "tcp"
        }
    "#,
        &expect_file!["tcp_only.yaml"],
    );
}

#[test]
fn zero_request_timeout_is_no_timeout() {
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
              - "*"
              hosts:
              - payments.pci.svc.cluster.local
              http:
              - match:
                - port: 8080
                route:
                - destination:
                    host: payments.pci.svc.cluster.local
                    port:
                      number: 8080
        "#]],
    );
}

#[test]
fn grpc_has_no_timeout_by_default() {
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
                to:
                - operation:
                    ports:
                    - "9090"
              selector:
                matchLabels:
                  app: payments
        "#]],
    );
}

/// The provider's `defaults` apply unless the argument is set. The default timeout doesn't apply to gRPC ports.
#[test]
fn provider_defaults() {
    let mut mesh = mesh();
    mesh.defaults.resiliency = Some(Preset::High);
    mesh.defaults.request_timeout = Some(Duration::seconds(9));
    mesh.defaults.authorization_mode = AuthorizationMode::DryRun;
    let text = payments("port {\n  number = 9090\n  protocol = \"grpc\"\n}");
    check_in::<Service>(&mesh, &text, &expect_file!["provider_defaults.yaml"]);
    let text = format!("{text}\nresiliency = \"none\"\nrequest_timeout = \"1s\"\nauthorization_mode = \"enforce\"");
    check_in::<Service>(&mesh, &text, &expect_file!["provider_defaults_overridden.yaml"]);
}
