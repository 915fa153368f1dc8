//! Who may call, and who sees the service.

use expect_test::{expect, expect_file};
use terraform_provider_mesh::resources::{ResourceType as _, service::Service};

use super::payments;
use crate::golden::{check, check_keys, check_object, check_outputs, mesh};

/// A service that speaks HTTP and bytes.
const MIXED: &str = r#"
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
"#;

/// Every argument about who may call, but for the one that knows no trial.
const ALL: &str = r#"
    access    = "namespace"
    export_to = ["shop", "istio-ingress"]
    allow {
      from    = ["istio-ingress/gateway"]
      methods = ["GET", "POST"]
      paths   = ["/v1/*"]
      hosts   = ["payments.example.com"]
      end_user {
        issuer = "https://accounts.example.com"
        claims = { groups = ["customers"] }
      }
    }
    allow {
      from      = ["shop/checkout"]
      ports     = [9000]
      ip_blocks = ["10.0.0.0/8"]
    }
    deny {
      from  = ["*"]
      paths = ["/internal/*"]
    }
    deny {
      from      = ["anonymous"]
      ip_blocks = ["10.66.0.0/16"]
    }
    require_end_user {
      except_paths = ["/healthz"]
    }
"#;

const EXTERNAL: &str = r#"
    external_authorization {
      provider = "opa"
      paths    = ["/v1/refunds/*"]
    }
"#;

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

/// Requests on HTTP ports must carry a token that the mesh verified, but for some paths; other ports carry none.
#[test]
fn require_end_user() {
    let text = format!("{MIXED}\nrequire_end_user {{\n  except_paths = [\"/healthz\", \"/signin/*\"]\n}}");
    check_object::<Service>(
        "AuthorizationPolicy/pci/payments-pci-end-user",
        &text,
        &expect![[r#"
        AuthorizationPolicy/pci/payments-pci-end-user
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata:
          annotations:
            istio.io/dry-run: "false"
          name: payments-pci-end-user
          namespace: pci
        spec:
          action: DENY
          rules:
          - to:
            - operation:
                notPaths:
                - /healthz
                - /signin/*
                ports:
                - "8080"
            when:
            - key: request.auth.claims[iss]
              notValues:
              - "*"
          selector:
            matchLabels:
              app: payments
    "#]],
    );
    let text = format!("{MIXED}\nrequire_end_user {{}}");
    check_object::<Service>(
        "AuthorizationPolicy/pci/payments-pci-end-user",
        &text,
        &expect![[r#"
        AuthorizationPolicy/pci/payments-pci-end-user
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata:
          annotations:
            istio.io/dry-run: "false"
          name: payments-pci-end-user
          namespace: pci
        spec:
          action: DENY
          rules:
          - to:
            - operation:
                ports:
                - "8080"
            when:
            - key: request.auth.claims[iss]
              notValues:
              - "*"
          selector:
            matchLabels:
              app: payments
    "#]],
    );
}

/// Istio refuses the annotation of a trial on it, even when false.
#[test]
fn external_authorization() {
    let text = format!("{MIXED}\nexternal_authorization {{\n  provider = \"opa\"\n  paths = [\"/admin/*\"]\n}}");
    check_object::<Service>(
        "AuthorizationPolicy/pci/payments-pci-ext-authz",
        &text,
        &expect![[r#"
        AuthorizationPolicy/pci/payments-pci-ext-authz
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata:
          name: payments-pci-ext-authz
          namespace: pci
        spec:
          action: CUSTOM
          provider:
            name: opa
          rules:
          - to:
            - operation:
                paths:
                - /admin/*
                ports:
                - "8080"
          selector:
            matchLabels:
              app: payments
    "#]],
    );
    let text = format!("{MIXED}\nexternal_authorization {{\n  provider = \"opa\"\n}}");
    check_object::<Service>(
        "AuthorizationPolicy/pci/payments-pci-ext-authz",
        &text,
        &expect![[r#"
        AuthorizationPolicy/pci/payments-pci-ext-authz
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata:
          name: payments-pci-ext-authz
          namespace: pci
        spec:
          action: CUSTOM
          provider:
            name: opa
          rules:
          - to:
            - operation:
                ports:
                - "8080"
          selector:
            matchLabels:
              app: payments
    "#]],
    );
}

/// What lets in and what refuses, each a policy of its own.
#[test]
fn every_policy() {
    check::<Service>(&format!("{MIXED}{ALL}{EXTERNAL}"), &expect_file!["authorization.yaml"]);
    // What is refused isn't taken away.
    check_outputs::<Service>(
        &format!("{MIXED}{ALL}"),
        &expect![[r#"
            id = "pci/payments"
            effective_callers = ["istio-ingress/gateway", "pci/*", "shop/checkout"]
            effective_resiliency = "medium"
            global_host = null
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

/// A run that was cut off may have left any of them: the next one looks for all.
#[test]
fn every_policy_is_looked_for() {
    let possible: Vec<String> = Service::possible_objects("pci/payments", &mesh())
        .iter()
        .map(|(key, stage)| format!("{key} {}", stage.0))
        .collect();
    let policies: Vec<_> = possible.into_iter().filter(|key| key.starts_with("AuthorizationPolicy")).collect();
    expect![[r#"
        AuthorizationPolicy/pci/payments-pci 30
        AuthorizationPolicy/pci/payments-pci-deny 50
        AuthorizationPolicy/pci/payments-pci-end-user 50
        AuthorizationPolicy/pci/payments-pci-ext-authz 50"#]]
    .assert_eq(&policies.join("\n"));
}

/// A service without `allow` keeps its default beside what it refuses.
#[test]
fn deny_alone() {
    check::<Service>(
        &payments(
            r#"
        deny {
          from    = ["pci/*"]
          methods = ["DELETE"]
        }
    "#,
        ),
        &expect_file!["deny_alone.yaml"],
    );
}

/// Nothing refuses in a trial, and every namespace sees the service, but where `export_to` says otherwise.
#[test]
fn every_policy_in_a_trial() {
    let text = format!("{MIXED}{ALL}\nauthorization_mode = \"dry_run\"");
    check::<Service>(&text, &expect_file!["authorization_dry_run.yaml"]);
}

#[test]
fn no_policy_when_off() {
    check_keys::<Service>(
        &format!("{MIXED}{ALL}{EXTERNAL}\nauthorization_mode = \"off\""),
        &expect![[r#"
        Service/pci/payments
        DestinationRule/pci/payments-pci
        VirtualService/pci/payments-pci
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
