//! Who may call, and who sees the service.

use expect_test::{expect, expect_file};
use terraform_provider_mesh::resources::service::Service;

use super::payments;
use crate::golden::{check, check_object};

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
