//! The blocks `authorization`, `gateway_access` and `external_authorization`.

use expect_test::{expect, expect_file};
use terraform_provider_mesh::resources::global_defaults::GlobalDefaults;

use crate::golden::{check, check_keys, check_object};

/// Two gateways of other tools.
const GATEWAYS: &str = r#"
    gateway_access {
      namespace = "istio-ingress"
      selector  = { istio = "ingress" }
      ports     = [8080, 8443]
    }
    gateway_access {
      namespace = "edge"
      selector  = { app = "edge" }
      ports     = [8443]
    }
"#;

fn authorization(mode: &str) -> String {
    format!(
        r#"
        authorization {{
          mode = "{mode}"
          allow {{
            from  = ["monitoring/prometheus"]
            ports = [9090, 9102]
          }}
          allow {{
            from      = ["anonymous"]
            paths     = ["/healthz", "/metrics"]
            methods   = ["GET"]
            ip_blocks = ["10.0.0.0/8"]
          }}
        }}
        {GATEWAYS}
        "#
    )
}

/// Metrics scrapers and health checks are rules of deny-all itself, so that neither takes effect without the other.
#[test]
fn allow_rules_and_policies_of_gateways() {
    check::<GlobalDefaults>(&authorization("enforce"), &expect_file!["gateway_access.yaml"]);
}

/// The policy of a gateway is a dry run exactly while deny-all is one.
#[test]
fn policies_of_gateways_in_a_dry_run() {
    check_object::<GlobalDefaults>(
        "AuthorizationPolicy/edge",
        &authorization("dry_run"),
        &expect![[r#"
            AuthorizationPolicy/edge/gateway-access-f626a0e6
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata:
              annotations:
                istio.io/dry-run: "true"
              name: gateway-access-f626a0e6
              namespace: edge
            spec:
              action: ALLOW
              rules:
              - to:
                - operation:
                    ports:
                    - "8443"
              - from:
                - source:
                    principals:
                    - cluster.local/ns/monitoring/sa/prometheus
                to:
                - operation:
                    ports:
                    - "9090"
                    - "9102"
              - from:
                - source:
                    ipBlocks:
                    - 10.0.0.0/8
                to:
                - operation:
                    methods:
                    - GET
                    paths:
                    - /healthz
                    - /metrics
              selector:
                matchLabels:
                  app: edge
        "#]],
    );
}

/// Where nothing is denied, the policy of a gateway would close the other ports of the gateway.
#[test]
fn no_policies_of_gateways_without_deny_all() {
    for mode in ["off", "audit"] {
        let text = format!("mtls {{}}\n{}", authorization(mode));
        let keys = if mode == "off" {
            expect![[r#"
            PeerAuthentication/istio-system/default
        "#]]
        } else {
            expect![[r#"
            PeerAuthentication/istio-system/default
            AuthorizationPolicy/istio-system/deny-all-audit
        "#]]
        };
        check_keys::<GlobalDefaults>(&text, &keys);
    }
}

#[test]
fn external_authorization() {
    check::<GlobalDefaults>(
        r#"
        external_authorization {
          provider     = "opa"
          selector     = { istio = "ingress" }
          paths        = ["/api/*"]
          except_paths = ["/api/health"]
          except_ports = [9000]
        }
    "#,
        &expect_file!["external_authorization.yaml"],
    );
}

#[test]
fn external_authorization_of_all_requests() {
    check::<GlobalDefaults>(
        r#"
        external_authorization {
          provider = "opa"
        }
    "#,
        &expect![[r#"
            --- # AuthorizationPolicy/istio-system/external-authorization
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata:
              name: external-authorization
              namespace: istio-system
            spec:
              action: CUSTOM
              provider:
                name: opa
              rules:
              - {}
        "#]],
    );
}
