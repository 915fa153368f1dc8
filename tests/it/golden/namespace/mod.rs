//! Objects, computed attributes and diagnostics of `mesh_namespace`.

mod change;
mod live;
mod mistakes;
mod unknowns;

use std::collections::BTreeSet;

use expect_test::{expect, expect_file};
use terraform_provider_mesh::{mesh::Mesh, resources::namespace::Namespace};

use crate::golden::{check, check_in, check_object, check_outputs, mesh};

#[test]
fn required_arguments_only() {
    let text = r#"
        name = "shop"
    "#;
    check::<Namespace>(
        text,
        &expect![[r#"
        --- # Namespace/shop
        apiVersion: v1
        kind: Namespace
        metadata:
          name: shop
    "#]],
    );
    check_outputs::<Namespace>(
        text,
        &expect![[r#"
        id = "shop"
    "#]],
    );
}

#[test]
fn every_argument() {
    let text = r#"
        name               = "shop"
        team               = "storefront"
        injection          = true
        create             = true
        calls              = ["pci/payments", "api.stripe.com", "reporting/*"]
        authorization_mode = "enforce"
        force_destroy      = true
        labels             = { "example.com/tier" = "1" }
        annotations        = { "example.com/cost-centre" = "4711" }
        adopt_existing     = true
        pod_security {
          enforce         = "baseline"
          enforce_version = "v1.34"
          audit           = "restricted"
          audit_version   = "latest"
          warn            = "restricted"
          warn_version    = "v1.34"
        }
        allow {
          from  = ["monitoring/prometheus", "probe"]
          ports = [9090]
        }
        allow {
          from      = ["*"]
          paths     = ["/healthz"]
          methods   = ["GET"]
          ip_blocks = ["10.0.0.0/8"]
        }
        rate_limit {
          selector = { app = "catalog" }
          port     = 8080
          requests = 100
          interval = "10s"
          burst    = 300
        }
        rate_limit {
          port     = 8081
          requests = 5
        }
        telemetry {
          access_logging {}
        }
        telemetry {
          selector = { app = "catalog" }
          tracing {
            provider         = "otel"
            disabled         = true
            environment_tags = { node = "NODE_NAME" }
          }
          access_logging {
            provider = "envoy"
            disabled = true
          }
          metrics {
            tags = { request_host = "request.host" }
          }
        }
        override {
          kind   = "EnvoyFilter"
          suffix = "rate-limit-8081"
          patch  = jsonencode({ spec = { priority = 20 } })
        }
        override {
          kind  = "Sidecar"
          patch = jsonencode({ spec = { inboundConnectionPool = { http = { http2MaxRequests = 500 } } } })
        }
        mtls {
          mode = "strict"
          exception {
            service     = "catalog"
            selector    = { app = "catalog", tier = "api" }
            port        = 80
            target_port = 8080
            mode        = "permissive"
          }
          exception {
            service  = "catalog"
            selector = { app = "catalog", tier = "api" }
            port     = 9090
            mode     = "disable"
          }
          exception {
            service = "legacy"
            port    = 8443
          }
        }
        rbac {
          groups           = ["storefront-developers", "storefront-leads"]
          users            = ["jane@example.com"]
          service_accounts = ["ci/storefront-pipeline", "deployer"]
          cluster_role     = "storefront-operators"
        }
        timeouts {
          delete = "10m"
        }
    "#;
    check::<Namespace>(text, &expect_file!["every_argument.yaml"]);
}

#[test]
fn revision() {
    check::<Namespace>(
        r#"
        name     = "shop"
        revision = "stable"
    "#,
        &expect![[r#"
            --- # Namespace/shop
            apiVersion: v1
            kind: Namespace
            metadata:
              labels:
                istio.io/rev: stable
              name: shop
        "#]],
    );
}

/// The label disables injection even if the installation injects by default.
#[test]
fn injection_disabled() {
    check::<Namespace>(
        r#"
        name      = "shop"
        injection = false
    "#,
        &expect![[r#"
            --- # Namespace/shop
            apiVersion: v1
            kind: Namespace
            metadata:
              labels:
                istio-injection: disabled
              name: shop
        "#]],
    );
}

/// The Namespace gets only the labels of the resource's arguments, and none of the provider's.
#[test]
fn existing_namespace() {
    let mesh = Mesh { labels: [("managed-by".to_owned(), "terraform".to_owned())].into(), ..mesh() };
    check_in::<Namespace>(
        &mesh,
        r#"
        name               = "shop"
        create             = false
        injection          = true
        authorization_mode = "audit"
    "#,
        &expect![[r#"
            --- # Namespace/shop: these fields of it
            apiVersion: v1
            kind: Namespace
            metadata:
              labels:
                istio-injection: enabled
              name: shop
            --- # AuthorizationPolicy/shop/deny-all-audit
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata:
              labels:
                managed-by: terraform
              name: deny-all-audit
              namespace: shop
            spec:
              action: AUDIT
              rules:
              - {}
        "#]],
    );
}

/// Without labels or annotations to set, the Namespace isn't among the objects.
#[test]
fn existing_namespace_without_labels() {
    check::<Namespace>(
        r#"
        name               = "shop"
        create             = false
        authorization_mode = "dry_run"
    "#,
        &expect![[r#"
            --- # AuthorizationPolicy/shop/deny-all
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata:
              annotations:
                istio.io/dry-run: "true"
              name: deny-all
              namespace: shop
            spec:
              action: ALLOW
              rules: []
        "#]],
    );
}

#[test]
fn authorization_off() {
    let off = r#"
        name               = "shop"
        authorization_mode = "off"
    "#;
    check::<Namespace>(
        off,
        &expect![[r#"
        --- # Namespace/shop
        apiVersion: v1
        kind: Namespace
        metadata:
          name: shop
    "#]],
    );
}

/// The Sidecar contains the own namespace and the platform hosts, which every proxy needs.
#[test]
fn empty_calls() {
    let mesh = Mesh { platform_hosts: BTreeSet::from(["observability/*".to_owned()]), ..mesh() };
    check_in::<Namespace>(
        &mesh,
        r#"
        name  = "shop"
        calls = []
    "#,
        &expect![[r#"
            --- # Namespace/shop
            apiVersion: v1
            kind: Namespace
            metadata:
              name: shop
            --- # Sidecar/shop/default
            apiVersion: networking.istio.io/v1
            kind: Sidecar
            metadata:
              name: default
              namespace: shop
            spec:
              egress:
              - hosts:
                - ./*
                - observability/*
              outboundTrafficPolicy:
                mode: REGISTRY_ONLY
        "#]],
    );
}

#[test]
fn outbound_traffic_policy_of_calls() {
    check_object::<Namespace>(
        "Sidecar",
        "name = \"shop\"\ncalls = []\noutbound_traffic_policy = \"inherit\"",
        &expect![[r#"
            Sidecar/shop/default
            apiVersion: networking.istio.io/v1
            kind: Sidecar
            metadata:
              name: default
              namespace: shop
            spec:
              egress:
              - hosts:
                - ./*
        "#]],
    );
    check::<Namespace>(
        "name = \"shop\"\noutbound_traffic_policy = \"inherit\"",
        &expect![[r#"
        error at outbound_traffic_policy: outbound_traffic_policy without calls
          It is about calls of hosts that calls doesn't list, and is written into the same Sidecar. Write calls as well, or remove outbound_traffic_policy. The policy of the whole mesh is an argument of mesh_global_defaults.
    "#]],
    );
}

#[test]
fn mtls_is_strict_by_default() {
    check_object::<Namespace>(
        "PeerAuthentication",
        r#"
        name = "shop"
        mtls {}
    "#,
        &expect![[r#"
            PeerAuthentication/shop/default
            apiVersion: security.istio.io/v1
            kind: PeerAuthentication
            metadata:
              name: default
              namespace: shop
            spec:
              mtls:
                mode: STRICT
        "#]],
    );
}

/// One port requires mTLS while the namespace is still permissive.
#[test]
fn mtls_exception_for_a_port() {
    check::<Namespace>(
        r#"
        name = "shop"
        mtls {
          mode = "permissive"
          exception {
            service = "payments"
            port    = 8080
            mode    = "strict"
          }
        }
    "#,
        &expect![[r#"
            --- # Namespace/shop
            apiVersion: v1
            kind: Namespace
            metadata:
              name: shop
            --- # PeerAuthentication/shop/default
            apiVersion: security.istio.io/v1
            kind: PeerAuthentication
            metadata:
              name: default
              namespace: shop
            spec:
              mtls:
                mode: PERMISSIVE
            --- # PeerAuthentication/shop/payments-shop
            apiVersion: security.istio.io/v1
            kind: PeerAuthentication
            metadata:
              name: payments-shop
              namespace: shop
            spec:
              mtls:
                mode: PERMISSIVE
              portLevelMtls:
                "8080":
                  mode: STRICT
              selector:
                matchLabels:
                  app: payments
        "#]],
    );
}

#[test]
fn rbac_for_a_service_account() {
    check_object::<Namespace>(
        "RoleBinding",
        r#"
        name = "shop"
        rbac {
          service_accounts = ["ci/pipeline"]
        }
    "#,
        &expect![[r#"
            RoleBinding/shop/mesh-app-team
            apiVersion: rbac.authorization.k8s.io/v1
            kind: RoleBinding
            metadata:
              name: mesh-app-team
              namespace: shop
            roleRef:
              apiGroup: rbac.authorization.k8s.io
              kind: ClusterRole
              name: mesh-app-team
            subjects:
            - kind: ServiceAccount
              name: pipeline
              namespace: ci
        "#]],
    );
}

#[test]
fn provider_labels() {
    let mesh = Mesh { labels: [("managed-by".to_owned(), "terraform".to_owned())].into(), ..mesh() };
    check_in::<Namespace>(
        &mesh,
        r#"
        name  = "shop"
        calls = []
    "#,
        &expect![[r#"
            --- # Namespace/shop
            apiVersion: v1
            kind: Namespace
            metadata:
              labels:
                managed-by: terraform
              name: shop
            --- # Sidecar/shop/default
            apiVersion: networking.istio.io/v1
            kind: Sidecar
            metadata:
              labels:
                managed-by: terraform
              name: default
              namespace: shop
            spec:
              egress:
              - hosts:
                - ./*
              outboundTrafficPolicy:
                mode: REGISTRY_ONLY
        "#]],
    );
}

/// Unlike a `mesh_service`, a namespace may have nothing but labels of an existing Namespace.
#[test]
fn existing_namespace_with_labels_alone() {
    check::<Namespace>(
        "name = \"shop\"\ncreate = false\nlabels = { tier = \"frontend\" }",
        &expect![[r#"
            --- # Namespace/shop: these fields of it
            apiVersion: v1
            kind: Namespace
            metadata:
              labels:
                tier: frontend
              name: shop
        "#]],
    );
}
