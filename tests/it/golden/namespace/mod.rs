//! `mesh_namespace`: every argument, every default.

mod live;
mod mistakes;
mod unknowns;

use std::collections::BTreeSet;

use expect_test::{expect, expect_file};
use terraform_provider_mesh::{mesh::Mesh, resources::namespace::Namespace};

use crate::golden::{check, check_in, check_object, check_outputs, mesh};

#[test]
fn least() {
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
        labels             = { "pod-security.kubernetes.io/enforce" = "restricted" }
        annotations        = { "example.com/cost-centre" = "4711" }
        adopt_existing     = true
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

/// Pods get no sidecar, whatever the installation says.
#[test]
fn no_injection() {
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

/// Somebody else's: labels and annotations that are written, and nothing that the provider block adds.
#[test]
fn of_somebody_else() {
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

/// Nothing is written on the Namespace, so nothing of it is ours.
#[test]
fn of_somebody_else_entirely() {
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
fn off() {
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

/// Only what is in the namespace itself, and what every proxy needs.
#[test]
fn calls_nothing() {
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

/// Strict unless written.
#[test]
fn mtls() {
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

/// A mode for all, and a port that closes before the others do.
#[test]
fn mtls_by_port() {
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
fn rbac_of_a_pipeline() {
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
              kind: Role
              name: mesh-app-team
            subjects:
            - kind: ServiceAccount
              name: pipeline
              namespace: ci
        "#]],
    );
}

#[test]
fn with_the_labels_of_the_provider() {
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
