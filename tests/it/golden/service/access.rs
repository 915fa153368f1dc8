//! Authorization: the policies of `access`, `allow`, `deny`, `require_end_user` and `external_authorization`.

use expect_test::{expect, expect_file};
use terraform_provider_mesh::resources::{ResourceType as _, service::Service};

use super::payments;
use crate::golden::{check, check_keys, check_object, check_outputs, mesh};

/// A service with an HTTP and a TCP port.
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

/// Every argument of authorization that supports a dry run.
const AUTHORIZATION: &str = r#"
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

const EXTERNAL_AUTHORIZATION: &str = r#"
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

/// Every workload of the mesh may call, so the objects are exported to all namespaces.
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
                to:
                - operation:
                    ports:
                    - "8080"
              selector:
                matchLabels:
                  app: payments
        "#]],
    );
}

#[test]
fn access_and_allow_are_combined() {
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
                to:
                - operation:
                    ports:
                    - "8080"
              - from:
                - source:
                    principals:
                    - "*"
                to:
                - operation:
                    ports:
                    - "8080"
              selector:
                matchLabels:
                  app: payments
        "#]],
    );
}

#[test]
fn caller_formats() {
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
                to:
                - operation:
                    ports:
                    - "8080"
              selector:
                matchLabels:
                  app: payments
        "#]],
    );
}

#[test]
fn all_workloads_of_the_mesh() {
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
                to:
                - operation:
                    ports:
                    - "8080"
              selector:
                matchLabels:
                  app: payments
        "#]],
    );
}

/// `anonymous` includes callers without an identity, so the rule has no source, whatever else `from` contains.
#[test]
fn anonymous_callers() {
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
fn anonymous_callers_without_restrictions() {
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

/// Arguments contain ports of the Service; the policy contains the target ports of the workload.
#[test]
fn http_attributes_apply_to_http_ports_only() {
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
fn allow_without_attributes_applies_to_every_port() {
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
                to:
                - operation:
                    ports:
                    - "8080"
                    - "19000"
              selector:
                matchLabels:
                  app: payments
        "#]],
    );
}

/// Requests on HTTP ports need a verified token, except on `except_paths`. Other ports are excluded.
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

/// Istio refuses the dry-run annotation on a CUSTOM policy, even with the value `false`.
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

/// Each action has its own policy.
#[test]
fn all_policies() {
    check::<Service>(&format!("{MIXED}{AUTHORIZATION}{EXTERNAL_AUTHORIZATION}"), &expect_file!["authorization.yaml"]);
    // `effective_callers` contains denied callers as well.
    check_outputs::<Service>(
        &format!("{MIXED}{AUTHORIZATION}"),
        &expect![[r#"
            id = "pci/payments"
            effective_callers = ["istio-ingress/gateway", "pci/*", "shop/checkout"]
            effective_resiliency = null
            global_host = null
            host = "payments.pci.svc.cluster.local"
            principal = "cluster.local/ns/pci/sa/payments"
        "#]],
    );
}

/// An interrupted apply may have created any of them, so the next one must find all.
#[test]
fn possible_objects_contain_all_policies() {
    let possible: Vec<String> = Service::possible_objects("pci/payments", &mesh())
        .iter()
        .map(|(key, stage)| format!("{key} {}", stage.0))
        .collect();
    let policies: Vec<_> = possible.into_iter().filter(|key| key.starts_with("AuthorizationPolicy")).collect();
    expect![[r#"
        AuthorizationPolicy/pci/payments-pci 30
        AuthorizationPolicy/pci/payments-pci-deny 25
        AuthorizationPolicy/pci/payments-pci-end-user 25
        AuthorizationPolicy/pci/payments-pci-ext-authz 25"#]]
    .assert_eq(&policies.join("\n"));
}

/// A service without `allow` keeps the default of `access` in addition to its `deny` blocks.
#[test]
fn deny_without_allow() {
    check::<Service>(
        &payments(
            r#"
        deny {
          from    = ["pci/*"]
          methods = ["DELETE"]
        }
    "#,
        ),
        &expect_file!["deny_without_allow.yaml"],
    );
}

/// A dry run refuses no request. The objects are exported to the namespaces of `export_to`.
#[test]
fn all_policies_in_a_dry_run() {
    let text = format!("{MIXED}{AUTHORIZATION}\nauthorization_mode = \"dry_run\"");
    check::<Service>(&text, &expect_file!["authorization_dry_run.yaml"]);
}

#[test]
fn no_policies_when_off() {
    check_keys::<Service>(
        &format!("{MIXED}{AUTHORIZATION}{EXTERNAL_AUTHORIZATION}\nresiliency = \"low\"\nauthorization_mode = \"off\""),
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

/// Browsers send CORS preflights without a token.
#[test]
fn require_end_user_but_for_preflights() {
    check_object::<Service>(
        "AuthorizationPolicy/pci/payments-pci-end-user",
        &payments("require_end_user {\n except_paths = [\"/healthz\"]\n except_methods = [\"OPTIONS\"]\n}"),
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
                    notMethods:
                    - OPTIONS
                    notPaths:
                    - /healthz
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
